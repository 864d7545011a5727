import PodCore

/// Why a registry does not give what it was asked for. What is asked for is told by its URL without a query, since those of
/// storage servers have keys in them.
enum RegistryProblem: Error, Hashable, Sendable, Codable {
    /// No answer, or one that broke off. The reason is libcurl's.
    case unreachable(url: String, reason: String)
    /// An answer that is not the wanted one; `detail` are the registry's own words.
    case status(Int, url: String, detail: String?)
    /// 401 or 403, whatever was shown, of which the kind is told.
    case denied(url: String, shown: String?, detail: String?)
    /// The server that the registry sends its clients to for a token gives none.
    case noToken(server: String, reason: String)
    /// Credentials would have to go to a host that has nothing to do with the registry.
    case strangeTokenServer(String, registry: String)
    /// A redirect that is not followed.
    case redirect(url: String, reason: String)
    /// An answer that makes no sense.
    case malformed(url: String, reason: String)
    /// Nobody wants it any more.
    case cancelled

    /// Whether other credentials may help.
    var concernsCredentials: Bool {
        switch self {
        case .denied, .noToken, .strangeTokenServer: true
        // What may not be seen is said not to be there.
        case .status(let code, _, _): code == 404
        case .unreachable, .redirect, .malformed, .cancelled: false
        }
    }

    /// Whether the same request may do better in a moment.
    var isPassing: Bool {
        switch self {
        case .unreachable: true
        case .status(let code, _, _): code == 408 || code == 429 || code >= 500
        case .denied, .noToken, .strangeTokenServer, .redirect, .malformed, .cancelled: false
        }
    }
}

extension RegistryProblem: CustomStringConvertible {
    var description: String {
        switch self {
        case .unreachable(let url, let reason): "\(url): \(reason)"
        case .status(let code, let url, let detail):
            "\(url): the registry answers \(code)\(detail.map { ": \($0)" } ?? "")"
        case .denied(let url, let shown, let detail):
            "\(url): access denied \(shown.map { "with \($0)" } ?? "without credentials")"
                + (detail.map { ": \($0)" } ?? "")
        case .noToken(let server, let reason): "the token server \(server) gives no token: \(reason)"
        case .strangeTokenServer(let host, let registry):
            "\(registry) asks for its credentials to be sent to \(host): if that is right, name the host in "
                + "tokenHosts of \(registry) in the configuration"
        case .redirect(let url, let reason): "\(url): \(reason)"
        case .malformed(let url, let reason): "\(url): \(reason)"
        case .cancelled: "the pull was cancelled"
        }
    }
}

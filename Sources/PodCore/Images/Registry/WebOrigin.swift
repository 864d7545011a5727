/// Scheme, host and port: who it is that a URL talks to. (RFC 6454 §4.)
public struct WebOrigin: Hashable, Sendable {
    /// `http` or `https`.
    public let scheme: String
    /// In lower case and without brackets.
    public let host: String
    /// The scheme's own where the URL has none.
    public let port: UInt16

    /// The origin of an absolute URL; nil when it has none, or is neither of HTTP nor of HTTPS.
    public init?(of url: String) {
        guard let reference = HTTPReference(url), let scheme = reference.scheme, let host = reference.host,
            !host.isEmpty, scheme == "http" || scheme == "https"
        else { return nil }
        self.scheme = scheme
        self.host = host.lowercased()
        port = reference.port ?? (scheme == "https" ? 443 : 80)
    }

    /// Whether the credentials for `registry` may be shown to a token server here.
    ///
    /// A registry names its token server itself, and whoever can forge one answer of it could name any. So it has to be
    /// the registry's own host, one of the same domain (`registry-1.docker.io` and `auth.docker.io`, `registry.example.org`
    /// and `example.org`), or one that the node's configuration names; and never without TLS unless the registry itself
    /// does without.
    public func isTrusted(by registry: WebOrigin, tokenHosts: [String]) -> Bool {
        guard scheme == "https" || registry.scheme == "http" else { return false }
        if host == registry.host || tokenHosts.contains(host) { return true }
        // The parts of an address mean nothing to each other.
        let isAddress = IPAddress(registry.host) != nil || IPAddress(host) != nil
        guard !isAddress, let domain = registry.domain else { return false }
        return host == domain || host.hasSuffix(".\(domain)")
    }

    /// The host without its first label, which needs two more behind it; or the host itself when it has only two.
    private var domain: String? {
        let labels = host.split(separator: ".")
        guard labels.count >= 2 else { return nil }
        return labels.count == 2 ? host : labels.dropFirst().joined(separator: ".")
    }
}

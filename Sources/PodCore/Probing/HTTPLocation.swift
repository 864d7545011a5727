/// Where a request goes.
public struct HTTPLocation: Hashable, Sendable, CustomStringConvertible {
    /// HTTP or HTTPS.
    public var scheme: URIScheme
    /// A name, or an address without brackets.
    public var host: String
    /// nil when the URL has none, so that it is the scheme's.
    public var port: UInt16?
    /// Path and query.
    public var target: HTTPTarget

    /// Makes one from its parts.
    public init(scheme: URIScheme, host: String, port: UInt16?, target: HTTPTarget) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.target = target
    }

    /// The port that is connected to.
    public var portNumber: UInt16 { port ?? (scheme == .https ? 443 : 80) }

    /// Host and port as the URL has them.
    public var authority: String {
        if let port { return NetworkCall.address(host: host, port: port) }
        return host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
    }

    /// Host and port that are connected to.
    public var address: String { NetworkCall.address(host: host, port: portNumber) }

    /// The URL.
    public var description: String { "\(scheme.rawValue.lowercased())://\(authority)\(target)" }

    /// Where a `Location` header leads, seen from here.
    enum Destination: Hashable {
        case location(HTTPLocation)
        /// Another host's name, perhaps none at all.
        case otherHost
        /// This host, and neither HTTP nor HTTPS.
        case otherScheme(String)
        case malformed
    }

    /// Resolves a reference, RFC 3986 §5.2. Of a user and password in it nothing is sent: no probe logs in because the
    /// probed one says so.
    func destination(of text: String) -> Destination {
        guard let reference = HTTPReference(text) else { return .malformed }
        let scheme = reference.scheme ?? self.scheme.rawValue.lowercased()
        if reference.scheme == nil && reference.host == nil {
            return .location(
                HTTPLocation(scheme: self.scheme, host: host, port: port, target: merged(reference))
            )
        }
        guard reference.host == host, !reference.isOpaque else { return .otherHost }
        guard let known = URIScheme(rawValue: scheme.uppercased()) else { return .otherScheme(scheme) }
        let target = HTTPTarget(
            escapedPath: Self.withoutDots(reference.path[...]),
            query: reference.query
        )
        return .location(HTTPLocation(scheme: known, host: host, port: reference.port, target: target))
    }

    private func merged(_ reference: HTTPReference) -> HTTPTarget {
        if reference.path.isEmpty {
            return HTTPTarget(escapedPath: target.path, query: reference.query ?? target.query)
        }
        if reference.path.hasPrefix("/") {
            return HTTPTarget(escapedPath: Self.withoutDots(reference.path[...]), query: reference.query)
        }
        let folder = target.path[...(target.path.lastIndex(of: "/") ?? target.path.startIndex)]
        return HTTPTarget(escapedPath: Self.withoutDots(folder + reference.path), query: reference.query)
    }

    /// RFC 3986 §5.2.4.
    private static func withoutDots(_ path: Substring) -> String {
        var kept: [Substring] = []
        let segments = path.drop { $0 == "/" }.split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/")
    }
}

/// What an HTTP probe or hook asks for, without the host.
public struct HTTPCall: Hashable, Sendable {
    /// HTTP or HTTPS.
    public var scheme: URIScheme
    /// Where on the server, ready to be sent.
    public var target: HTTPTarget
    /// As the action has them.
    public var headers: [HTTPHeader]

    /// Makes one from its parts.
    public init(scheme: URIScheme = .http, target: HTTPTarget, headers: [HTTPHeader] = []) {
        self.scheme = scheme
        self.target = target
        self.headers = headers
    }

    /// What the action asks for.
    public init(_ action: HTTPGetAction) {
        self.init(scheme: action.scheme, target: HTTPTarget(path: action.path), headers: action.httpHeaders)
    }
}

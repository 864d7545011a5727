/// One attempt over the network: what a probe or a hook asks, of whom, and for how long (reference §5.4 and §6.4).
public struct NetworkCall: Hashable, Sendable {
    /// On whose behalf it is made.
    public enum Purpose: Hashable, Sendable {
        /// A status of 200 to 399 is a yes.
        case probe
        /// Any HTTP response is a yes, and a server that answers HTTPS in plain HTTP is asked again in plain HTTP.
        case hook
    }

    /// What is asked.
    public enum Question: Hashable, Sendable {
        /// A page.
        case http(HTTPCall)
        /// Whether somebody accepts the connection.
        case tcp
        /// How the service is, by grpc.health.v1.Health/Check; an empty name stands for the server as a whole.
        case grpc(service: String)
    }

    /// What is asked.
    public var question: Question
    /// A name, or an address without brackets.
    public var host: String
    /// The port.
    public var port: UInt16
    /// For the whole attempt: resolving the name, connecting, TLS, redirects, headers and body.
    public var timeout: Duration
    /// On whose behalf it is made.
    public var purpose: Purpose

    /// Makes one from its parts.
    public init(
        _ question: Question,
        host: String,
        port: UInt16,
        timeout: Duration,
        purpose: Purpose = .probe
    ) {
        self.question = question
        self.host = host
        self.port = port
        self.timeout = timeout
        self.purpose = purpose
    }

    /// Host and port as they stand in URLs and messages: `10.88.0.5:80`, `[::1]:80`.
    public var address: String { Self.address(host: host, port: port) }

    /// Joins them; what has a colon is an IPv6 address and gets brackets.
    static func address(host: String, port: UInt16) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// Why there is nobody to ask.
public enum NetworkCallFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The port leads nowhere.
    case port(PortFailure)
    /// Neither the action names a host nor has the Pod an address.
    case noAddress
    /// Neither a name nor an address: written into a URL it would be something else.
    case host(String)

    /// In words.
    public var description: String {
        switch self {
        case .port(let failure): failure.description
        case .noAddress: "the Pod has no address to connect to"
        case .host(let text): "the host \(text.quoted) is neither a name nor an address"
        }
    }

    /// What an attempt has come to that could not be made. As in the kubelet it counts as nothing (reference §5.4, HTTP 1).
    public var outcome: ProbeOutcome { .error(description) }
}

extension NetworkCall {
    /// - Parameters:
    ///   - container: whose ports the action may name.
    ///   - podAddress: where it connects to if the action has no host; nil when the Pod has none (yet).
    public init(
        _ action: HTTPGetAction,
        of container: Container,
        at podAddress: String?,
        timeout: Duration,
        purpose: Purpose = .probe
    ) throws(NetworkCallFailure) {
        self.init(
            .http(HTTPCall(action)),
            host: try Self.host(action.host, podAddress),
            port: try Self.port(action.port, container),
            timeout: timeout,
            purpose: purpose
        )
    }

    /// Parameters as for HTTP. Only probes: the tcpSocket of a hook always fails (reference §6.4).
    public init(
        _ action: TCPSocketAction,
        of container: Container,
        at podAddress: String?,
        timeout: Duration
    ) throws(NetworkCallFailure) {
        self.init(
            .tcp,
            host: try Self.host(action.host, podAddress),
            port: try Self.port(action.port, container),
            timeout: timeout
        )
    }

    /// Always to the Pod's own address.
    public init(
        _ action: GRPCAction,
        at podAddress: String?,
        timeout: Duration
    ) throws(NetworkCallFailure) {
        guard let port = UInt16(exactly: action.port), port > 0 else {
            throw .port(.outOfRange(Int(action.port)))
        }
        self.init(
            .grpc(service: action.service ?? ""),
            host: try Self.host("", podAddress),
            port: port,
            timeout: timeout
        )
    }

    private static func host(_ given: String, _ podAddress: String?) throws(NetworkCallFailure) -> String {
        let host = given.isEmpty ? podAddress ?? "" : given
        if host.isEmpty { throw .noAddress }
        // Somebody who writes the brackets means the same address.
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        guard isName(bare) || isAddress(bare) else { throw .host(host) }
        return bare
    }

    /// As DNS has them, and with underscores, which are found in practice. An IPv4 address is one too.
    private static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isTokenByte && !"!#$%&'*+^`|~".utf8.contains($0) }
    }

    /// An IPv6 address, perhaps with the link that it is on: `fe80::1%eth0`.
    private static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        return IPAddress(parts[0]) != nil && (parts.count == 1 || isName(String(parts[1])))
    }

    private static func port(
        _ port: IntOrString,
        _ container: Container
    ) throws(NetworkCallFailure) -> UInt16 {
        do throws(PortFailure) { return try container.number(of: port) } catch { throw .port(error) }
    }
}

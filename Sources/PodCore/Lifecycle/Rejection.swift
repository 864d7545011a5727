/// Why the node does not admit a Pod (reference §15.3). Never taken back: the Pod stays Failed until it is deleted.
public struct Rejection: Hashable, Sendable, Codable {
    /// Why, in one word: the reason of the status and of the event.
    public var reason: String
    /// Why, for people: the message of the event.
    public var text: String

    /// Makes the pair.
    public init(_ reason: String, _ text: String) {
        self.reason = reason
        self.text = text
    }

    /// The message of the status.
    public var message: String { "Pod was rejected: \(text)" }

    /// A port of the node, in words, that `taken` has already. The kubelet leaves it to the reader to find out which.
    static func port(_ port: String, takenBy taken: PodKey) -> Rejection {
        let sentence =
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
        return Rejection("NodePorts", "\(sentence): \(port) is taken by Pod \(taken)")
    }
}

/// What of the node a Pod keeps from others.
struct NodeClaim: Sendable {
    /// Whether it keeps it.
    enum State: Sendable {
        case holds
        /// It ends, or has ended and that is not on the disk yet: whoever wants the same waits for a moment.
        case letsGo
        /// It has ended, or was never admitted.
        case none
    }

    var state: State
    let ports: [HostPort]

    init(_ pod: Pod, _ state: State) {
        self.state = state
        ports = pod.spec.hostPorts
    }

    /// The first port of another Pod that is among these, in words.
    func conflict(with wanted: [HostPort]) -> String? {
        if state == .none || ports.isEmpty { return nil }
        return wanted.first { port in ports.contains { $0.conflicts(with: port) } }?.description
    }
}

extension HostPort: CustomStringConvertible {
    /// For messages: `TCP port 80`, with the address if it is a particular one.
    public var description: String {
        switch place {
        case .anywhere: "\(transport.rawValue) port \(port)"
        case .family(of: let address): "\(transport.rawValue) port \(port) on \(address)"
        case .address(let address): "\(transport.rawValue) port \(port) on \(address)"
        }
    }
}

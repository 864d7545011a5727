/// What an instance of a container is doing. In JSON one of three fields of an object, or none of them.
public enum ContainerState: Sendable, Equatable {
    /// Nothing is known: `{}`.
    case empty
    /// It has not been started, or will be started again.
    case waiting(ContainerStateWaiting)
    /// It runs.
    case running(ContainerStateRunning)
    /// It has ended.
    case terminated(ContainerStateTerminated)
}

extension ContainerState {
    /// Waiting for `reason`.
    public static func waiting(reason: String, message: String = "") -> ContainerState {
        var waiting = ContainerStateWaiting()
        waiting.reason = reason
        waiting.message = message
        return .waiting(waiting)
    }

    /// Running since `startedAt`.
    public static func running(since startedAt: Timestamp) -> ContainerState {
        var running = ContainerStateRunning()
        running.startedAt = startedAt
        return .running(running)
    }

    /// The details, if it waits.
    public var waiting: ContainerStateWaiting? {
        if case .waiting(let state) = self { state } else { nil }
    }

    /// The details, if it runs.
    public var running: ContainerStateRunning? {
        if case .running(let state) = self { state } else { nil }
    }

    /// The details, if it has ended.
    public var terminated: ContainerStateTerminated? {
        if case .terminated(let state) = self { state } else { nil }
    }
}

extension ContainerState: APIValue {
    /// The shape that the state has in JSON.
    private struct Fields: APIObject {
        var running: ContainerStateRunning?
        var terminated: ContainerStateTerminated?
        var waiting: ContainerStateWaiting?

        static let fields = FieldTable<Fields>([
            .field("running", \.running), .field("terminated", \.terminated), .field("waiting", \.waiting),
        ])
    }

    /// Reads a state. If several are given, the one furthest in a container's life counts.
    public static func decode(
        _ document: Document,
        at path: FieldPath,
        report: inout DecodeReport
    ) -> ContainerState? {
        guard let fields = Fields.decode(document, at: path, report: &report) else { return nil }
        if let terminated = fields.terminated { return .terminated(terminated) }
        if let running = fields.running { return .running(running) }
        return fields.waiting.map { .waiting($0) } ?? .empty
    }

    /// An object with the field of the state.
    public var document: Document {
        var fields = Fields()
        switch self {
        case .empty: break
        case .waiting(let state): fields.waiting = state
        case .running(let state): fields.running = state
        case .terminated(let state): fields.terminated = state
        }
        return fields.document
    }

    /// An object with three fields.
    public static var shape: ValueShape { Fields.shape }
}

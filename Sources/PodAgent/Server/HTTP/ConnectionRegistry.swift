import Synchronization

/// The server's connections: how many there are, what each is doing, and how they come to an end.
final class ConnectionRegistry: Sendable {
    /// What a connection is doing, which decides what a stopping server does with it.
    enum Phase {
        /// Between two requests: closed at once.
        case idle
        /// At a request that ends by itself: waited for.
        case answering
        /// At a stream: cancelled.
        case streaming
    }

    private struct Entry {
        var phase = Phase.idle
        var task: Task<Void, Never>?
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var connectionsEver: UInt64 = 0
        var isDraining = false
        /// Finished when the last connection of a draining server has gone.
        var drained: AsyncStream<Never>.Continuation?
    }

    private let connectionsMax: Int
    private let state = Mutex(State())

    init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

    var count: Int { state.withLock { $0.entries.count } }

    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Runs `body` as a connection of its own; false when there are too many or the server stops.
    func start(_ body: @escaping @Sendable (ConnectionSeat) async -> Void) -> Bool {
        let id: UInt64? = state.withLock { state in
            guard !state.isDraining, state.entries.count < connectionsMax else { return nil }
            state.connectionsEver += 1
            state.entries[state.connectionsEver] = Entry()
            return state.connectionsEver
        }
        guard let id else { return false }
        let task = Task {
            await body(ConnectionSeat(registry: self, id: id))
            self.remove(id)
        }
        // The task may have ended already, and the server may have begun to stop.
        let isLate = state.withLock { state in
            state.entries[id]?.task = task
            return state.isDraining
        }
        if isLate { task.cancel() }
        return true
    }

    /// Ends what is idle or endless, waits up to `grace` for the rest, and ends that too. A handler that does not heed
    /// its cancellation is left behind after a further second.
    func drain(grace: Duration) async {
        let (drained, continuation) = AsyncStream<Never>.makeStream()
        let idle = state.withLock { state in
            state.isDraining = true
            if state.entries.isEmpty { continuation.finish() } else { state.drained = continuation }
            return state.entries.values.filter { $0.phase != .answering }.compactMap(\.task)
        }
        for task in idle { task.cancel() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in drained {} }
            group.addTask {
                do {
                    try await Task.sleep(for: grace)
                    for task in self.state.withLock({ $0.entries.values.compactMap(\.task) }) {
                        task.cancel()
                    }
                    try await Task.sleep(for: .seconds(1))
                } catch {
                    return  // Cancelled: the connections were gone before.
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    fileprivate func enter(_ phase: Phase, _ id: UInt64) -> Bool {
        state.withLock { state in
            state.entries[id]?.phase = phase
            return !state.isDraining
        }
    }

    private func remove(_ id: UInt64) {
        let drained = state.withLock { state in
            state.entries[id] = nil
            return state.entries.isEmpty ? state.drained : nil
        }
        drained?.finish()
    }
}

/// A connection's place in the registry.
struct ConnectionSeat: Sendable {
    fileprivate let registry: ConnectionRegistry
    fileprivate let id: UInt64

    /// Notes what the connection is about to do; false when the server stops and it had better not begin.
    func enter(_ phase: ConnectionRegistry.Phase) -> Bool { registry.enter(phase, id) }

    /// Whether the server stops: the answer under way is the last.
    var isDraining: Bool { registry.isDraining }
}

/// How many bytes of request bodies all connections together hold.
final class BodyBudget: Sendable {
    private let left: Mutex<Int>

    init(bytes: Int) { left = Mutex(bytes) }

    func reserve(_ bytes: Int) -> Bool {
        left.withLock { left in
            guard bytes <= left else { return false }
            left -= bytes
            return true
        }
    }

    func release(_ bytes: Int) { left.withLock { $0 += bytes } }
}

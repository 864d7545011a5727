import Synchronization

/// Ends a pull from another thread: whoever waits for something is told at once.
final class PullCancellation: Sendable {
    private struct State {
        var isCancelled = false
        var next = 0
        var handlers: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    init() {}

    /// One that ends with another, and can end before it.
    init(within parent: PullCancellation) {
        // The parent's life is that of the pull, and this one's a part of it.
        _ = parent.add { [weak self] in self?.cancel() }
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func cancel() {
        state.withLock { state in
            state.isCancelled = true
            for handler in state.handlers.values { handler() }
            state.handlers = [:]
        }
    }

    /// Has a handler called when it is cancelled, at once if that has happened; until ``remove(_:)``. Handlers must not
    /// block, nor come back here.
    func add(_ handler: @escaping @Sendable () -> Void) -> Int {
        let number: Int? = state.withLock { state in
            guard !state.isCancelled else { return nil }
            state.next += 1
            state.handlers[state.next] = handler
            return state.next
        }
        if let number { return number }
        handler()
        return 0
    }

    /// When this returns, the handler does not run and will not.
    func remove(_ number: Int) { state.withLock { $0.handlers[number] = nil } }
}

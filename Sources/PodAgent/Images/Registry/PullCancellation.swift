import CCurl
import Synchronization

/// Ends a pull from another thread: whoever waits for a server wakes at once.
final class PullCancellation: Sendable {
    private struct Waiter: Hashable, @unchecked Sendable {
        // curl_multi_wakeup may be called from any thread.
        let multi: UnsafeMutableRawPointer
    }

    private struct State {
        var isCancelled = false
        var waiters: Set<Waiter> = []
    }

    private let state = Mutex(State())

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func cancel() {
        state.withLock { state in
            state.isCancelled = true
            for waiter in state.waiters { curl_multi_wakeup(waiter.multi) }
        }
    }

    /// Until ``remove(_:)``, a cancellation wakes who waits for this handle.
    func add(_ multi: UnsafeMutableRawPointer) {
        state.withLock { _ = $0.waiters.insert(Waiter(multi: multi)) }
    }

    func remove(_ multi: UnsafeMutableRawPointer) {
        state.withLock { _ = $0.waiters.remove(Waiter(multi: multi)) }
    }
}

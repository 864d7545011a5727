import Synchronization

/// Mutual exclusion over awaits: a task that does not get the lock waits in line and blocks no thread.
final class AsyncLock: Sendable {
    private struct State {
        var isHeld = false
        var line: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Runs `body` while no other body runs. Waiting in line does not end with the task's cancellation, so `body`
    /// must be one that does.
    func withLock<Result: Sendable, Failure: Error>(
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        await acquire()
        defer { release() }
        return try await body()
    }

    private func acquire() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.isHeld {
                    state.line.append(continuation)
                    return false
                }
                state.isHeld = true
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    private func release() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            // The lock passes straight to the next in line and is not free in between.
            if !state.line.isEmpty { return state.line.removeFirst() }
            state.isHeld = false
            return nil
        }
        next?.resume()
    }
}

import Dispatch
import Synchronization

/// Waits until a descriptor can be read or written, without a thread.
///
/// ```
///             wait                    the kernel's event, the timer or interrupt()
///   idle ───────────────▶ waiting ───────────────────────────────────────────────▶ idle
///     └───────── cancel ─────┴────────────────────▶ cancelled
/// ```
/// An interrupt that finds nobody waiting ends the next wait, so that none is lost between a read that would block
/// and the wait that follows it. Waiters therefore take an interruption for a reason to look again.
/// The Dispatch source is suspended while nobody waits, because epoll(7) reports by level and would report for ever.
final class Readiness: Sendable {
    enum Direction {
        case reading, writing
    }

    enum Outcome {
        case ready, timedOut
        /// ``interrupt()`` was called or the waiting task was cancelled.
        case interrupted
        /// ``cancel()`` was called: the descriptor is closed or about to be.
        case cancelled
    }

    private enum State {
        case idle(isInterrupted: Bool)
        case waiting(CheckedContinuation<Outcome, Never>)
        case cancelled
    }

    /// Serial, because both directions of a descriptor share one registration in epoll. Handlers only resume tasks.
    private static let queue = DispatchQueue(label: "podagent.server.readiness")

    private let state = Mutex(State.idle(isInterrupted: false))
    // Dispatch objects may be used from any thread; the library only does not say so in their types.
    private nonisolated(unsafe) let source: any DispatchSourceProtocol
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    /// - Parameter onCancelled: runs when the source has let go of the descriptor, which may be closed only then.
    init(_ descriptor: Int32, _ direction: Direction, onCancelled: @escaping @Sendable () -> Void) {
        switch direction {
        case .reading:
            source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: Self.queue)
        case .writing:
            source = DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: Self.queue)
        }
        timer = DispatchSource.makeTimerSource(queue: Self.queue)
        // The handlers hold this object until cancel(), which the descriptor's owner calls at the latest when it goes.
        source.setEventHandler { self.finishWait(.ready) }
        source.setCancelHandler(handler: onCancelled)
        timer.setEventHandler { self.finishWait(.timedOut) }
        timer.activate()
    }

    /// Returns when the descriptor is ready, when `timeout` has passed, or when told to. One waiter at a time.
    func wait(timeout: Duration?) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { begin($0, timeout: timeout) }
        } onCancel: {
            interrupt()
        }
    }

    /// Ends the wait that is under way, or else the next one.
    func interrupt() { finishWait(.interrupted) }

    /// Ends all waiting for good.
    func cancel() {
        let waiter: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .idle:
                state = .cancelled
                source.cancel()
                timer.cancel()
                // A cancelled source is not told to anybody before it is resumed, nor may it be released.
                source.resume()
                return nil
            case .waiting(let continuation):
                state = .cancelled
                source.cancel()
                timer.cancel()
                return continuation
            case .cancelled:
                return nil
            }
        }
        waiter?.resume(returning: .cancelled)
    }

    private func begin(_ continuation: CheckedContinuation<Outcome, Never>, timeout: Duration?) {
        let immediately: Outcome? = state.withLock { state in
            switch state {
            case .idle(isInterrupted: true):
                state = .idle(isInterrupted: false)
                return .interrupted
            case .idle(isInterrupted: false):
                state = .waiting(continuation)
                if let timeout { timer.schedule(deadline: .now() + .nanoseconds(timeout.clampedNanoseconds)) }
                source.resume()
                return nil
            case .waiting:
                preconditionFailure("two tasks wait for one direction of a descriptor")
            case .cancelled:
                return .cancelled
            }
        }
        if let immediately { continuation.resume(returning: immediately) }
    }

    private func finishWait(_ outcome: Outcome) {
        let waiter: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .idle:
                // The kernel's event or the timer may still be told once after the wait ended; only an interrupt
                // is kept.
                if outcome == .interrupted { state = .idle(isInterrupted: true) }
                return nil
            case .waiting(let continuation):
                state = .idle(isInterrupted: false)
                source.suspend()
                timer.schedule(deadline: .distantFuture)
                return continuation
            case .cancelled:
                return nil
            }
        }
        waiter?.resume(returning: outcome)
    }
}

extension Duration {
    /// Nanoseconds for Dispatch, which counts in `Int`; a century at most.
    fileprivate var clampedNanoseconds: Int {
        let century = Duration.seconds(100 * 365 * 86_400)
        return Int(min(self, century).components.seconds) * 1_000_000_000
            + Int(min(self, century).components.attoseconds / 1_000_000_000)
    }
}

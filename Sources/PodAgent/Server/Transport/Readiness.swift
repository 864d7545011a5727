import CNamespaces
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
/// The kernel is asked for one event at a time (`EPOLLONESHOT`, epoll_ctl(2)), because epoll(7) reports by level and would
/// report for ever.
final class Readiness: Sendable {
    enum Direction {
        case reading, writing
    }

    enum Outcome: Equatable {
        case ready, timedOut
        /// ``interrupt()`` was called or the waiting task was cancelled.
        case interrupted
        /// ``cancel()`` was called: the descriptor is closed or about to be.
        case cancelled
        /// The kernel will not watch the descriptor.
        case failed(SystemFailure)
    }

    private enum State {
        case idle(isInterrupted: Bool)
        case waiting(CheckedContinuation<Outcome, Never>)
        case cancelled
    }

    /// Handlers only resume tasks.
    private static let queue = DispatchQueue(label: "podagent.server.readiness")
    // One for each direction: epoll has one registration of a descriptor, and each of us has its own events. Both are made
    // with the first, while there are descriptors.
    private static let polls = (reading: EventPoll(queue: queue), writing: EventPoll(queue: queue))

    private let descriptor: Int32
    private let direction: Direction
    private let state = Mutex(State.idle(isInterrupted: false))
    /// Nil until somebody waits for the first time.
    private let registration = Mutex<EventPoll.Key?>(nil)
    // Dispatch objects may be used from any thread; the library only does not say so in their types.
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    init(_ descriptor: Int32, _ direction: Direction) {
        self.descriptor = descriptor
        self.direction = direction
        timer = DispatchSource.makeTimerSource(queue: Self.queue)
        // The handlers hold this object until cancel(), which the descriptor's owner calls at the latest when it goes.
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

    /// Ends all waiting for good. When it returns, the descriptor may be closed.
    func cancel() {
        let waiter: CheckedContinuation<Outcome, Never>? = state.withLock { old in
            defer { old = .cancelled }
            if case .waiting(let continuation) = old { return continuation }
            return nil
        }
        timer.cancel()
        registration.withLock { key in
            if let key { poll.remove(key) }
            key = nil
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
                return nil
            case .waiting:
                preconditionFailure("two tasks wait for one direction of a descriptor")
            case .cancelled:
                return .cancelled
            }
        }
        if let immediately { return continuation.resume(returning: immediately) }
        do throws(SystemFailure) { try arm() } catch { finishWait(.failed(error)) }
    }

    /// Asks the kernel for the next event. What it tells when the wait has ended otherwise is passed over.
    private func arm() throws(SystemFailure) {
        // A cancellation comes before, and finds nothing to end, or after, and ends this.
        let outcome: Result<Void, SystemFailure> = registration.withLock { key in
            if case .cancelled = state.withLock({ $0 }) { return .success(()) }
            if let key {
                poll.change(key, to: events, EPOLLONESHOT)
                return .success(())
            }
            do throws(SystemFailure) {
                key = try poll.add(descriptor, events, EPOLLONESHOT, subject: "descriptor \(descriptor)") {
                    [weak self] _ in self?.finishWait(.ready)
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
    }

    private var poll: EventPoll {
        switch direction {
        case .reading: Self.polls.reading
        case .writing: Self.polls.writing
        }
    }

    private var events: EPOLL_EVENTS {
        switch direction {
        case .reading: EPOLLIN
        case .writing: EPOLLOUT
        }
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

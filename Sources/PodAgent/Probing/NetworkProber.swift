import Dispatch
import PodCore
import Synchronization

/// Makes the calls that probes and hooks make over the network. Any number at a time, on one queue that never waits for
/// anybody; idle, it does nothing at all.
///
/// ```
///   call ──▶ queue: attempt ──▶ sockets, libcurl ─┐
///                      ▲                          ├─ EventPoll ─▶ done(outcome)
///                      └── one alarm: deadlines ──┘
/// ```
final class NetworkProber: Sendable {
    /// Stands for a call, and for no other ever after.
    struct Token: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct State {
        var callsEver: UInt64 = 0
        /// Those whose `done` may still be called.
        var open: [UInt64: @Sendable (ProbeOutcome) -> Void] = [:]
    }

    private let queue = DispatchQueue(label: "podagent.prober")
    private let state = Mutex(State())
    /// On the queue alone: what is asked of it from elsewhere comes as work for the queue.
    private nonisolated(unsafe) let attempts: AttemptTable

    init() {
        let attempts = AttemptTable(queue)
        self.attempts = attempts
        attempts.ended = { [weak self] number, outcome in self?.finish(number, outcome) }
    }

    deinit {
        // Nobody is called any more. What is under way ends where it lives.
        nonisolated(unsafe) let attempts = attempts
        queue.async { attempts.close() }
    }

    /// Makes a call. `done` is called once, on the prober's queue, when it has come to something; at the latest when its
    /// timeout is over. What it does must be short.
    @discardableResult
    func call(
        _ call: NetworkCall,
        from place: NetworkPlace,
        _ done: @escaping @Sendable (ProbeOutcome) -> Void
    ) -> Token {
        let number = state.withLock { state in
            state.callsEver += 1
            state.open[state.callsEver] = done
            return state.callsEver
        }
        queue.async { [weak self] in
            // It may have been cancelled before it began.
            guard let self, self.state.withLock({ $0.open[number] != nil }) else { return }
            self.attempts.begin(number, call, from: place)
        }
        return Token(number: number)
    }

    /// Ends a call: its `done` is not called any more, and at most has just been called by the queue. Of no effect when the
    /// call is over.
    func cancel(_ token: Token) {
        let done = state.withLock { $0.open.removeValue(forKey: token.number) }
        // Let go of outside the lock: what it holds may end with it.
        guard done != nil else { return }
        queue.async { [weak self] in self?.attempts.abandon(token.number) }
    }

    private func finish(_ number: UInt64, _ outcome: ProbeOutcome) {
        let done = state.withLock { $0.open.removeValue(forKey: number) }
        done?(outcome)
    }

    /// What is there at this moment: attempts, libcurl's transfers, descriptors watched besides the alarm's; for tests.
    var counts: (attempts: Int, transfers: Int, descriptors: Int) {
        queue.sync { attempts.counts }
    }
}

/// The attempts under way, and when each has to end. Lives on the prober's queue.
final class AttemptTable {
    private struct Running {
        let attempt: any NetworkAttempt
        let deadline: Tick
    }

    private let queue: DispatchQueue
    private let events: EventPoll
    private let loop: TransferLoop
    private var alarm: Alarm?
    private var running: [UInt64: Running] = [:]
    private var deadlines = DeadlineList()
    /// Told of each attempt that has come to something.
    var ended: (UInt64, ProbeOutcome) -> Void = { _, _ in }

    init(_ queue: DispatchQueue) {
        self.queue = queue
        events = EventPoll(queue: queue)
        loop = TransferLoop(events)
        loop.afterEvent = { [weak self] in self?.setAlarm() }
        // Set off and set on the queue alone.
        nonisolated(unsafe) weak let table = self
        alarm = Alarm(events) {
            // Behind the descriptors that became ready meanwhile: an answer that is here is not late.
            queue.async { table?.timeUp() }
        }
    }

    func begin(_ number: UInt64, _ call: NetworkCall, from place: NetworkPlace) {
        let context = AttemptContext(call: call, place: place, loop: loop, events: events) { [weak self] in
            self?.finish(number, $0)
        }
        let attempt = context.makeAttempt()
        let deadline = Clock.tick() + max(call.timeout, .milliseconds(1))
        running[number] = Running(attempt: attempt, deadline: deadline)
        deadlines.add(number, at: deadline)
        attempt.start()
        setAlarm()
    }

    func abandon(_ number: UInt64) {
        guard let entry = running.removeValue(forKey: number) else { return }
        entry.attempt.abandon()
    }

    /// Ends everything without a word.
    func close() {
        for number in Array(running.keys) { abandon(number) }
        alarm = nil
    }

    var counts: (attempts: Int, transfers: Int, descriptors: Int) {
        (running.count, loop.counts.transfers, events.count - 1)
    }

    private func finish(_ number: UInt64, _ outcome: ProbeOutcome) {
        guard running.removeValue(forKey: number) != nil else { return }
        ended(number, outcome)
    }

    private func timeUp() {
        alarm?.wentOff()
        let now = Clock.tick()
        if let wake = loop.wakesAt, wake <= now { loop.wake() }
        for number in deadlines.takeDue(at: now) {
            guard let entry = running.removeValue(forKey: number) else { continue }
            ended(number, entry.attempt.expire())
        }
        setAlarm()
    }

    private func setAlarm() {
        let deadline = deadlines.next(live: running.count) { running[$0] != nil }
        alarm?.set([deadline, loop.wakesAt].compactMap(\.self).min())
    }
}

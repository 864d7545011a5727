/// What the machine knows of one container of the Pod, across its instances.
///
///     idle ──▶ starting ──▶ running ──▶ ended ──▶ (idle, or final)
///       ▲          │                      │
///       └──────────┴── could not start ◀──┘ restart, after back-off
public struct ContainerRecord: Hashable, Sendable, Codable {
    public enum State: Hashable, Sendable, Codable {
        /// Not running, and no instance of this sandbox has ended.
        case idle
        /// A start is under way.
        case starting(RunID)
        case running(RunID, startedAt: Timestamp)
        /// The last instance ended in this sandbox.
        case ended(Termination)
    }

    /// A stop that has been asked for while an instance runs.
    public struct Stop: Hashable, Sendable, Codable {
        public var killAt: Tick
        public var killed: Bool
    }

    public let name: String
    public let isInit: Bool
    public internal(set) var state: State = .idle
    /// What the status shows while nothing runs, when it is more than "not yet": an error, or the back-off.
    public internal(set) var waiting: Waiting?
    /// The instance before the one that `state` is about.
    public internal(set) var lastTermination: Termination?
    /// Of the current or next instance.
    public internal(set) var restartCount = 0
    /// Set once an instance was started, in any sandbox: the next one is a restart.
    public internal(set) var everStarted = false
    /// No start before this: the back-off after an exit.
    public internal(set) var notBefore: Tick?
    /// No start before this, after an error that is nobody's crash.
    public internal(set) var retryAt: Tick?
    public internal(set) var stop: Stop?
    /// `lastTermination` belongs to a sandbox that is gone.
    var endedInEarlierSandbox = false
    var backoff = RestartBackoff()

    init(name: String, isInit: Bool) {
        self.name = name
        self.isInit = isInit
    }

    /// The instance that is starting or running.
    public var liveRun: RunID? {
        switch state {
        case .starting(let run), .running(let run, _): run
        case .idle, .ended: nil
        }
    }

    /// How the newest ended instance ended, also when it belonged to an earlier sandbox.
    public var newestTermination: Termination? {
        if case .ended(let termination) = state { return termination }
        return lastTermination
    }

    /// When a wait ends, whichever ends last; nil while an instance lives or nothing holds the next one back.
    var earliestStart: Tick? {
        guard liveRun == nil else { return nil }
        return [notBefore, retryAt].compactMap(\.self).max()
    }

    var hasSucceeded: Bool {
        if case .ended(let termination) = state { return termination.exitCode == 0 }
        return false
    }

    /// Claims the start of a new instance.
    mutating func claimStart(_ run: RunID) {
        if case .ended(let termination) = state { lastTermination = termination }
        if everStarted { restartCount += 1 }
        if state.isEnded { endedInEarlierSandbox = false }
        notBefore = nil
        retryAt = nil
        state = .starting(run)
    }

    /// The claimed instance never came to be.
    mutating func takeBackStart() {
        if everStarted { restartCount -= 1 }
        state = .idle
        if let lastTermination, everStarted, !endedInEarlierSandbox {
            state = .ended(lastTermination)
        }
    }

    /// A new sandbox: what ended in the old one is history, and what ran there runs anew. What could not be created
    /// there is tried at once, for the old sandbox may have been the reason; a crash's back-off goes on.
    mutating func forgetSandbox() {
        if case .ended(let termination) = state { lastTermination = termination }
        state = .idle
        stop = nil
        if retryAt != nil {
            retryAt = nil
            waiting = nil
        }
        endedInEarlierSandbox = lastTermination != nil
    }
}

/// What the machine knows of one container of the Pod, across its instances and sandboxes.
///
///     idle ──▶ starting ──▶ running ──▶ ended
///       ▲        │  ▲                    │ ▲
///       └────────┘  └── after back-off ──┘ │
///      nothing was made: back to what was ─┘
public struct ContainerRecord: Hashable, Sendable, Codable {
    /// What the newest instance is doing.
    public enum State: Hashable, Sendable, Codable {
        /// No instance has ever been.
        case idle
        /// A start is under way.
        case starting(RunID)
        case running(RunID, startedAt: Timestamp)
        /// The last instance ended, in this sandbox or, see ``ContainerRecord/endedInEarlierSandbox``, before it.
        case ended(Termination)
    }

    /// What the container is for.
    public enum Role: String, Hashable, Sendable, Codable {
        /// An init container that runs to its end before the next one starts.
        case initialization
        /// An init container that is always started again: it begins in its turn, and ends after the regular ones.
        case sidecar
        case regular
    }

    /// How far the running instance has come.
    public struct Progress: Hashable, Sendable, Codable {
        /// What is done right after the start.
        public internal(set) var postStart: HookState
        /// Its startup probe has said yes, or it has none.
        var isStarted: Bool
        /// The last word of its readiness probe; true if it has none.
        var isReady: Bool

        /// Whether it has started as far as others have to wait for that.
        public var hasStarted: Bool { postStart == .done && isStarted }
    }

    /// As the spec has it.
    public let name: String
    /// What it is for.
    public let role: Role
    /// What its newest instance is doing.
    public internal(set) var state: State = .idle
    /// What the status shows while nothing runs, when it is more than "not yet": an error, or the back-off.
    public internal(set) var waiting: Waiting?
    /// The instance before the one that `state` is about.
    public internal(set) var lastTermination: Termination?
    /// While a start is under way: the instance before ``lastTermination``, in case nothing comes of the start.
    var earlierTermination: Termination?
    /// Of the current or next instance: how many instances came before it.
    public internal(set) var restartCount = 0
    /// No start before this: the back-off after an exit.
    public internal(set) var notBefore: Tick?
    /// No start before this, after an error that is nobody's crash.
    public internal(set) var retryAt: Tick?
    /// How far the running instance has come; nil while none runs.
    public internal(set) var progress: Progress?
    /// The stop of the running instance, once it is wanted.
    public internal(set) var stop: ContainerStop?
    /// Instances up to this one are followed by another whatever the policy says: their definition has changed, or all
    /// containers of the Pod are restarted.
    var supersededRun: RunID?
    /// A sidecar has started in the present sandbox: whoever waited for that need not do so again.
    var hasStartedHere = false
    /// The newest termination belongs to a sandbox that is gone.
    var endedInEarlierSandbox = false
    /// The next start takes no step of the back-off, for what came before it was not the container's own end.
    var beginsAfresh = false
    var backoff = RestartBackoff()
    /// The image that it waits for, or has just got.
    public internal(set) var pull: ImagePull?
    /// How long a failed pull holds back the next one; nil after a success.
    var pullBackoff: RestartBackoff?

    init(name: String, role: Role) {
        self.name = name
        self.role = role
    }

    /// Whether it stands among the Pod's init containers.
    public var isInit: Bool { role != .regular }

    /// The instance that runs, and is not merely being started.
    public var runningRun: RunID? {
        if case .running(let run, _) = state { return run }
        return nil
    }

    /// Whether the running instance has started.
    public var hasStarted: Bool { progress?.hasStarted ?? false }

    /// Whether the running instance can serve.
    public var isReady: Bool { hasStarted && progress?.isReady == true }

    func isSuperseded(_ run: RunID) -> Bool { supersededRun.map { run <= $0 } ?? false }

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

    /// Whether an instance has ended in the present sandbox.
    var hasEndedHere: Bool { state.isEnded && !endedInEarlierSandbox }

    /// Whether the newest instance has ended in the present sandbox with exit code 0.
    var hasSucceeded: Bool {
        guard case .ended(let termination) = state, !endedInEarlierSandbox else { return false }
        return termination.exitCode == 0
    }

    /// Whether what comes after this one in the order of starts may come.
    var isPassed: Bool {
        switch role {
        case .initialization: hasSucceeded
        case .sidecar: hasStartedHere
        case .regular: true
        }
    }

    /// Claims the start of a new instance.
    mutating func claimStart(_ run: RunID) {
        if case .ended(let termination) = state {
            earlierTermination = lastTermination
            lastTermination = termination
            restartCount = termination.restartCount + 1
        }
        notBefore = nil
        retryAt = nil
        if pulledImage == nil { pull = nil }
        state = .starting(run)
    }

    /// The claimed instance has come to be, at `start`. If it is a restart, the back-off takes its step: not at the
    /// claim, for a start of which nothing comes is no restart.
    mutating func commitStart(at start: Tick, _ limits: BackoffLimits) {
        guard case .starting = state else { return }
        if lastTermination != nil, !beginsAfresh { backoff.step(at: start, limits) }
        pull = nil
        beginsAfresh = false
        earlierTermination = nil
        endedInEarlierSandbox = false
    }

    /// The claimed instance never came to be: everything is as it was before the claim.
    mutating func takeBackStart() {
        guard case .starting = state else { return }
        // Another start asks for it again.
        pull = nil
        guard let termination = lastTermination else { return state = .idle }
        state = .ended(termination)
        restartCount = termination.restartCount
        lastTermination = earlierTermination
        earlierTermination = nil
    }

    /// A new sandbox. What could not be created in the old one is tried at once, for it may have been the reason. A
    /// crash's back-off goes on, except that of an init container, which runs again as if for the first time.
    mutating func forgetSandbox() {
        stop = nil
        hasStartedHere = false
        if retryAt != nil {
            retryAt = nil
            waiting = nil
        }
        if isInit {
            notBefore = nil
            waiting = nil
        }
        endedInEarlierSandbox = state.isEnded
        // A new sandbox knows nothing of the init containers of an earlier one (reference §6.8.2).
        if isInit, endedInEarlierSandbox { beginsAfresh = true }
    }
}

extension ContainerRecord {
    /// What clients are shown of the container (reference §3.4): phase and status are both made from this.
    enum Shown: Hashable {
        /// Nothing runs; why, when more is known than that it has not begun. The termination is of the newest instance.
        case waiting(Waiting?, after: Termination?)
        case running(RunID, startedAt: Timestamp, after: Termination?)
        /// An ended container stays so until its next instance runs, unless there is a reason to show why none does.
        case terminated(Termination, after: Termination?)
    }

    var shown: Shown {
        if case .running(let run, let startedAt) = state {
            return .running(run, startedAt: startedAt, after: lastTermination)
        }
        guard let newest = newestTermination else { return .waiting(waiting, after: nil) }
        if let waiting { return .waiting(waiting, after: newest) }
        return .terminated(newest, after: state.isEnded ? lastTermination : earlierTermination)
    }

    /// The restart count beside ``shown``: that of the newest instance that has come to be. One that was lost counts
    /// as restarted already, as nobody knows what became of it (reference §3.4.3), and so does one that was removed for
    /// the restart of all (reference §3.7).
    var shownRestartCount: Int {
        if case .running = state { return restartCount }
        guard let newest = newestTermination else { return 0 }
        return newest.restartCount + (newest.isLost || newest.isRemoved ? 1 : 0)
    }
}

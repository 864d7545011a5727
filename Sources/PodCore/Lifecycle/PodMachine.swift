/// The life of one Pod on this node. Pure: events in, effects out, time is an argument.
///
///     preparing ──▶ sandbox ──▶ init containers, one by one ──▶ containers ──▶ finished by itself
///         │            │▲                                           │               │
///         │            └┴── pause died: sandbox removed, made again │               │
///         └────────────┴──────────────── delete ────────────────────┴───────────────┘
///                                          ▼
///                       containers stopped ▶ sandbox removed ▶ cleaned up ▶ forgotten
///
/// A Pod that the node rejects is told so at the very beginning, and has finished then.
///
/// Each event first changes what is known (`apply`), then everything that now ought to happen is computed from that
/// (`advance`). Whatever takes time is claimed in the state before its effect is handed out, so nothing is ever
/// started twice.
public struct PodMachine: Hashable, Sendable, Codable {
    /// The Pod's pause and shim.
    public enum Sandbox: Hashable, Sendable, Codable {
        case absent
        case creating
        case ready
        /// Pause is gone; containers are still being reported.
        case dying
        case removing
    }

    /// Slow work that is not a container's, each done at most once at a time.
    public enum Preparation: Hashable, Sendable, Codable {
        case none, done
        /// With the delay that came before this attempt, if it is not the first.
        case underWay(after: Duration?)
        case failed(retryAt: Tick, delay: Duration)
    }

    /// Why a Pod is coming to its end.
    public enum Ending: Hashable, Sendable, Codable {
        /// Asked to go; containers must be gone by the deadline or are killed.
        case deleting(grace: Duration, since: Tick)
        /// Ran to its end by itself, or may not be run again.
        case finishing
    }

    /// Whether the shim still answers. It is asked only while it owes something; see `PodMachineInquiry.swift`.
    public enum Inquiry: Hashable, Sendable, Codable {
        /// It owes nothing.
        case none
        /// It owes something, and is asked if it still does then.
        case due(Tick)
        /// It has been asked, and has until then.
        case asked(until: Tick)
    }

    /// What is asked for.
    public internal(set) var lifecycle: PodLifecycle
    /// What is known of each container: the init containers, then the others, in the order of the spec.
    public internal(set) var containers: [ContainerRecord]
    /// Whether there is a sandbox.
    public internal(set) var sandbox: Sandbox = .absent
    /// Counts sandboxes, from 0.
    public internal(set) var attempt = 0
    /// Whether directories and volumes are ready.
    public internal(set) var preparation: Preparation = .none
    /// Set when the Pod is coming to its end; never unset.
    public internal(set) var ending: Ending?
    /// Whether what the ending asks for has been removed.
    public internal(set) var cleanedUp = false
    /// Why the whole Pod is Failed, when no container says it.
    public internal(set) var failure: Waiting?
    /// Why the node did not admit the Pod: nothing of it has run, nor ever will.
    public internal(set) var rejection: Rejection?
    /// Why the Pod has not begun, while the node holds it: nothing of it is made meanwhile. See ``StartOrder``.
    public internal(set) var hold: Waiting?
    /// Set while the node goes down: the most that a container gets to end, and nothing is started any more.
    public internal(set) var shutdownGrace: Duration?
    /// podagent was restarted, and the shim has not said yet what became of the Pod meanwhile.
    public internal(set) var isResuming = false
    /// Whether the shim still answers.
    public internal(set) var inquiry: Inquiry = .none
    /// When the Pod was first looked at.
    public internal(set) var startTime: Timestamp?
    /// A container has ended in a way that restarts them all, and not all have ended yet.
    public internal(set) var isRestartingAll = false
    /// When the Pod has been active for as long as it may.
    var deadlineAt: Tick?
    /// Containers that were redefined while podagent had not heard yet which instances there are; absent in records of
    /// earlier versions.
    var supersededUnseen: Set<String>?
    var cleaningUp = false
    /// No sandbox is made before this.
    var sandboxRetryAt: Tick?
    /// When it was last worked out what ought to happen: whatever was due then is done, or waits for more than time.
    var advancedAt = Tick(nanoseconds: .min)
    var nextRun: UInt64 = 1
    /// The number of the newest pull; absent in records of earlier versions.
    var lastPull: UInt64?

    /// A Pod that has not been touched yet. Nothing happens before the first event.
    public init(_ lifecycle: PodLifecycle) {
        self.lifecycle = lifecycle
        containers =
            lifecycle.initContainers.map { container in
                let isSidecar = container.restartPolicy == .always
                return ContainerRecord(name: container.name, role: isSidecar ? .sidecar : .initialization)
            } + lifecycle.containers.map { ContainerRecord(name: $0.name, role: .regular) }
    }

    /// Takes one event and says what to do about it.
    public mutating func handle(_ event: PodEvent, at now: Moment) -> [PodEffect] {
        if startTime == nil { startTime = now.wall }
        if isResuming {
            switch event {
            case .sandboxAnswered(_, let observation?): return recover(observation, at: now)
            case .sandboxLost: return recover(nil, at: now)
            default: break
            }
        }
        var effects: [PodEffect] = []
        apply(event, at: now, &effects)
        advance(at: now, &effects)
        return effects
    }

    /// The next time something is due even if nothing happens.
    public var nextAlarm: Tick? {
        var times: [Tick] = containers.compactMap { $0.stop.flatMap { $0.isKilled ? nil : $0.killAt } }
        switch inquiry {
        case .none: break
        case .due(let tick), .asked(let tick): times.append(tick)
        }
        if ending == nil, shutdownGrace == nil, !isResuming {
            if let deadlineAt { times.append(deadlineAt) }
            if case .failed(let retryAt, _) = preparation { times.append(retryAt) }
            if sandbox == .absent, let sandboxRetryAt { times.append(sandboxRetryAt) }
            if sandbox == .ready { times += containers.compactMap(\.earliestStart) + pullAlarms }
        }
        return times.filter { $0 > advancedAt }.min()
    }

    /// Whether the init containers need not run (again) in this sandbox: a regular container has been started in it.
    public var isInitialized: Bool {
        containers.contains { !$0.isInit && ($0.liveRun != nil || $0.hasEndedHere) }
            || containers.allSatisfy(\.isPassed)
    }

    /// Whether the node may go down as far as this Pod is concerned: nothing of it runs, nor will before the next boot.
    public var isShutDown: Bool {
        guard shutdownGrace != nil, !isResuming, !cleaningUp, sandbox == .absent else { return false }
        if case .underWay = preparation { return false }
        return !hasLiveContainer
    }

    /// What a machine is on disk: without what only the present podagent can use.
    public var recorded: PodMachine {
        var machine = self
        machine.advancedAt = Tick(nanoseconds: .min)
        machine.isResuming = false
        machine.inquiry = .none
        machine.shutdownGrace = nil
        machine.deadlineAt = nil
        return machine
    }

    var hasLiveContainer: Bool { containers.contains { $0.liveRun != nil } }

    /// The container whose instance with this number runs.
    public func container(running run: RunID) -> ContainerRecord? {
        containers.first { $0.runningRun == run }
    }

    func index(of run: RunID) -> Int? { containers.firstIndex { $0.liveRun == run } }
}

extension ContainerRecord {
    /// Its start is not over yet: the next one waits for that.
    var isComingUp: Bool {
        if let progress { return progress.postStart != .done && stop == nil }
        return state.isStarting
    }
}

extension ContainerRecord.State {
    var isEnded: Bool {
        if case .ended = self { return true }
        return false
    }

    var isStarting: Bool {
        if case .starting = self { return true }
        return false
    }
}

/// What a restarted podagent finds of a Pod's sandbox: the shim's answer to "hello".
public struct SandboxObservation: Hashable, Sendable {
    /// A process that the shim knows, running or ended.
    public struct Run: Hashable, Sendable {
        /// What a process is doing, or how it ended.
        public enum State: Hashable, Sendable {
            case running(startedAt: Timestamp)
            case exited(ExitStatus, startedAt: Timestamp?, finishedAt: Timestamp)
            case failed(message: String, at: Timestamp)
            case launching
        }

        /// Its number.
        public var run: RunID
        /// Whose instance it is.
        public var container: String
        /// How many instances came before it.
        public var restartCount: Int
        /// What it is doing, or how it ended.
        public var state: State

        /// Makes the observation.
        public init(run: RunID, container: String, restartCount: Int, state: State) {
            self.run = run
            self.container = container
            self.restartCount = restartCount
            self.state = state
        }
    }

    /// Which sandbox it is: the ``PodMachine/attempt`` that made it. Nil when the shim was never asked for pause.
    public var attempt: Int?
    /// Whether pause runs.
    public var pauseIsAlive: Bool
    /// Everything that the shim still knows, in any order.
    public var runs: [Run]

    /// Makes the observation.
    public init(attempt: Int?, pauseIsAlive: Bool, runs: [Run]) {
        self.attempt = attempt
        self.pauseIsAlive = pauseIsAlive
        self.runs = runs
    }
}

extension PodMachine {
    /// Takes up a Pod again after podagent was restarted. Nothing is decided before its shim has answered, or is known
    /// to be gone; what is asked of the Pod until then is remembered.
    public mutating func resume(at now: Moment) -> [PodEffect] {
        isResuming = true
        advancedAt = now.tick
        shutdownGrace = nil
        deadlineAt = nil
        for index in containers.indices { containers[index].forgetWork(isEnding: ending != nil) }
        inquiry = .asked(until: now.tick + Self.answerTime)
        return [.inquire(attempt: attempt)]
    }

    /// The shim has answered: `observation` is what it says, nil when there is none.
    ///
    /// Work that was under way is nobody's any more, so every claim is taken back or found to have succeeded; ends that
    /// happened meanwhile are taken in as if they had been told; then the machine goes on as ever.
    mutating func recover(_ observation: SandboxObservation?, at now: Moment) -> [PodEffect] {
        var effects: [PodEffect] = []
        isResuming = false
        inquiry = .none
        forgetClaims(at: now)
        if let observation {
            // It had begun, and that was not recorded any more.
            hold = nil
            settleMissing(in: observation, at: now)
            noticeLaterSandbox(observation)
            // Before the ends are taken in: those of a sandbox that stands may have all containers restarted.
            if observation.pauseIsAlive, sandbox == .creating || sandbox == .absent { sandbox = .ready }
            // In the order in which they were born, so that a container's end is known before its restart.
            for run in observation.runs.sorted(by: { $0.run < $1.run }) { adopt(run, at: now, &effects) }
        }
        supersedeSeen()
        recoverSandbox(observation, at: now, &effects)
        // A deletion that is not in the record may have removed the volumes already, but not beneath a sandbox.
        if sandbox != .ready, preparation == .done { preparation = .none }
        advance(at: now, &effects)
        return effects
    }

    private mutating func forgetClaims(at now: Moment) {
        cleaningUp = false
        switch preparation {
        case .underWay(nil): preparation = .none
        case .underWay(let delay?): preparation = .failed(retryAt: now.tick, delay: delay)
        case .none, .done, .failed: break
        }
    }

    private mutating func adopt(_ seen: SandboxObservation.Run, at now: Moment, _ effects: inout [PodEffect])
    {
        nextRun = max(nextRun, seen.run.number + 1)
        guard let index = containers.firstIndex(where: { $0.name == seen.container }) else { return }
        if containers[index].liveRun != seen.run {
            // Started just before the record of the start was lost; an ended one is history that is recorded.
            guard containers[index].liveRun == nil,
                seen.run > (containers[index].newestTermination?.run ?? RunID(0))
            else { return }
            containers[index].claimStart(seen.run)
            containers[index].restartCount = seen.restartCount
        }
        switch seen.state {
        case .launching: break
        case .running(let startedAt):
            if case .starting = containers[index].state {
                apply(.containerStarted(seen.run, at: startedAt), at: now, &effects)
            }
        case .exited(let status, let startedAt, let finishedAt):
            apply(
                .containerExited(seen.run, status, startedAt: startedAt, finishedAt: finishedAt),
                at: now,
                &effects
            )
        case .failed(let message, let finishedAt):
            apply(.containerNotStarted(seen.run, message: message, at: finishedAt), at: now, &effects)
        }
    }

    /// The record may be from the time of an earlier sandbox than the one that stands, even of an earlier boot, if
    /// nothing could be written since: what it says of the containers is history then.
    private mutating func noticeLaterSandbox(_ observation: SandboxObservation) {
        guard let attempt = observation.attempt, attempt != self.attempt else { return }
        self.attempt = attempt
        sandbox = .creating
        for index in containers.indices { containers[index].forgetSandbox() }
    }

    /// What the shim does not know has never reached it, if it was starting. A running one should not be missing, as
    /// the shim keeps every end until it is told that it is recorded; if it is, it runs no more.
    private mutating func settleMissing(in observation: SandboxObservation, at now: Moment) {
        for index in containers.indices {
            guard let run = containers[index].liveRun,
                !observation.runs.contains(where: { $0.run == run })
            else { continue }
            if containers[index].state.isStarting {
                containers[index].takeBackStart()
            } else {
                lost(run, at: now)
            }
        }
    }

    private mutating func recoverSandbox(
        _ observation: SandboxObservation?,
        at now: Moment,
        _ effects: inout [PodEffect]
    ) {
        switch (sandbox, observation) {
        case (.absent, nil) where cleanedUp: break
        case (.ready, .some(let seen)) where seen.pauseIsAlive: break
        case (.ready, nil), (.dying, nil):
            apply(.sandboxLost(attempt: attempt), at: now, &effects)
        case (.ready, .some), (.dying, .some):
            sandbox = .dying
        case (.creating, .some), (.absent, .some):
            // Half made, or pause died before it was recorded that it had ever stood. Ends may be on the way.
            sandbox = .dying
        case (.creating, nil), (.absent, nil):
            // One that was made after this record, and has lost its shim since, would still have its processes.
            sandbox = .removing
            effects.append(.removeSandbox(attempt: attempt))
        case (.removing, _):
            effects.append(.removeSandbox(attempt: attempt))
        }
    }
}

extension PodMachine {
    /// After a reboot everything begins anew, and in the order that was asked for: a Pod that is to start after others waits
    /// for them as it did the first time. One that has ended stays so.
    public mutating func holdAgain(_ pod: Pod) {
        guard ending == nil, !pod.startsAfter.isEmpty else { return }
        hold = Waiting(StartOrder.reason, "Waiting for the Pods that it is to start after")
    }

    /// After a reboot the clock of deadlines has begun again: what was waited for is due now.
    public mutating func forgetTicks() {
        sandboxRetryAt = nil
        advancedAt = Tick(nanoseconds: .min)
        if case .failed(_, let delay) = preparation {
            preparation = .failed(retryAt: Tick(nanoseconds: 0), delay: delay)
        }
        if case .deleting(let grace, _) = ending {
            ending = .deleting(grace: grace, since: Tick(nanoseconds: 0))
        }
        // Volumes in memory and everything beneath /run are gone.
        if preparation == .done { preparation = .none }
        for index in containers.indices {
            if containers[index].notBefore != nil { containers[index].notBefore = Tick(nanoseconds: 0) }
            if containers[index].retryAt != nil { containers[index].retryAt = Tick(nanoseconds: 0) }
            (containers[index].pull, containers[index].pullBackoff) = (nil, nil)
            containers[index].stop = nil
            containers[index].backoff = RestartBackoff()
        }
    }
}

extension ContainerRecord {
    /// What an earlier podagent was doing about the running instance is nobody's any more. A hook that was under way is
    /// run again, as Kubernetes allows for: it may not have come to its end.
    fileprivate mutating func forgetWork(isEnding: Bool) {
        if progress?.postStart == .underWay { progress?.postStart = .due }
        if isPulling || pull?.state == .wanted { pull = nil }
        // A kill that was recorded may not have been sent: whoever is left is killed again.
        if stop?.stage == .killed { stop?.stage = .asked }
        if stop?.stage == .preStop(.underWay) { stop?.stage = .preStop(.due) }
        // A stop that nobody wants any more: the shutdown that asked for it did not come to its end.
        if !isEnding, stop?.reason == .pod { stop = nil }
    }
}

/// The second half of a reduction: from what is known to everything that now ought to happen.
extension PodMachine {
    mutating func advance(at now: Moment, _ effects: inout [PodEffect]) {
        advancedAt = now.tick
        if !isResuming {
            decide(at: now, &effects)
            // What a dying sandbox holds is killed by the kernel.
            if sandbox != .dying { proceedWithStops(at: now, &effects) }
        }
        inquire(at: now, &effects)
    }

    private mutating func decide(at now: Moment, _ effects: inout [PodEffect]) {
        if hold == nil { meetDeadline(at: now, &effects) }
        if ending != nil || shutdownGrace != nil { abandonPulls(&effects) }
        if sandbox == .dying { return buryTheDead(&effects) }
        if ending != nil { return windUp(at: now, &effects) }
        if shutdownGrace != nil { return shutDown(at: now, &effects) }
        if hold != nil {
            // One that has run before the last boot may be at its end.
            if sandbox == .absent, finishes() { windUp(at: now, &effects) }
            return
        }
        guard prepared(at: now, &effects), sandboxReady(at: now, &effects) else { return }
        if finishes() { return windUp(at: now, &effects) }
        guard restartAll(at: now, &effects) else { return }
        stopSuperseded(at: now, &effects)
        showPullBackOffs(at: now, &effects)
        runHooks(&effects)
        startContainers(at: now, &effects)
    }

    /// A Pod that has been active for as long as it may comes to its end (reference §6.9).
    private mutating func meetDeadline(at now: Moment, _ effects: inout [PodEffect]) {
        guard ending == nil, let limit = lifecycle.activeDeadline, let startTime else { return }
        let due = deadlineAt ?? now.tick(of: startTime) + limit
        deadlineAt = due
        guard now.tick >= due else { return }
        let failure = Waiting(
            "DeadlineExceeded",
            "Pod was active on the node longer than the specified deadline"
        )
        self.failure = failure
        ending = .finishing
        effects.append(.record(PodRecord(.normal, failure.reason, failure.message)))
    }

    /// Pause died. The kernel kills what was in its PID namespace; when all ends are known the remains are removed.
    private mutating func buryTheDead(_ effects: inout [PodEffect]) {
        for container in containers {
            // Only processes in the node's PID namespace can have outlived pause.
            if let run = container.liveRun { effects.append(.kill(run)) }
        }
        if hasLiveContainer { return }
        if ending == nil, !finishes() {
            let message = "Pod sandbox changed, it will be killed and re-created."
            effects.append(.record(PodRecord(.normal, "SandboxChanged", message)))
        }
        sandbox = .removing
        effects.append(.removeSandbox(attempt: attempt))
    }

    // MARK: Coming up

    private mutating func prepared(at now: Moment, _ effects: inout [PodEffect]) -> Bool {
        switch preparation {
        case .done: return true
        case .underWay: return false
        case .failed(let retryAt, _) where now.tick < retryAt: return false
        case .failed(_, let delay): preparation = .underWay(after: delay)
        case .none: preparation = .underWay(after: nil)
        }
        effects.append(.prepare)
        return false
    }

    private mutating func sandboxReady(at now: Moment, _ effects: inout [PodEffect]) -> Bool {
        switch sandbox {
        case .ready: return true
        case .creating, .dying, .removing: return false
        case .absent: break
        }
        if finishes() {
            // Nothing is left to run, so no new sandbox is made (reference §6.8.3).
            windUp(at: now, &effects)
            return false
        }
        if let sandboxRetryAt, now.tick < sandboxRetryAt { return false }
        sandboxRetryAt = now.tick + Self.sandboxPace
        sandbox = .creating
        effects.append(.createSandbox(attempt: attempt))
        return false
    }

    /// A sandbox that dies as soon as it stands is made again once a second, which is how often a kubelet looks.
    static let sandboxPace = Duration.seconds(1)

    private struct Verdict {
        var failure: Waiting?
    }

    /// Begins the end of a Pod that has come to it by itself; whether it has.
    private mutating func finishes() -> Bool {
        guard let verdict else { return false }
        failure = verdict.failure
        ending = .finishing
        return true
    }

    /// Set when the Pod has come to its end by itself: every regular container is done for good, or an init
    /// container has failed for good, or a sandbox died under a Pod that is never to be run again.
    private var verdict: Verdict? {
        // Sidecars do not keep a Pod alive: they are ended with it.
        let others = containers.filter { $0.role != .sidecar }
        if isRestartingAll || others.contains(where: { $0.liveRun != nil }) { return nil }
        let wasInterrupted = others.contains { record in
            guard let end = record.newestTermination else { return false }
            return end.isInterrupted && !restarts(record, after: end)
        }
        if wasInterrupted { return Verdict(failure: Self.terminatedByShutdown) }
        let failedInit = others.contains { record in
            guard record.isInit, let end = record.newestTermination else { return false }
            return end.exitCode != 0 && !restarts(record, after: end)
        }
        if failedInit { return Verdict() }
        let allDone = others.allSatisfy { record in
            if record.isInit { return true }
            guard let end = record.newestTermination else { return false }
            return !restarts(record, after: end)
        }
        if allDone { return Verdict() }
        // Under Never a second sandbox would run containers anew that have run before.
        let ran = containers.contains { $0.newestTermination != nil }
        if lifecycle.restartPolicy == .never, ran, sandbox == .dying || sandbox == .absent {
            return Verdict(failure: Waiting("", "The pod's sandbox died and its restart policy is Never"))
        }
        return nil
    }

    /// One after another, in the order of the spec. One that cannot start does not hold up the next, but for init
    /// containers: each waits for the one before it to succeed or, if that is a sidecar, to have started. What has been
    /// passed on the way is started again where it has to be.
    private mutating func startContainers(at now: Moment, _ effects: inout [PodEffect]) {
        if containers.contains(where: \.isComingUp) { return }
        let isInitialized = isInitialized
        var isHeldUp = false
        for index in containers.indices {
            let record = containers[index]
            // What has run before need not wait for another one's image.
            if record.pull?.state == .wanted { pull(index, &effects) }
            if record.liveRun == nil,
                containers[index].isPulling || isHeldUp && record.newestTermination == nil
            {
                isHeldUp = true
                if !isInitialized, !record.isPassed { return }
                continue
            }
            if record.role == .initialization, isInitialized || record.hasSucceeded { continue }
            if startIfDue(index, at: now, &effects) { return }
            if !isInitialized, !containers[index].isPassed { return }
        }
    }

    /// Starts the container unless it lives, is done, or must wait. True when a start was claimed.
    private mutating func startIfDue(_ index: Int, at now: Moment, _ effects: inout [PodEffect]) -> Bool {
        var record = containers[index]
        guard record.liveRun == nil, wantsStart(record) else { return false }
        if let retryAt = record.retryAt, now.tick < retryAt { return false }
        if let notBefore = record.notBefore, now.tick < notBefore {
            backOff(index, &effects)
            return false
        }
        let run = RunID(nextRun)
        nextRun += 1
        record.claimStart(run)
        containers[index] = record
        effects.append(.startContainer(name: record.name, run: run, restartCount: record.restartCount))
        return true
    }

    private func wantsStart(_ record: ContainerRecord) -> Bool {
        switch record.state {
        case .idle: true
        // In a later sandbox the init containers run again, and no regular one that has ended for good (reference
        // §6.8.2, §6.8.3).
        case .ended where record.isInit && record.endedInEarlierSandbox: true
        case .ended(let end): restarts(record, after: end)
        case .starting, .running: false
        }
    }

    /// Says once per wait that the container is being held back after a crash.
    private mutating func backOff(_ index: Int, _ effects: inout [PodEffect]) {
        let record = containers[index]
        // Another reason that is shown, such as RunContainerError, says more than that there is a wait.
        guard record.state.isEnded, record.waiting == nil, let delay = record.backoff.delay else { return }
        let name = record.name
        containers[index].waiting = Waiting(
            "CrashLoopBackOff",
            "back-off \(delay.goText) restarting failed container=\(name) pod=\(lifecycle.reference)"
        )
        let message = "Back-off restarting failed container \(name) in pod \(lifecycle.reference)"
        effects.append(.record(PodRecord(.warning, "BackOff", message, container: name)))
    }

    // MARK: Going down

    private mutating func windUp(at now: Moment, _ effects: inout [PodEffect]) {
        for index in containers.indices { stop(index, .pod, at: now, &effects) }
        if hasLiveContainer { return }
        switch sandbox {
        case .creating, .removing, .dying: return  // the outcome is on the way
        case .ready: return removeSandbox(&effects)
        case .absent: break
        }
        if case .underWay = preparation { return }
        guard !cleaningUp else { return }
        guard cleanedUp else {
            cleaningUp = true
            effects.append(.cleanUp(wantedCleanUp))
            return
        }
        if deleting { effects.append(.finished) }
    }

    private mutating func removeSandbox(_ effects: inout [PodEffect]) {
        sandbox = .removing
        effects.append(.removeSandbox(attempt: attempt))
    }

    /// The node goes down. What is stopped now runs again after the next boot, except in a Pod that may not be run a
    /// second time (reference §15.6).
    private mutating func shutDown(at now: Moment, _ effects: inout [PodEffect]) {
        for index in containers.indices { stop(index, .pod, at: now, &effects) }
        if hasLiveContainer { return }
        if finishes() { return windUp(at: now, &effects) }
        if sandbox == .ready { removeSandbox(&effects) }
    }

    private static let terminatedByShutdown = Waiting(
        "Terminated",
        "Pod was terminated in response to imminent node shutdown."
    )

    var wantedCleanUp: PodEffect.CleanUp { deleting ? .everything : .volumes }

    private var deleting: Bool {
        if case .deleting = ending { return true }
        return false
    }
}

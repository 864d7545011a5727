/// Which ended containers run again, one by one and all together.
extension PodMachine {
    /// Whether the container's instance that ended like this is followed by another (reference §3.1, §4.1): by the first
    /// rule that is about its exit code, else by its own policy, else by the Pod's. Init containers do not run again after
    /// a success, sidecars always do.
    func restarts(_ record: ContainerRecord, after end: Termination) -> Bool {
        if record.isSuperseded(end.run) || record.role == .sidecar { return true }
        if rule(of: record, matching: end) != nil { return true }
        let policy = lifecycle.policy(of: record.name)
        if record.role == .initialization {
            return (end.exitCode != 0 || end.isInterrupted) && policy != .never
        }
        return policy.restarts(after: end)
    }

    private func rule(of record: ContainerRecord, matching end: Termination) -> ExitCodeRule? {
        lifecycle.container(record.name)?.restartRules.first { $0.matches(end.exitCode) }
    }

    /// A container has ended by itself. If it is to take all others with it, they are ended too; not when nobody knows
    /// how it ended, which may have been in an earlier sandbox.
    mutating func considerRestartingAll(_ record: ContainerRecord, after end: Termination) {
        // A record may be older than the sandbox that stands; in one that dies all begins again anyway.
        guard !end.isLost, ending == nil, shutdownGrace == nil, sandbox != .dying else { return }
        if rule(of: record, matching: end)?.action == .restartAllContainers { isRestartingAll = true }
    }

    /// Ends whatever runs, then forgets that anything has run, so that it all begins again in the same sandbox (reference
    /// §3.7). What holds a container back after its own end goes on holding it back, or this could go on without a pause.
    /// Whether the containers may be started.
    mutating func restartAll(at now: Moment, _ effects: inout [PodEffect]) -> Bool {
        guard isRestartingAll else { return true }
        for index in containers.indices { stop(index, .restartAllContainers, at: now, &effects) }
        if hasLiveContainer { return false }
        isRestartingAll = false
        for index in containers.indices {
            guard let end = containers[index].newestTermination else { continue }
            containers[index].removeForRestart(end, at: now)
        }
        return true
    }

    /// Another definition of the same Pod: what is in `superseded` is started anew, the rest goes on.
    public mutating func redefine(_ lifecycle: PodLifecycle, superseding superseded: Set<String> = []) {
        self.lifecycle = lifecycle
        deadlineAt = nil
        for index in containers.indices where superseded.contains(containers[index].name) {
            containers[index].supersede()
        }
        // The shim may know of instances that are younger than the record.
        if isResuming { supersededUnseen = (supersededUnseen ?? []).union(superseded) }
    }

    /// A restarted podagent was told of another definition before it had heard what runs.
    mutating func supersedeSeen() {
        for index in containers.indices {
            guard supersededUnseen?.contains(containers[index].name) == true else { continue }
            if containers[index].liveRun != nil { containers[index].supersede() }
        }
        supersededUnseen = nil
    }

    /// Ends the instances whose definition is not that of the container any more.
    mutating func stopSuperseded(at now: Moment, _ effects: inout [PodEffect]) {
        for index in containers.indices {
            guard let run = containers[index].runningRun, containers[index].isSuperseded(run),
                containers[index].stop == nil, hasImageToReplace(index, at: now, &effects)
            else { continue }
            stop(index, .definitionChanged, at: now, &effects)
        }
    }
}

extension ContainerRecord {
    /// The kubelet removes the container and says so in its status.
    fileprivate mutating func removeForRestart(_ end: Termination, at now: Moment) {
        let reason = Termination.removedReason
        let message = "The container is removed because RestartAllContainers in place"
        var removed = end
        removed.exitCode = ExitStatus.killed
        removed.reason = reason
        removed.message = message
        state = .ended(removed)
        waiting = Waiting(reason, message)
        retryAt = nil
        // Whoever has ended by itself, and is to wait for that, takes its step: it may be the one that all are restarted
        // for.
        beginsAfresh = notBefore == nil
        supersededRun = end.run
        endedInEarlierSandbox = true
        hasStartedHere = false
    }

    /// What lives is replaced, and what waits after a crash need not wait for another program's sake.
    fileprivate mutating func supersede() {
        if let liveRun { supersededRun = liveRun }
        if state.isEnded { beginsAfresh = true }
        (pull, pullBackoff) = (nil, nil)
        notBefore = nil
        retryAt = nil
        waiting = nil
        backoff = RestartBackoff()
    }
}

import Glibc
import PodCore

/// What the shim says, as events of the machine.
extension PodWorker {
    func take(_ news: PodSandbox.News, _ attempt: Int) {
        // Whatever it is, the answer that is being waited for has it too.
        if machine.isResuming, !news.endsResuming { return }
        switch news {
        case .answered(let welcome, let runs):
            if machine.isResuming { adoptRuns(runs) }
            deliver(.sandboxAnswered(attempt: attempt, SandboxObservation(welcome, runs)))
        case .sandboxStarted: deliver(.sandboxStarted(attempt: attempt))
        case .sandboxFailed(let message): deliver(.sandboxFailed(attempt: attempt, message: message))
        case .ended: deliver(.sandboxEnded(attempt: attempt))
        case .lost:
            sandbox = nil
            endExecs("the sandbox is gone")
            if machine.sandbox == .creating, !machine.isResuming {
                deliver(.sandboxFailed(attempt: attempt, message: "podshim ended unexpectedly"))
            } else {
                deliver(.sandboxLost(attempt: attempt))
            }
        case .run(let event):
            if execs[event.run] != nil { takeExec(event) } else { takeContainer(event) }
        }
    }

    private func takeContainer(_ event: ShimEvent) {
        switch event.kind {
        case .started:
            guard machine.containers.contains(where: { $0.liveRun == event.run }) else {
                // Given up while the shim was slow to begin it.
                sandbox?.signal(SIGKILL, run: event.run)
                return
            }
            deliver(.containerStarted(event.run, at: event.startedAt ?? Clock.wall()))
        case .exited:
            ended(event.run)
            deliver(
                .containerExited(
                    event.run,
                    ExitStatus(waitStatus: event.status),
                    startedAt: event.startedAt,
                    finishedAt: event.finishedAt
                )
            )
        case .failed:
            ended(event.run)
            let message = "failed to start container: \(launchFailure(event, plans[event.run]))"
            deliver(.containerNotStarted(event.run, message: message, at: event.finishedAt))
        case .refused:
            let message = "podshim refused the start: \(errnoText(event.error))"
            deliver(.containerNotCreated(event.run, Waiting("CreateContainerError", message)))
        case .welcome, .run, .replayed: break
        }
        let keep = Set(machine.containers.compactMap(\.liveRun))
        plans = plans.filter { keep.contains($0.key) }
        stopSignals = stopSignals.filter { keep.contains($0.key) }
    }

    /// The instance's writable layer and cgroup are of no more use; its log stays.
    private func ended(_ run: RunID) {
        unforgotten.append(run)
        guard let record = machine.containers.first(where: { $0.liveRun == run }) else { return }
        let instance = "\(record.name)-\(record.restartCount)"
        let (uid, node) = (pod.metadata.uid, node)
        let name = record.name
        let obsolete = record.restartCount - 1
        let logs = NodeDirectories.logName(pod)
        Task {
            await node.removal.run("container \(instance) of \(pod.metadata.name)") {
                try node.cgroups.removeLeaf(instance, pod: uid)
                // Absent after the Pod's own removal overtook this.
                guard let state = try? node.directories.state.directory("pods/\(uid)/containers") else {
                    return
                }
                try state.removeTree(instance)
                guard obsolete >= 0, let logs = try? node.directories.logs().directory("\(logs)/\(name)")
                else {
                    return
                }
                // One ended instance is kept for `logs --previous`.
                for entry in try logs.entries() where entry.hasPrefix("\(obsolete - 1).log") {
                    try logs.removeTree(entry)
                }
            }
        }
    }
}

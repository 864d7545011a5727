import Glibc
import PodCore

/// What the shim says, as events of the machine.
extension PodWorker {
    func take(_ news: PodSandbox.News, _ attempt: Int) {
        // Whatever it is, the answer that is being waited for has it too.
        if machine.isResuming, !news.endsResuming { return }
        let found = machine.isResuming ? instances() : []
        defer { removeRemains(of: found) }
        switch news {
        case .answered(let welcome, let runs):
            var observation = SandboxObservation(welcome, runs) { exitStatus(of: $0, instance: $1) }
            let isResuming = machine.isResuming
            if isResuming {
                adoptRuns(runs)
                observation = withNetwork(observation)
            }
            deliver(.sandboxAnswered(attempt: attempt, observation))
            if isResuming { checkNetwork() }
            // A record older than the sandbox has named an earlier attempt; what the shim says next is of its own.
            if let sandbox, machine.attempt != attempt { adopt(sandbox, machine.attempt) }
        case .sandboxStarted:
            CrashPoint.pauseStarted.pass(pod.metadata.uid)
            sandboxStarted(attempt)
        case .sandboxFailed(let message): deliver(.sandboxFailed(attempt: attempt, message: message))
        case .ended: deliver(.sandboxEnded(attempt: attempt))
        case .lost:
            sandbox = nil
            networkNamespace = nil
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
            CrashPoint.containerStarted.pass(pod.metadata.uid)
            guard machine.containers.contains(where: { $0.liveRun == event.run }) else {
                // Given up while the shim was slow to begin it.
                sandbox?.signal(SIGKILL, run: event.run)
                return
            }
            deliver(.containerStarted(event.run, at: event.startedAt ?? Clock.wall()))
        case .exited:
            CrashPoint.exitHeard.pass(pod.metadata.uid)
            let record = machine.containers.first { $0.liveRun == event.run }
            let status = exitStatus(of: event, instance: record?.instance)
            ended(event.run)
            deliver(
                .containerExited(
                    event.run,
                    status,
                    startedAt: event.startedAt,
                    finishedAt: event.finishedAt
                )
            )
            CrashPoint.exitTaken.pass(pod.metadata.uid)
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
    }

    private func ended(_ run: RunID) {
        unforgotten.append(run)
        guard let record = machine.containers.first(where: { $0.liveRun == run }) else { return }
        remove(record.instance)
    }
}

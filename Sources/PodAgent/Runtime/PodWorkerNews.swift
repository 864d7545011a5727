import Glibc
import PodCore

/// What the shim says, as events of the machine.
extension PodWorker {
    /// Takes in the news in their order. What ended containers have left is read before their ends are told, away from the
    /// node's queue; what comes meanwhile waits for that.
    func take(_ news: PodSandbox.News, _ attempt: Int) {
        // That it answers counts from now on, however long its answer has to wait for a disk.
        if case .answered = news { machine.shimIsThere() }
        inbox.append((news, attempt))
        if !isReadingEnds { takeInbox() }
    }

    private func takeInbox() {
        while !inbox.isEmpty {
            let (news, attempt) = inbox.removeFirst()
            let ends = ends(in: news)
            if ends.isEmpty {
                take(news, attempt, [:])
                continue
            }
            isReadingEnds = true
            let reader = TerminationReader(pod: pod, directories: node.directories)
            Task {
                let messages = await Worker.run { reader.messages(of: ends) }
                isReadingEnds = false
                take(news, attempt, messages)
                if !isReadingEnds { takeInbox() }
            }
            return
        }
    }

    /// The instances whose ends are told by this, and to be taken in.
    private func ends(in news: PodSandbox.News) -> [TerminationReader.End] {
        switch news {
        case .answered(_, let runs) where machine.isResuming:
            return runs.compactMap { $0.end(of: $0.instance) }
        case .run(let event) where !machine.isResuming:
            let record = machine.containers.first { $0.liveRun == event.run }
            return [event.end(of: record?.instance)].compactMap(\.self)
        case .answered, .run, .sandboxStarted, .sandboxFailed, .ended, .lost:
            return []
        }
    }

    private func take(_ news: PodSandbox.News, _ attempt: Int, _ messages: [RunID: String]) {
        // The Pod may have gone for good, or the agent, while an end was being read.
        if alarm.isCancelled { return }
        // Whatever it is, the answer that is being waited for has it too.
        if machine.isResuming, !news.endsResuming { return }
        let found = machine.isResuming ? instances() : []
        defer { removeRemains(of: found) }
        switch news {
        case .answered(let welcome, let runs):
            var observation = SandboxObservation(welcome, runs) { event, instance in
                exitStatus(of: event, instance: instance, message: messages[event.run])
            }
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
            takeBackWork()
            endExecs("the sandbox is gone")
            if machine.sandbox == .creating, !machine.isResuming {
                deliver(.sandboxFailed(attempt: attempt, message: "podshim ended unexpectedly"))
            } else {
                deliver(.sandboxLost(attempt: attempt))
            }
        case .run(let event):
            if execs[event.run] != nil { takeExec(event) } else { takeContainer(event, messages[event.run]) }
        }
    }

    private func takeContainer(_ event: ShimEvent, _ lastWords: String?) {
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
            let status = exitStatus(of: event, instance: record?.instance, message: lastWords)
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
            let failure = "failed to start container: \(launchFailure(event, plans[event.run]))"
            let message = TerminationMessage.joined(runtime: failure, container: lastWords ?? "")
            deliver(.containerNotStarted(event.run, message: message, at: event.finishedAt))
        case .refused:
            let message = "podshim refused the start: \(errnoText(event.error))"
            deliver(.containerNotCreated(event.run, Waiting("CreateContainerError", message)))
        case .welcome, .run, .replayed: break
        }
        let keep = Set(machine.containers.compactMap(\.liveRun))
        plans = plans.filter { keep.contains($0.key) }
        launched = launched.filter { keep.contains($0.key) }
    }

    private func ended(_ run: RunID) {
        unforgotten.append(run)
        guard let record = machine.containers.first(where: { $0.liveRun == run }) else { return }
        remove(record.instance)
    }
}

import CNamespaces
import Glibc
import PodCore

/// The end of one podagent and the beginning of the next.
extension PodWorker {
    /// Takes a Pod up again that an earlier podagent ran.
    func recover(_ record: PodRecordFile) {
        machine = record.machine
        machine.redefine(PodLifecycle(pod, backoff: node.options.backoff))
        statusBuilder = record.status
        isEndOnDisk = record.status.isTerminal
        facts = record.facts
        imageHolds = facts.compactMapValues { facts in
            facts.storedImage.map { node.images.hold($0, for: PodKey(pod)) }
        }
        deletionRequestedAt = record.deletionRequestedAt
        addresses = record.addresses ?? []
        if !machine.cleanedUp {
            network?.reclaim(addresses, for: pod)
        }
        recoverAttachment()
        nextExec = record.nextExec
        if record.bootID != node.bootID {
            machine.forgetTicks()
            machine.holdAgain(pod)
        }
        remembered = record
        perform(machine.resume(at: Clock.now()))
    }

    /// Asks the shim what it knows, the one of an earlier podagent too.
    func inquire(_ attempt: Int) {
        do {
            if sandbox == nil, machine.isResuming {
                adopt(try PodSandbox.reconnect(pod: pod, directories: node.directories), attempt)
            }
            guard let sandbox else {
                // The shim is still being made.
                Task { deliver(.sandboxAnswered(attempt: attempt, nil)) }
                return
            }
            try sandbox.ask()
        } catch {
            // Not at once: the effects beside this one are still being carried out.
            Task { take(.lost, attempt) }
        }
    }

    /// Of the processes that an earlier podagent started, those whose end is to be recorded, and those that nobody wants.
    func adoptRuns(_ runs: [ShimEvent]) {
        for event in runs {
            guard let labelled = event.labelled else {
                nextExec = max(nextExec, event.run.number)
                // An exec whose client is gone with the earlier podagent.
                sandbox?.signal(SIGKILL, run: event.run)
                sandbox?.forget(event.run)
                continue
            }
            if event.state == CNS_RUN_EXITED || event.state == CNS_RUN_FAILED {
                unforgotten.append(event.run)
            } else if let signal = labelled.stopSignal {
                // The record may be older than the instance.
                facts[labelled.name, default: .init()].stopSignal = signal
            }
        }
    }

    /// Makes the shim's socket again if its file is gone, so that the next podagent finds the Pod as this one would. Done
    /// on the node's queue, where no removal of the sandbox can come in between.
    func restoreShimSocket() throws {
        guard let sandbox else { return }
        let pods = try node.directories.run.directory("pods")
        guard FileIdentity(of: "\(pod.metadata.uid)/\(PodSandbox.socketName)", in: pods) == nil else {
            return
        }
        let socket = try PodSandbox.makePlaces(pod: pod, directories: node.directories)
        try sandbox.listen(on: socket)
    }

    /// The agent ends; the Pod goes on.
    func leave() {
        sandbox?.leave()
        alarm.cancel()
        recorder.flush()
    }
}

extension PodSandbox.News {
    /// Whether it tells a restarted podagent what it waits for.
    var endsResuming: Bool {
        switch self {
        case .answered, .lost: true
        case .sandboxStarted, .sandboxFailed, .ended, .run: false
        }
    }
}

extension SandboxObservation {
    /// What a shim says of itself and of the containers' processes; execs are left out. `status` tells how a process of
    /// a container's instance has ended.
    init(_ welcome: ShimEvent, _ runs: [ShimEvent], status: (ShimEvent, ContainerInstance) -> ExitStatus) {
        let observed = runs.compactMap { event -> Run? in
            guard let instance = event.instance else { return nil }
            return Run(
                run: event.run,
                container: instance.container,
                restartCount: instance.restartCount,
                state: event.observedState { status(event, instance) }
            )
        }
        self.init(
            attempt: welcome.labelled?.number,
            pauseIsAlive: welcome.state == CNS_RUN_RUNNING,
            runs: observed
        )
    }
}

extension ShimEvent {
    /// The label that podagent gave the run: a container, its instance's restart count and the signal that asks it to end,
    /// or pause and the sandbox's attempt; nil for an exec.
    fileprivate var labelled: (name: String, number: Int, stopSignal: Int32?)? {
        let parts = label.split(separator: "/")
        guard (2...3).contains(parts.count), let count = Int(parts[1]) else { return nil }
        return (String(parts[0]), count, parts.count == 3 ? Int32(parts[2]) : nil)
    }

    /// The instance of a container whose process it is about; nil for an exec. Only in what a shim repeats.
    var instance: ContainerInstance? {
        labelled.map { ContainerInstance(container: $0.name, restartCount: $0.number) }
    }

    /// The end of an instance, if it tells one.
    func end(of instance: ContainerInstance?) -> TerminationReader.End? {
        guard let instance else { return nil }
        let hasExited = kind == .exited || kind == .run && state == CNS_RUN_EXITED
        let hasFailed = kind == .failed || kind == .run && state == CNS_RUN_FAILED
        guard hasExited || hasFailed else { return nil }
        let code = ExitStatus(waitStatus: status).code
        return TerminationReader.End(run: run, instance: instance, exitCode: code, hasRun: hasExited)
    }

    fileprivate func observedState(_ exitStatus: () -> ExitStatus) -> SandboxObservation.Run.State {
        switch state {
        case CNS_RUN_RUNNING: .running(startedAt: startedAt ?? Clock.wall())
        case CNS_RUN_EXITED:
            .exited(exitStatus(), startedAt: startedAt, finishedAt: finishedAt)
        case CNS_RUN_FAILED: .failed(message: launchFailure(self, nil), at: finishedAt)
        default: .launching
        }
    }
}

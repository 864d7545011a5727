import CNamespaces
import Glibc
import PodCore

/// The end of one podagent and the beginning of the next.
extension PodWorker {
    /// Takes a Pod up again that an earlier podagent ran.
    func recover(_ record: PodRecordFile) {
        machine = record.machine
        statusBuilder = record.status
        facts = record.facts
        deletionRequestedAt = record.deletionRequestedAt
        nextExec = record.nextExec
        if record.bootID != node.bootID { machine.forgetTicks() }
        // Clients must not be told that the Pod does not exist while its shim has yet to answer.
        refreshStatus()
        onChange()
        do {
            _ = try PodSandbox.reconnect(pod: pod, directories: node.directories) {
                [weak self] sandbox, welcome, runs in
                self?.resume(sandbox, welcome, runs)
            }.kept(by: self)
        } catch {
            perform(machine.recover(nil, at: Clock.now()))
        }
    }

    fileprivate func keep(_ sandbox: PodSandbox) {
        self.sandbox = sandbox
        sandbox.onNews = { [weak self] news in
            guard case .lost = news, let self else { return }
            self.sandbox = nil
            self.perform(self.machine.recover(nil, at: Clock.now()))
        }
    }

    private func resume(_ sandbox: PodSandbox, _ welcome: ShimEvent, _ runs: [ShimEvent]) {
        var observed: [SandboxObservation.Run] = []
        for event in runs {
            let parts = event.label.split(separator: "/")
            guard parts.count == 2, let count = Int(parts[1]) else {
                // An exec whose client is gone with the earlier podagent.
                sandbox.signal(SIGKILL, run: event.run)
                sandbox.forget(event.run)
                continue
            }
            let state: SandboxObservation.Run.State
            switch event.state {
            case CNS_RUN_RUNNING: state = .running(startedAt: event.startedAt ?? Clock.wall())
            case CNS_RUN_EXITED:
                state = .exited(
                    ExitStatus(waitStatus: event.status),
                    startedAt: event.startedAt,
                    finishedAt: event.finishedAt
                )
            case CNS_RUN_FAILED: state = .failed(message: launchFailure(event, nil), at: event.finishedAt)
            default: state = .launching
            }
            if event.state == CNS_RUN_EXITED || event.state == CNS_RUN_FAILED {
                unforgotten.append(event.run)
            }
            observed.append(
                .init(run: event.run, container: String(parts[0]), restartCount: count, state: state)
            )
        }
        adopt(sandbox, machine.attempt)
        let observation = SandboxObservation(pauseIsAlive: welcome.state == CNS_RUN_RUNNING, runs: observed)
        perform(machine.recover(observation, at: Clock.now()))
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

extension PodSandbox {
    fileprivate func kept(by worker: PodWorker) { worker.keep(self) }
}

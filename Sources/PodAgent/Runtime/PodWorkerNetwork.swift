import PodCore

/// What CNI plugins have to do with a Pod's sandbox: it stands when they are done.
extension PodWorker {
    /// Pause runs.
    func sandboxStarted(_ attempt: Int) {
        let isAwaited = machine.attempt == attempt && machine.sandbox == .creating
        guard isAwaited, attachment.isWanted, let sandbox else {
            return deliver(.sandboxStarted(attempt: attempt))
        }
        attachment.add(pause: sandbox.pausePID) { [weak self] outcome in
            await self?.attached(outcome, attempt)
        }
    }

    /// If the sandbox was given up meanwhile, its removal frees the addresses.
    private func attached(_ outcome: Result<[String], any Error>, _ attempt: Int) async {
        do {
            let given = try outcome.get()
            guard machine.attempt == attempt, machine.sandbox == .creating else { return }
            var files = filesWriter
            files.addresses = given
            _ = try await Worker.attempt { [files] in try files.write() }
            guard machine.attempt == attempt, machine.sandbox == .creating else { return }
            addresses = given
            deliver(.sandboxStarted(attempt: attempt))
        } catch {
            deliver(.sandboxFailed(attempt: attempt, message: "\(error)"))
        }
    }

    /// The addresses are free for others; a Pod that has ended is still told with those that it had.
    func detach(pause pid: Int32?) async {
        await attachment.remove(pause: pid)
        if attachment.isWanted, machine.ending == nil { addresses = [] }
    }

    /// What an earlier podagent had been given for the Pod, which its record may be too old to know.
    func recoverAttachment() {
        guard let given = attachment.recover(), given != addresses else { return }
        addresses = given
        do {
            _ = try filesWriter.write()
        } catch {
            Log.warning("the files of Pod \(pod.metadata.name) do not have its new addresses: \(error)")
        }
    }

    /// A sandbox without its network is none: all goes on as if it had died by itself. Pause itself lives until DEL is
    /// done, as plugins find more to undo while it does.
    func withNetwork(_ observation: SandboxObservation) -> SandboxObservation {
        guard observation.pauseIsAlive, let sandbox else { return observation }
        attachment.takeOver(pause: sandbox.pausePID)
        var observation = observation
        observation.pauseIsAlive = attachment.isWhole
        return observation
    }

    /// Of a sandbox that was taken over.
    func checkNetwork() {
        guard machine.sandbox == .ready, let sandbox else { return }
        attachment.check(pause: sandbox.pausePID) { [weak self, weak sandbox] failure in
            guard let self, let sandbox, self.sandbox === sandbox else { return }
            let message = "the network is not as it was made, and the sandbox is made again: \(failure)"
            node.events.record(PodRecord(.warning, "FailedPodSandBoxStatus", message), about: pod)
            deliver(.sandboxEnded(attempt: machine.attempt))
        }
    }
}

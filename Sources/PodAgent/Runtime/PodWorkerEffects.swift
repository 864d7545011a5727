import Glibc
import PodCore

/// What the machine wants done, carried out on workers and by the shim.
extension PodWorker {
    func perform(_ effect: PodEffect) {
        switch effect {
        case .prepare: prepare()
        case .createSandbox(let attempt): createSandbox(attempt)
        case .startContainer(let name, let run, let restartCount): startContainer(name, run, restartCount)
        case .terminate(let run): sandbox?.signal(stopSignals[run] ?? SIGTERM, run: run)
        case .kill(let run): sandbox?.signal(SIGKILL, run: run)
        case .removeSandbox(let attempt): removeSandbox(attempt)
        case .inquire(let attempt): inquire(attempt)
        case .killSandbox: killSandbox()
        case .cleanUp(let what): cleanUp(what)
        case .finished:
            alarm.cancel()
            onFinished()
        case .record(let record): node.events.record(record, about: pod)
        }
    }

    private func prepare() {
        let volumes = PodVolumes(pod: pod, directories: node.directories)
        let files = PodFilesWriter(pod: pod, directories: node.directories, nodeName: node.nodeName)
        Task {
            do {
                let records = try await Worker.attempt {
                    try volumes.prepare()
                    return try files.write()
                }
                for record in records { node.events.record(record, about: pod) }
                deliver(.prepared)
            } catch {
                deliver(.preparationFailed(message: "\(error)"))
            }
        }
    }

    private func createSandbox(_ attempt: Int) {
        let launch = PauseLaunch(pod: pod, nodeName: node.nodeName, places: node.directories.places)
        let (pod, node) = (pod, node)
        Task {
            do {
                let prepared = try await Worker.attempt {
                    try PodSandbox.prepare(
                        pod: pod,
                        launch: launch,
                        directories: node.directories,
                        cgroups: node.cgroups,
                        program: node.shim
                    )
                }
                let sandbox = try PodSandbox.create(
                    prepared,
                    attempt: attempt,
                    pod: pod,
                    directories: node.directories
                )
                adopt(sandbox, attempt)
            } catch {
                deliver(.sandboxFailed(attempt: attempt, message: "\(error)"))
            }
        }
    }

    func adopt(_ sandbox: PodSandbox, _ attempt: Int) {
        self.sandbox = sandbox
        sandbox.onNews = { [weak self] news in self?.take(news, attempt) }
    }

    private func startContainer(_ name: String, _ run: RunID, _ restartCount: Int) {
        guard
            let container = (pod.spec.initContainers + pod.spec.containers).first(where: { $0.name == name })
        else {
            preconditionFailure("the machine starts \(name), which the spec does not have")
        }
        let preparation = ContainerPreparation(
            pod: pod,
            container: container,
            restartCount: restartCount,
            directories: node.directories,
            cgroups: node.cgroups,
            images: node.images,
            nodeName: node.nodeName
        )
        Task {
            do {
                // No container runs of a Pod that the next podagent would not know of. The disk has had the time in
                // which the sandbox was made.
                async let isKnown: Void = known()
                let prepared = try await Worker.attempt { try preparation.prepare() }
                try await isKnown
                try launch(prepared, container, run, restartCount)
            } catch let failure as StartFailure {
                deliver(.containerNotCreated(run, failure.waiting))
            } catch {
                deliver(.containerNotCreated(run, Waiting("CreateContainerError", "\(error)")))
            }
        }
    }

    private func launch(
        _ prepared: PreparedContainer,
        _ container: Container,
        _ run: RunID,
        _ restartCount: Int
    ) throws {
        // The start may have been given up while its files were being made.
        guard machine.containers.contains(where: { $0.liveRun == run }) else { return }
        guard let sandbox else { throw CommandFailure("the sandbox is gone") }
        facts[container.name] = prepared.facts
        plans[run] = prepared.plan
        stopSignals[run] = prepared.stopSignal
        let present =
            "Container image \"\(container.image)\" already present on machine and can be accessed by the pod"
        node.events.record(PodRecord(.normal, "Pulled", present, container: container.name), about: pod)
        try sandbox.start(
            prepared,
            run: run,
            restartCount: restartCount,
            container: container,
            limits: node.options.logLimits,
            pod: pod
        )
        node.events.record(
            PodRecord(.normal, "Created", "Container created", container: container.name),
            about: pod
        )
    }

    private func killSandbox() {
        let (uid, cgroups) = (pod.metadata.uid, node.cgroups)
        Task { await Worker.run { cgroups.kill(pod: uid) } }
    }

    private func removeSandbox(_ attempt: Int) {
        let leaving = sandbox
        sandbox = nil
        endExecs("the container has ended")
        let (uid, node) = (pod.metadata.uid, node)
        Task {
            // The shim is the only other one to know how its containers ended. A full disk must not keep it, though.
            try? await saved()
            leaving?.end()
            // What could not be removed stays listed, and is tried again: the machine waits for the answer.
            await node.removal.run("sandbox of \(pod.metadata.name)") {
                try node.cgroups.remove(pod: uid)
                try node.directories.run.directory("pods").removeTree(uid)
            }
            deliver(.sandboxRemoved(attempt: attempt))
        }
    }

    private func cleanUp(_ what: PodEffect.CleanUp) {
        let (pod, node) = (pod, node)
        let recorder = recorder
        if what == .everything { recorder.stop() }
        Task {
            await node.removal.run("files of \(pod.metadata.name)") {
                switch what {
                case .volumes:
                    try PodVolumes(pod: pod, directories: node.directories).remove()
                    try node.directories.podState(pod.metadata.uid).removeTree("containers")
                case .everything:
                    recorder.flush()
                    // The record goes last: without it the next podagent would not know of the rest.
                    try node.directories.logs().removeTree(NodeDirectories.logName(pod))
                    try node.directories.state.directory("pods").removeTree(pod.metadata.uid)
                }
            }
            deliver(.cleanedUp(what))
        }
    }
}

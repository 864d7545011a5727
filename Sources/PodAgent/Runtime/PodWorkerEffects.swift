import Glibc
import PodCore

/// What the machine wants done, carried out on workers and by the shim.
extension PodWorker {
    func perform(_ effect: PodEffect) {
        switch effect {
        case .prepare: prepare()
        case .createSandbox(let attempt): createSandbox(attempt)
        case .startContainer(let name, let run, let restartCount): startContainer(name, run, restartCount)
        case .pullImage(let name, let number): pullImage(name, number)
        case .cancelPull(let number): cancelPull(number)
        case .terminate(let run):
            CrashPoint.beforeTerminate.pass(pod.metadata.uid)
            sandbox?.signal(stopSignal(of: run), run: run)
            CrashPoint.afterTerminate.pass(pod.metadata.uid)
        case .kill(let run):
            CrashPoint.beforeKill.pass(pod.metadata.uid)
            sandbox?.signal(SIGKILL, run: run)
            CrashPoint.afterKill.pass(pod.metadata.uid)
        case .runHook(let run, let kind, let limit): runHook(run, kind, limit)
        case .removeSandbox(let attempt): removeSandbox(attempt)
        case .inquire(let attempt): inquire(attempt)
        case .killSandbox: killSandbox()
        case .cleanUp(let what): cleanUp(what)
        case .finished:
            alarm.cancel()
            imageHolds = [:]
            CrashPoint.finished.pass(pod.metadata.uid)
            onFinished()
        case .record(let record): node.events.record(record, about: pod)
        }
    }

    private func prepare() {
        let volumes = PodVolumes(pod: pod, directories: node.directories)
        let files = filesWriter
        Task {
            do {
                let written = try await Worker.attempt {
                    CrashPoint.beforeVolumes.pass(volumes.pod.metadata.uid)
                    try volumes.prepare()
                    defer { CrashPoint.afterVolumes.pass(volumes.pod.metadata.uid) }
                    return try files.write()
                }
                let unenforced = ResourceEnforcement.warning(about: pod.spec, missing: node.cgroups.missing)
                for record in written.records + [unenforced].compactMap(\.self) {
                    node.events.record(record, about: pod)
                }
                if let problem = written.resolverProblem { node.warnOnce(problem) }
                deliver(.prepared)
            } catch {
                deliver(.preparationFailed(message: "\(error)"))
            }
        }
    }

    var filesWriter: PodFilesWriter {
        PodFilesWriter(
            pod: pod,
            directories: node.directories,
            naming: node.naming,
            resolver: node.resolver,
            addresses: addresses
        )
    }

    /// The link that the sandbox is to have. If the addresses are not those that the Pod's files were written with,
    /// because there were none or podagent was given another network since, the files are to be written anew.
    private func link() throws -> (PodLink?, SharedDescriptor?, PodFilesWriter?) {
        guard let network else { return (nil, nil, nil) }
        let (link, socket) = (try network.link(for: pod), try NodeNetwork.socket())
        let known = addresses
        addresses = link.addresses.map { "\($0.address)" }
        return (link, socket, addresses == known ? nil : filesWriter)
    }

    private func createSandbox(_ attempt: Int) {
        let (pod, node) = (pod, node)
        var launch = PauseLaunch(pod: pod, naming: node.naming, places: node.directories.places)
        let firewall = network?.firewall
        let files: PodFilesWriter?
        let socket: SharedDescriptor?
        do {
            try PodHostname(of: pod, on: node.naming).check()
            (launch.link, socket, files) = try link()
        } catch {
            Task { deliver(.sandboxFailed(attempt: attempt, message: "\(error)")) }
            return
        }
        Task { [launch] in
            do {
                let prepared = try await Worker.attempt {
                    _ = try files?.write()
                    // Before there is a link: what is sent by one that the firewall does not know is dropped.
                    if let link = launch.link {
                        try firewall?.set(link.firewallElements(pod.spec.hostPorts), for: pod.metadata.uid)
                        CrashPoint.afterFirewall.pass(pod.metadata.uid)
                    }
                    return try PodSandbox.prepare(
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
                    network: socket,
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
        guard let container = pod.spec.container(name) else {
            preconditionFailure("the machine starts \(name), which the spec does not have")
        }
        var preparation = preparation(of: container, restartCount: restartCount)
        preparation.imageID = machine.containers.first { $0.liveRun == run }?.pulledImage
        let isFresh = preparation.imageID != nil
        preparations[run] = Task { [preparation] in
            defer { preparations[run] = nil }
            do {
                // No container runs of a Pod that the next podagent would not know of. The disk has had the time in
                // which the sandbox was made.
                async let isKnown: Void = known()
                CrashPoint.beforeContainer.pass(pod.metadata.uid)
                let prepared = try await Worker.attempt { try preparation.prepare() }
                CrashPoint.afterContainer.pass(pod.metadata.uid)
                try await isKnown
                try launch(prepared, container, run, restartCount, isFresh: isFresh)
            } catch is ImageWanted {
                deliver(.imageWanted(run))
            } catch let failure as StartFailure {
                deliver(.containerNotCreated(run, failure.waiting))
            } catch {
                deliver(.containerNotCreated(run, Waiting("CreateContainerError", "\(error)")))
            }
        }
    }

    /// What is made for an instance of the container.
    func preparation(of container: Container, restartCount: Int) -> ContainerPreparation {
        ContainerPreparation(
            pod: pod,
            container: container,
            restartCount: restartCount,
            directories: node.directories,
            cgroups: node.cgroups,
            images: node.images,
            naming: node.naming,
            addresses: PodAddresses(of: pod.spec, own: addresses, node: node.addresses),
            imageID: facts[container.name]?.storedImage,
            keys: node.keys(for: pod),
            registries: node.options.registries
        )
    }

    private func launch(
        _ prepared: PreparedContainer,
        _ container: Container,
        _ run: RunID,
        _ restartCount: Int,
        isFresh: Bool
    ) throws {
        // The start may have been given up while its files were being made.
        guard machine.containers.contains(where: { $0.liveRun == run }) else { return }
        guard let sandbox else { throw CommandFailure("the sandbox is gone") }
        facts[container.name] = prepared.facts
        imageHolds[container.name] = prepared.imageHold
        plans[run] = prepared.plan
        launched[run] = container
        if !isFresh {
            let present = Self.isPresent(container.image)
            node.events.record(PodRecord(.normal, "Pulled", present, container: container.name), about: pod)
        }
        try sandbox.start(
            prepared,
            run: run,
            restartCount: restartCount,
            container: container,
            limits: node.options.logLimits,
            pod: pod
        )
        CrashPoint.containerRequested.pass(pod.metadata.uid)
        node.events.record(
            PodRecord(.normal, "Created", "Container created", container: container.name),
            about: pod
        )
    }

    /// With what an instance is asked to end. Known of the newest one of each container, and there is no other.
    private func stopSignal(of run: RunID) -> Int32 {
        let name = machine.containers.first { $0.liveRun == run }?.name
        return name.flatMap { facts[$0]?.stopSignal } ?? SIGTERM
    }

    private func killSandbox() {
        let (uid, cgroups) = (pod.metadata.uid, node.cgroups)
        Task { await Worker.run { cgroups.kill(pod: uid) } }
    }
}

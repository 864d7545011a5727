import CNamespaces
import Dispatch
import Glibc
import PodCore

/// The shell around one Pod's machine: turns its effects into work and the outcome of work into its events.
@NodeActor
final class PodWorker {
    let pod: Pod
    let source: PodSource
    private let node: NodeContext
    private(set) var machine: PodMachine
    private(set) var facts: [String: PodStatusBuilder.ContainerFacts] = [:]
    private var statusBuilder = PodStatusBuilder()
    private(set) var deletionRequestedAt: Timestamp?
    private(set) var status = PodStatus()
    /// What watchers were last shown.
    var published: Pod?
    private(set) var sandbox: PodSandbox?
    private var plans: [RunID: LaunchPlan] = [:]
    private var stopSignals: [RunID: Int32] = [:]
    private var unforgotten: [RunID] = []
    private let recorder: PodRecorder
    private let alarm: any DispatchSourceTimer
    private var alarmAt: Tick?
    private var endWaiters: [RunID: [() -> Void]] = [:]
    var execs: [RunID: ExecRun] = [:]
    var nextExec: UInt64 = 1 << 32
    /// Called when the status may have changed, and when nothing of the Pod is left.
    var onChange: () -> Void = {}
    var onFinished: () -> Void = {}

    /// - Parameter isRestored: whether an earlier podagent has left a record of the Pod.
    init(pod: Pod, source: PodSource, node: NodeContext, isRestored: Bool = false) {
        self.pod = pod
        self.source = source
        self.node = node
        machine = PodMachine(PodLifecycle(pod, backoff: node.options.backoff))
        recorder = PodRecorder(pod: pod, directories: node.directories, exists: isRestored)
        alarm = DispatchSource.makeTimerSource(queue: NodeActor.queue)
        alarm.setEventHandler { [weak self] in
            NodeActor.assumeIsolated { self?.alarmRang() }
        }
        alarm.activate()
    }

    /// Begins the life of a new Pod.
    func begin() {
        deliver(.alarm)
    }

    func deliver(_ event: PodEvent) {
        let effects = machine.handle(event, at: Clock.now())
        perform(effects)
    }

    private func perform(_ effects: [PodEffect]) {
        remember()
        for effect in effects { perform(effect) }
        setAlarm()
        publish()
        tellEndWaiters()
    }

    /// Calls `body` when `run` no longer runs and its output is in its log.
    func whenEnded(_ run: RunID, _ body: @escaping () -> Void) { endWaiters[run, default: []].append(body) }

    private func tellEndWaiters() {
        guard !endWaiters.isEmpty else { return }
        let live = Set(machine.containers.compactMap(\.liveRun))
        for run in endWaiters.keys where !live.contains(run) {
            for body in endWaiters.removeValue(forKey: run) ?? [] { body() }
        }
    }

    private func publish() {
        status = statusBuilder.status(
            of: pod,
            machine,
            facts: facts,
            nodeAddresses: node.addresses,
            at: Clock.wall()
        )
        onChange()
    }

    /// What the API shows of the Pod.
    var shown: Pod {
        var shown = pod
        shown.status = status
        if let deletionRequestedAt, case .deleting(let grace, _) = machine.ending {
            shown.metadata.deletionGracePeriodSeconds = grace.components.seconds
            let end = deletionRequestedAt + grace
            shown.metadata.deletionTimestamp = end.truncatedToSeconds
        }
        return shown
    }

    func delete(grace: Duration?) {
        if deletionRequestedAt == nil { deletionRequestedAt = Clock.wall() }
        deliver(.delete(grace: grace))
    }

    // MARK: Time

    private func setAlarm() {
        guard machine.nextAlarm != alarmAt else { return }
        alarmAt = machine.nextAlarm
        guard let alarmAt else { return alarm.schedule(deadline: .distantFuture) }
        let wait = max(.zero, alarmAt - Clock.tick())
        alarm.schedule(deadline: .now() + .nanoseconds(Int(wait.wholeNanoseconds)))
    }

    private func alarmRang() {
        guard let due = alarmAt else { return }
        alarmAt = nil
        // Dispatch counts on a clock that stops in suspend: one that rang early is set again.
        if Clock.tick() < due { return setAlarm() }
        deliver(.alarm)
    }

    // MARK: Memory

    private func remember() {
        let ends = unforgotten
        recorder.write(
            PodRecordFile(
                bootID: node.bootID,
                source: source,
                machine: machine,
                status: statusBuilder,
                facts: facts,
                deletionRequestedAt: deletionRequestedAt,
                nextExec: nextExec
            )
        ) { [weak self] outcome in
            if case .success = outcome { self?.forget(ends) }
        }
    }

    /// How these ended is on disk: the shim need not keep it any longer.
    private func forget(_ ends: [RunID]) {
        for run in ends where unforgotten.contains(run) { sandbox?.forget(run) }
        unforgotten.removeAll(where: ends.contains)
    }

    /// Returns when there is a record of the Pod, or throws why there is none.
    private func known() async throws {
        try await withCheckedThrowingContinuation { continuation in
            recorder.whenExisting { continuation.resume(with: $0) }
        }
    }

    /// Returns when everything that has happened to the Pod so far is on disk, or throws why it is not.
    func saved() async throws {
        try await withCheckedThrowingContinuation { continuation in
            recorder.whenWritten { continuation.resume(with: $0) }
        }
    }

    // MARK: Effects

    private func perform(_ effect: PodEffect) {
        switch effect {
        case .prepare: prepare()
        case .createSandbox(let attempt): createSandbox(attempt)
        case .startContainer(let name, let run, let restartCount): startContainer(name, run, restartCount)
        case .terminate(let run): sandbox?.signal(stopSignals[run] ?? SIGTERM, run: run)
        case .kill(let run): sandbox?.signal(SIGKILL, run: run)
        case .removeSandbox(let attempt): removeSandbox(attempt)
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
                let sandbox = try PodSandbox.create(prepared, pod: pod, directories: node.directories)
                adopt(sandbox, attempt)
            } catch {
                deliver(.sandboxFailed(attempt: attempt, message: "\(error)"))
            }
        }
    }

    private func adopt(_ sandbox: PodSandbox, _ attempt: Int) {
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

    // MARK: News from the shim

    private func take(_ news: PodSandbox.News, _ attempt: Int) {
        switch news {
        case .sandboxStarted: deliver(.sandboxStarted(attempt: attempt))
        case .sandboxFailed(let message): deliver(.sandboxFailed(attempt: attempt, message: message))
        case .ended: deliver(.sandboxEnded(attempt: attempt))
        case .lost:
            sandbox = nil
            endExecs("the sandbox is gone")
            if machine.sandbox == .creating {
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

    // MARK: Recovery

    /// Takes a Pod up again that an earlier podagent ran.
    func recover(_ record: PodRecordFile) {
        machine = record.machine
        statusBuilder = record.status
        facts = record.facts
        deletionRequestedAt = record.deletionRequestedAt
        nextExec = record.nextExec
        if record.bootID != node.bootID { machine.forgetTicks() }
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

extension PodLifecycle {
    /// What the machine needs of a Pod.
    init(_ pod: Pod, backoff: BackoffLimits) {
        self.init(
            reference: "\(pod.metadata.name)_\(pod.metadata.namespace)(\(pod.metadata.uid))",
            initContainers: pod.spec.initContainers.map { .init(name: $0.name) },
            containers: pod.spec.containers.map { .init(name: $0.name) },
            restartPolicy: RestartRule(rawValue: pod.spec.restartPolicy.rawValue) ?? .always,
            terminationGracePeriod: .seconds(pod.spec.terminationGracePeriodSeconds),
            backoff: backoff
        )
    }
}

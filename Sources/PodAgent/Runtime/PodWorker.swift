import PodCore

/// The shell around one Pod's machine: turns its effects into work and the outcome of work into its events.
///
///     PodWorker            the machine and what goes with it, its status, its time, its record
///     PodWorkerEffects     effects out: directories, sandbox, container starts
///     PodWorkerRemoval     sandbox and files, taken away
///     PodWorkerNews        events in: what the shim says
///     PodWorkerNetwork     what CNI plugins have to do with the sandbox
///     PodWorkerRecovery    from one podagent to the next
///     PodWorkerProbes      what the containers are asked
///     PodWorkerHooks       what is done after their start and before their end
///     PodWorkerCommands    programs that probes and hooks run in them
///     ExecRun              further processes in its containers
///
/// What is not private here belongs to those files; everybody else only reads it.
@NodeActor
final class PodWorker {
    /// As its manifest has it now.
    private(set) var pod: Pod
    let source: PodSource
    let node: NodeContext
    /// Nil when Pods have loopback alone.
    let network: NodeNetwork?
    /// To the network of CNI plugins.
    let attachment: PodAttachment
    var machine: PodMachine
    var facts: [String: PodStatusBuilder.ContainerFacts] = [:]
    /// What keeps the image of each container's newest instance, running or ended.
    var imageHolds: [String: ImageHold] = [:]
    var statusBuilder = PodStatusBuilder()
    var deletionRequestedAt: Timestamp?
    /// The Pod's own; none while it has loopback alone.
    var addresses: [String] = []
    var status = PodStatus()
    /// Whether it is on disk that the Pod has Succeeded or Failed.
    var isEndOnDisk = false
    /// What was shown before that.
    private var shownPhase = PodPhase.pending
    /// What watchers were last shown.
    var published: Pod?
    /// What the node's machine was last told of how the Pod stands.
    var standing = PodStanding.pending
    var sandbox: PodSandbox?
    var plans: [RunID: LaunchPlan] = [:]
    var unforgotten: [RunID] = []
    /// Starts whose files are being made, given up or not.
    var preparations: [RunID: Task<Void, Never>] = [:]
    /// Images that are being seen to, by the machine's number.
    var pulls: [UInt64: Task<Void, Never>] = [:]
    /// How far they are, by container.
    var pulling: [String: PullNote] = [:]
    /// What the shim has said and has not been taken in yet, because an end before it is being read.
    var inbox: [(news: PodSandbox.News, attempt: Int)] = []
    var isReadingEnds = false
    let recorder: PodRecorder
    /// What the recorder was last given, or has been read from disk.
    var remembered: PodRecordFile?
    private(set) lazy var alarm = NodeActor.alarms.alarm { [weak self] in self?.alarmRang() }
    var probes: PodProbes
    /// What has been asked, and how to take it back.
    var attempts: [PodProbes.Question: () -> Void] = [:]
    /// Hooks that are under way, and how to take them back.
    var hooks: [CommandKey: () -> Void] = [:]
    /// What this podagent has started instances from.
    var launched: [RunID: Container] = [:]
    /// Pause's, once something was asked within it.
    var networkNamespace: SharedDescriptor?
    /// Commands that podagent runs in containers, ready to be run again.
    var preparedCommands: [CommandKey: PreparedExec] = [:]
    var liveCommands: [CommandKey: ContainerCommand] = [:]
    /// Commands that took too long, ever.
    var commandsKilled = 0
    private var endWaiters: [RunID: [() -> Void]] = [:]
    /// Called when nobody asks any more how the Pod's containers have ended.
    var unwantedWaiters: [() -> Void] = []
    var execs: [RunID: ExecRun] = [:]
    var nextExec: UInt64 = 1 << 32
    /// Called when the status may have changed, and when nothing of the Pod is left.
    var onChange: () -> Void = {}
    var onFinished: () -> Void = {}
    /// Called when it is on the disk that the Pod has ended by itself; at times more than once.
    var onEnded: () -> Void = {}

    /// - Parameter isRestored: whether an earlier podagent has left a record of the Pod.
    init(
        pod: Pod,
        source: PodSource,
        node: NodeContext,
        network: NodeNetwork?,
        isRestored: Bool = false
    ) {
        self.pod = pod
        self.source = source
        self.node = node
        self.network = pod.spec.hostNetwork ? nil : network
        attachment = PodAttachment(pod: pod, node: node)
        let lifecycle = PodLifecycle(pod, backoff: node.options.backoff)
        machine = PodMachine(lifecycle)
        probes = PodProbes(lifecycle, uid: pod.metadata.uid, agentStartedAt: node.startedAt)
        recorder = PodRecorder(pod: pod, directories: node.directories, exists: isRestored)
    }

    /// Begins the life of a new Pod, or has it wait: it has its addresses either way.
    func begin(with event: PodEvent = .alarm) {
        addresses = network?.addresses(for: pod) ?? []
        deliver(event)
    }

    func deliver(_ event: PodEvent) {
        // Who comes late finds the Pod gone for good, or the agent on its way out.
        if alarm.isCancelled { return }
        let effects = machine.handle(event, at: Clock.now())
        perform(effects)
    }

    func perform(_ effects: [PodEffect]) {
        // The status first, for when its conditions changed is part of the record.
        status = statusBuilder.status(
            of: pod,
            machine,
            facts: facts,
            pulling: pulling.mapValues(\.text),
            addresses: addresses,
            nodeAddresses: node.addresses,
            unenforced: Set(node.cgroups.missing.keys),
            at: Clock.wall()
        )
        shownPhase = shownStatus.phase
        remember()
        if machine.ending != nil || machine.shutdownGrace != nil { attachment.giveUp() }
        for effect in effects { perform(effect) }
        followProbes()
        setAlarm()
        onChange()
        tellEndWaiters()
        if isUnwanted {
            for body in unwantedWaiters { body() }
            unwantedWaiters = []
        }
    }

    /// Whether the Pod is deleted, or its node goes down.
    var isUnwanted: Bool { isLeaving || machine.shutdownGrace != nil }

    /// Calls `body` when `run` no longer runs and its output is in its log.
    func whenEnded(_ run: RunID, _ body: @escaping () -> Void) { endWaiters[run, default: []].append(body) }

    private func tellEndWaiters() {
        guard !endWaiters.isEmpty else { return }
        let live = Set(machine.containers.compactMap(\.liveRun))
        for run in endWaiters.keys where !live.contains(run) {
            for body in endWaiters.removeValue(forKey: run) ?? [] { body() }
        }
    }

    /// The status for everybody else. An end is shown only when it is on disk, so that no crash of podagent takes it back:
    /// the phase is that from before until then. A Pod that is rejected is looked at again by the next podagent anyway.
    var shownStatus: PodStatus {
        var shown = status
        if statusBuilder.isTerminal, !isEndOnDisk, machine.rejection == nil { shown.phase = shownPhase }
        return shown
    }

    /// What the API shows of the Pod.
    var shown: Pod {
        var shown = pod
        shown.status = shownStatus
        if let deletionRequestedAt, case .deleting(let grace, _) = machine.ending {
            shown.metadata.deletionGracePeriodSeconds = grace.components.seconds
            let end = deletionRequestedAt + grace
            shown.metadata.deletionTimestamp = end.truncatedToSeconds
        }
        return shown
    }

    /// Whether the Pod has been deleted, and is not gone yet.
    var isLeaving: Bool {
        if case .deleting = machine.ending { return true }
        return false
    }

    /// Whether the Pod has Succeeded or Failed, and not because it was deleted.
    var hasEnded: Bool { !isLeaving && (status.phase == .succeeded || status.phase == .failed) }

    /// What the node's machine is told of a Pod that an earlier podagent has recorded.
    var restoredState: RestoredState {
        if isLeaving { return .leaving }
        if machine.rejection != nil { return .rejected }
        if machine.hold != nil { return .held }
        return hasEnded ? .ended : .admitted
    }

    /// The Pod's manifest has changed in a way that need not end it.
    func change(to pod: Pod, superseding superseded: Set<String>) {
        self.pod = pod
        recorder.change(pod)
        // Even if nothing else changes, the Pod is to be written down with the next record.
        remembered = nil
        deliver(.redefined(PodLifecycle(pod, backoff: node.options.backoff), superseding: superseded))
    }

    func delete(grace: Duration?) {
        if deletionRequestedAt == nil { deletionRequestedAt = Clock.wall() }
        deliver(.delete(grace: grace))
    }

    // MARK: Time

    func setAlarm() {
        alarm.set([machine.nextAlarm, probes.nextAlarm].compactMap(\.self).min())
    }

    private func alarmRang() {
        let now = Clock.tick()
        for question in probes.begin(at: now) { ask(question) }
        if let due = machine.nextAlarm, now >= due { deliver(.alarm) } else { setAlarm() }
    }

    // MARK: Memory

    private func remember() {
        let ends = unforgotten
        let record = PodRecordFile(
            bootID: node.bootID,
            source: source,
            machine: machine.recorded,
            status: statusBuilder,
            facts: facts,
            deletionRequestedAt: deletionRequestedAt,
            addresses: addresses,
            nextExec: nextExec
        )
        if record != remembered {
            remembered = record
            let hasEnded = hasEnded
            recorder.write(record) { [weak self] in
                self?.forget(ends)
                if record.status.isTerminal { self?.showEnd() }
                if hasEnded { self?.onEnded() }
            }
        } else if !ends.isEmpty {
            recorder.whenWritten { [weak self] outcome in
                if case .success = outcome { self?.forget(ends) }
            }
        }
    }

    /// The end of the Pod is on disk, and everybody may know of it.
    private func showEnd() {
        if isEndOnDisk { return }
        isEndOnDisk = true
        shownPhase = status.phase
        onChange()
    }

    /// How these ended is on disk: the shim need not keep it any longer.
    private func forget(_ ends: [RunID]) {
        if !ends.isEmpty { CrashPoint.beforeForget.pass(pod.metadata.uid) }
        for run in ends where unforgotten.contains(run) { sandbox?.forget(run) }
        if !ends.isEmpty { CrashPoint.afterForget.pass(pod.metadata.uid) }
        unforgotten.removeAll(where: ends.contains)
    }

    /// Returns when there is a record of the Pod, or throws why there is none.
    func known() async throws {
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
}

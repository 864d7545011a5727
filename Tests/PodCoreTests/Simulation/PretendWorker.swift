@testable import PodCore

/// The shell around one Pod's machine, in one life of the agent. Everything that takes time is cut into steps, and the
/// agent may die between any two of them.
final class PretendWorker {
    let agent: PretendAgent
    unowned let node: NodeSimulation
    /// As its manifest has it now.
    private(set) var pod: Pod
    let key: PodKey
    let source: PodSource
    var machine: PodMachine
    private var builder = PodStatusBuilder()
    let recorder: PretendRecorder
    private var remembered: PretendRecord?
    /// Ends that the shim keeps until they are on the disk.
    var unforgotten: [RunID] = []
    var connection: PretendSandbox?
    /// One that is about to be removed: what it still says is heard, and may be late.
    var leaving: PretendSandbox?
    /// What has been promised of the pace at which things are tried again.
    var pace = PretendPace()
    var probes: PodProbes
    /// What is asked and done at present, each with a number of its own.
    var attempts: [PodProbes.Question: Int] = [:]
    var hooks: [RunID: Hook] = [:]
    /// Images that are being seen to, by the machine's number, with the container.
    private var pulls: [UInt64: String] = [:]
    private var numbers = 0
    /// When questions were last put in this life, and how often they have been answered since it is calm.
    var lastAsked: [PodProbes.Question: [Int64]] = [:]
    var calmAnswers: [PodProbes.Question: Int] = [:]
    /// What the machine thought of its end after the event before.
    var lastEnding: PodMachine.Ending?
    /// No event has been told yet.
    private(set) var isFresh = true
    var newsDue: Int64 = 0
    var newsUnderWay = 0
    private(set) var status = PodStatus()
    /// Whether the disk has it that the Pod has Succeeded or Failed.
    private var isEndOnDisk = false
    private var shownPhase = PodPhase.pending
    /// What the node's machine was last told of how the Pod stands.
    var standing = PodStanding.pending

    var uid: String { pod.metadata.uid }

    init(_ agent: PretendAgent, _ pod: Pod, _ source: PodSource, isRestored: Bool) {
        self.agent = agent
        node = agent.node
        self.pod = pod
        self.source = source
        key = PodKey(pod)
        machine = PodMachine(Self.lifecycle(pod))
        let startedAt = agent.startedAt
        probes = PodProbes(Self.lifecycle(pod), uid: pod.metadata.uid, agentStartedAt: startedAt)
        recorder = PretendRecorder(agent.node, life: agent.life, pod: pod, exists: isRestored)
        if node.truths[uid] == nil { node.truths[uid] = PodTruth() }
    }

    private static func lifecycle(_ pod: Pod) -> PodLifecycle {
        PodLifecycle(pod, backoff: .kubelet)
    }

    var isLeaving: Bool {
        if case .deleting = machine.ending { return true }
        return false
    }

    /// Whether the Pod has Succeeded or Failed, and not because it was deleted.
    var hasEnded: Bool { !isLeaving && (status.phase == .succeeded || status.phase == .failed) }

    /// What clients are shown: an end only when no crash can take it back.
    var shown: PodStatus {
        var shown = status
        if builder.isTerminal, !isEndOnDisk, machine.rejection == nil { shown.phase = shownPhase }
        return shown
    }

    var restoredState: RestoredState {
        if isLeaving { return .leaving }
        if machine.rejection != nil { return .rejected }
        if machine.hold != nil { return .held }
        return hasEnded ? .ended : .admitted
    }

    func nextNumber() -> Int {
        numbers += 1
        return numbers
    }

    /// The Pod's manifest has changed in a way that need not end it.
    func change(to pod: Pod, superseding superseded: Set<String>) {
        node.noteChange(self, to: pod, superseded)
        self.pod = pod
        recorder.change(pod)
        remembered = nil
        deliver(.redefined(Self.lifecycle(pod), superseding: superseded))
    }

    /// Goes on from what an earlier life has recorded.
    func recover(_ record: PretendRecord) {
        machine = record.machine
        machine.redefine(Self.lifecycle(pod))
        builder = record.builder
        if record.boot != node.kernel.boot { machine.forgetTicks() }
        remembered = record
        isEndOnDisk = builder.isTerminal
        let effects = machine.resume(at: node.now)
        lastEnding = machine.ending
        node.inheritStops(self)
        node.inheritEnds(self)
        perform(effects)
    }

    func deliver(_ event: PodEvent) {
        guard isAlive else { return }
        node.countEvent(uid)
        var given: String?
        if case .containerNotCreated(let run, _) = event, machine.sandbox != .dying {
            given = machine.index(of: run).map { machine.containers[$0].name }
        }
        let effects = machine.handle(event, at: node.now)
        pace.take(event, at: node.time)
        if let given { pace.failed(given, at: node.time) }
        node.noteGrace(self, event)
        perform(effects)
    }

    var isAlive: Bool { node.agent === agent && agent.workers[key] === self }

    private func perform(_ effects: [PodEffect]) {
        node.tell("    -> \(uid) \(effects)")
        status = builder.status(of: pod, machine, facts: [:], nodeAddresses: [], at: node.now.wall)
        shownPhase = shown.phase
        node.checkRecorded(self)
        remember()
        for effect in effects {
            if node.agentMayDie() { return }
            perform(effect)
            if !isAlive { return }
        }
        followProbes()
        node.check(self)
        isFresh = false
        agent.changed(self)
    }

    private func remember() {
        let ends = unforgotten
        let record = PretendRecord(
            source: source,
            boot: node.kernel.boot,
            machine: machine.recorded,
            builder: builder
        )
        if record != remembered {
            remembered = record
            let hasEnded = hasEnded
            recorder.write(record) { [self] in
                forget(ends)
                if record.builder.isTerminal { isEndOnDisk = true }
                if hasEnded {
                    agent.ended(self)
                    // Now it can be shown.
                    if isAlive { agent.changed(self) }
                }
            }
        } else if !ends.isEmpty {
            recorder.whenWritten { [self] in if $0 { forget(ends) } }
        }
    }

    private func forget(_ ends: [RunID]) {
        guard let connection else { return }
        connection.whenAwake {
            for run in ends where connection.processes[run]?.isLive == false {
                connection.processes[run] = nil
            }
        }
        unforgotten.removeAll(where: ends.contains)
    }

    // MARK: Work

    /// A step of work that takes its time; not done if the agent dies before, and it may die at its beginning.
    private func later(_ label: String, _ body: @escaping () -> Void) {
        later(node.random.workTime(), label, body)
    }

    func later(_ delay: Duration, _ label: String, _ body: @escaping () -> Void) {
        node.at(delay, .agent(life: agent.life), "\(label) \(uid)") { [unowned node] in
            if !node.agentMayDie() { body() }
        }
    }

    private func perform(_ effect: PodEffect) {
        switch effect {
        case .prepare:
            if let early = pace.prepares(at: node.time) { node.fail("\(uid): \(early)") }
            prepare()
        case .createSandbox(let attempt):
            if let early = pace.makesSandbox(at: node.time) { node.fail("\(uid): \(early)") }
            createSandbox(attempt)
        case .startContainer(let name, let run, let restartCount): start(name, run, restartCount)
        case .pullImage(let name, let number): pullImage(name, number)
        case .cancelPull(let number): pulls[number] = nil
        case .terminate(let run):
            node.checkTermination(self, run)
            signal(run, isKill: false)
        case .kill(let run):
            node.checkKill(self, run)
            signal(run, isKill: true)
        case .removeSandbox(let attempt): removeSandbox(attempt)
        case .inquire(let attempt): inquire(attempt)
        case .killSandbox:
            later("kill") { [self] in node.killCgroup(uid) }
        case .cleanUp(let what): cleanUp(what)
        case .finished:
            if !isLeaving { node.fail("\(uid) has finished too early") }
            agent.finished(self)
        case .runHook(let run, let kind, let limit): runHook(run, kind, limit)
        case .record(let record): node.noteRecord(self, record)
        }
    }

    private func prepare() {
        later("prepare") { [self] in
            node.kernel.volumes.insert(uid)
            let fails = !node.isCalm && node.random.chance(0.2)
            if !fails { node.kernel.prepared.insert(uid) }
            deliver(fails ? .preparationFailed(message: "no") : .prepared)
        }
    }

    private func createSandbox(_ attempt: Int) {
        later("make the sandbox of") { [self] in
            node.kernel.remains.insert(uid)
            if !node.isCalm, node.random.chance(0.05) {
                return deliver(.sandboxFailed(attempt: attempt, message: "no"))
            }
            node.spawn(uid, attempt: attempt)
            guard let sandbox = node.kernel.sandboxes[uid] else { return }
            later(node.random.seconds(0...0.01), "ask for pause of") { [self] in
                connection = sandbox
                sandbox.knownAs = attempt
                if !sandbox.shimIsAlive { return connectionEnded(sandbox) }
                node.makePause(sandbox, fails: !node.isCalm && node.random.chance(0.05))
            }
        }
    }

    private func start(_ name: String, _ run: RunID, _ restartCount: Int) {
        node.checkStart(self, name)
        if let early = pace.starts(name, at: node.time) { node.fail("\(uid): \(early)") }
        guard let container = pod.spec.container(name) else {
            return node.fail("\(uid) has no \(name)")
        }
        later("prepare \(name) of") { [self] in
            recorder.whenExisting { [self] isKnown in
                guard isAlive else { return }
                if !isKnown || !node.isCalm && node.random.chance(0.1) {
                    let isImage = isKnown && node.random.chance(0.5)
                    let reason = isImage ? "ErrImageNeverPull" : "CreateContainerError"
                    return deliver(.containerNotCreated(run, Waiting(reason, "no")))
                }
                guard let record = machine.containers.first(where: { $0.liveRun == run }) else { return }
                if record.pulledImage == nil, node.random.chance(node.isCalm ? 0.05 : 0.2) {
                    return deliver(.imageWanted(run))
                }
                guard let connection else {
                    return deliver(.containerNotCreated(run, Waiting("CreateContainerError", "no sandbox")))
                }
                connection.whenAwake { [unowned node] in node.launch(connection, container, run, restartCount)
                }
            }
        }
    }

    /// It may take long, and the registry may not have it.
    private func pullImage(_ name: String, _ number: UInt64) {
        if pulls.values.contains(name) { node.fail("\(uid) has the image of \(name) pulled twice at a time") }
        if machine.ending != nil || machine.shutdownGrace != nil {
            node.fail("\(uid) has an image pulled at its end")
        }
        let early = pace.starts(name, at: node.time).map { "\(uid): \($0)" }
        if let early, machine.containers.contains(where: { $0.name == name && $0.liveRun == nil }) {
            node.fail(early)
        }
        pulls[number] = name
        let time = node.random.chance(0.2) ? node.random.seconds(0...60) : node.random.workTime()
        later(time, "pull for \(name) of") { [self] in
            guard pulls.removeValue(forKey: number) != nil else { return }
            if node.isCalm || node.random.chance(0.6) {
                return deliver(.imageAnswered(number: number, .here(id: "image")))
            }
            let isRefused = node.random.chance(0.2)
            let answer =
                isRefused
                ? ImageAnswer.refused(Waiting("ErrImageNeverPull", "no"))
                : .failed(image: "image", message: "no")
            deliver(.imageAnswered(number: number, answer))
            pace.failed(name, at: node.time)
        }
    }

    private func signal(_ run: RunID, isKill: Bool) {
        guard let sandbox = connection else { return }
        sandbox.whenAwake { [unowned node] in
            guard let process = sandbox.processes[run], process.isLive else { return }
            if isKill {
                node.below(node.killTime(), "\(sandbox.uid) \(run) is killed") {
                    [unowned node] in
                    node.exit(sandbox, run, 137)
                }
            } else if node.random.chance(0.7) {
                let code: Int32 = node.random.chance(0.5) ? 143 : 0
                node.below(node.random.seconds(0...3), "\(sandbox.uid) \(run) obeys") { [unowned node] in
                    node.exit(sandbox, run, code)
                }
            }
        }
    }

    private func removeSandbox(_ attempt: Int) {
        leaving = connection
        connection = nil
        whenSavedOrUnwanted { [self] in
            later("end the shim of") { [self] in
                leaving = nil
                if let live = node.kernel.sandboxes[uid]?.live, !live.isEmpty,
                    node.kernel.sandboxes[uid]?.shimIsAlive == true
                {
                    node.fail("the sandbox of \(uid) is torn down around \(live)")
                }
                node.killCgroup(uid)
                removeRemains(attempt)
            }
        }
    }

    /// What cannot be removed is tried again until it can.
    private func removeRemains(_ attempt: Int) {
        later("remove the sandbox of") { [self] in
            if !node.isCalm, node.random.chance(0.1) {
                return node.at(node.random.seconds(1...60), .agent(life: agent.life), "try again") {
                    [self] in
                    removeRemains(attempt)
                }
            }
            node.kernel.sandboxes[uid] = nil
            node.kernel.remains.remove(uid)
            deliver(.sandboxRemoved(attempt: attempt))
        }
    }

    /// The shim is kept until what it knows is on the disk, unless nobody asks for that any more.
    private func whenSavedOrUnwanted(_ done: @escaping () -> Void) {
        if leaving == nil { return done() }
        recorder.whenWritten { [self] isWritten in
            if isWritten || isLeaving || machine.shutdownGrace != nil { return done() }
            node.at(.seconds(1), .agent(life: agent.life), "\(uid) is not saved yet") { [self] in
                whenSavedOrUnwanted(done)
            }
        }
    }

    private func cleanUp(_ what: PodEffect.CleanUp) {
        if node.kernel.sandboxes[uid] != nil { node.fail("\(uid) is cleaned up beneath a sandbox") }
        if what == .everything { recorder.stop() }
        later("remove the volumes of") { [self] in
            node.kernel.volumes.remove(uid)
            node.kernel.prepared.remove(uid)
            guard what == .everything else { return deliver(.cleanedUp(what)) }
            recorder.flush { [self] in
                later("forget") { [self] in
                    node.disk.records[uid] = nil
                    node.disk.pods[uid] = nil
                    node.truths[uid] = nil
                    if !node.agentMayDie() { deliver(.cleanedUp(what)) }
                }
            }
        }
    }
}

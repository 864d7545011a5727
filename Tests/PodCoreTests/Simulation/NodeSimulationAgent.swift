@testable import PodCore

/// One life of the agent: the node's machine and the Pods' workers, as Node and ManifestIntake have them.
final class PretendAgent {
    unowned let node: NodeSimulation
    let life: Int
    var machine = NodeMachine(nodeName: "node1")
    var workers: [PodKey: PretendWorker] = [:]
    private var manifests = ManifestSet<ManifestPod>()
    let startedAt: Timestamp
    var whenDown: () -> Void = {}
    /// Since it was asked to shut the node down.
    var goingDown: GoingDown?

    init(_ node: NodeSimulation, life: Int) {
        self.node = node
        self.life = life
        startedAt = node.now.wall
    }

    /// Takes up what there is, then lists the directory.
    func start() {
        endUnknown()
        var restored: [(path: String, definitions: [ManifestSet<ManifestPod>.Definition])] = []
        for uid in node.disk.records.keys.sorted() {
            guard let record = node.disk.records[uid], let pod = node.disk.pods[uid] else { continue }
            let worker = PretendWorker(self, pod, record.source, isRestored: true)
            workers[worker.key] = worker
            worker.recover(record)
            if node.agent !== self { return }
            handle(.restored(worker.pod, worker.source, worker.restoredState))
            if node.agent !== self { return }
            if case .file(let path) = worker.source, !worker.isLeaving {
                restored.append((path, [Self.definition(worker.pod)]))
            }
        }
        manifests = ManifestSet(restored: restored)
        take(node.files.keys.sorted().map(change) + [.listed])
    }

    /// What has no record is ended before anything else happens.
    private func endUnknown() {
        let known = Set(node.disk.records.keys)
        for uid in node.kernel.remains.union(node.kernel.volumes).subtracting(known).sorted() {
            node.tell("the remains of \(uid) are removed")
            node.killCgroup(uid)
            node.kernel.sandboxes[uid] = nil
            node.kernel.remains.remove(uid)
            node.kernel.volumes.remove(uid)
            node.truths[uid] = nil
        }
    }

    // MARK: Manifests

    private static func definition(_ pod: Pod) -> ManifestSet<ManifestPod>.Definition {
        .init(PodKey(pod), ManifestPod(pod))
    }

    private func change(_ path: String) -> ManifestSet<ManifestPod>.Change {
        guard let file = node.files[path] else { return .removed(path: path) }
        guard let pods = file.pods else { return .unusable(path: path, firstSeen: file.firstSeen) }
        return .defines(path: path, firstSeen: file.firstSeen, pods.map(Self.definition))
    }

    func notice(_ path: String) { take([change(path)]) }

    private func take(_ changes: [ManifestSet<ManifestPod>.Change]) {
        for action in manifests.apply(changes).actions where node.agent === self {
            switch action {
            case .start(_, let wanted, let path), .replace(_, _, let wanted, let path):
                handle(.wanted(wanted.pod, path: path))
            case .move(let key, _, _, let path): handle(.moved(key, path: path))
            case .remove(let key, _, _): handle(.unwanted(key))
            }
        }
        if node.agent === self { handle(.settled) }
    }

    /// The Pods that the directory asks for, as this agent has understood it.
    var wanted: [PodKey: Pod] { manifests.pods.mapValues(\.pod.pod) }

    // MARK: The machine

    func handle(_ event: NodeEvent) {
        node.countEvent("the node")
        for effect in machine.handle(event, at: node.tick) {
            if node.agentMayDie() { return }
            perform(effect)
            if node.agent !== self { return }
        }
    }

    private func perform(_ effect: NodeEffect) {
        node.tell("    => \(effect.summary)")
        switch effect {
        case .run(let pod, let source):
            node.checkOrder(self, pod)
            begin(pod, source, with: .alarm)
        case .hold(let pod, let source, let reason):
            begin(pod, source, with: .held(reason))
        case .holdOn(let key, let reason): workers[key]?.deliver(.held(reason))
        case .release(let key):
            guard let worker = workers[key] else { return node.fail("\(key) is released and is not there") }
            node.checkOrder(self, worker.pod)
            node.truths[worker.uid]?.hasBegun = true
            worker.deliver(.released)
        case .change(let key, let pod, let superseded):
            guard let worker = workers[key] else { return node.fail("\(key) is changed and is not there") }
            worker.change(to: pod, superseding: superseded)
        case .record(let key, _):
            if workers[key] == nil { node.fail("\(key) is talked about and is not there") }
        case .reject(let pod, let source, let rejection):
            node.checkRejection(self, pod)
            begin(pod, source, with: .rejected(rejection))
        case .wait(let pod, let obstacle):
            if workers[obstacle] == nil {
                node.fail("\(pod.metadata.uid) waits for \(obstacle), who is not there")
            }
        case .delete(let key, let grace): workers[key]?.deliver(.delete(grace: grace))
        case .shutDown(let key, let grace):
            node.checkWave(self, key, grace)
            workers[key]?.deliver(.nodeShutdown(grace: grace))
        case .isDown:
            node.checkDown(self)
            // The answer is given when everything is recorded.
            var waiting = workers.count + 1
            let done: (Bool) -> Void = { [unowned self] _ in
                waiting -= 1
                if waiting == 0, node.agent === self { whenDown() }
            }
            for key in workers.keys.sorted() { workers[key]?.recorder.whenWritten(done) }
            done(true)
        }
    }

    private func begin(_ pod: Pod, _ source: PodSource, with event: PodEvent) {
        let key = PodKey(pod)
        if workers[key] != nil { node.fail("\(key) is run twice") }
        if goingDown != nil { node.fail("\(key) is begun while the node goes down") }
        if case .file(let path) = source, manifests.pods[key]?.path != path {
            node.fail("\(key) is run from \(path), which does not ask for it")
        }
        let worker = PretendWorker(self, pod, source, isRestored: false)
        workers[key] = worker
        worker.deliver(event)
        if node.agent === self { node.checkPorts(self) }
    }

    func ended(_ worker: PretendWorker) {
        if worker.isAlive { handle(.ended(worker.key)) }
    }

    func changed(_ worker: PretendWorker) {
        if worker.hasEnded { handle(.ending(worker.key)) }
        if !worker.isAlive { return }
        if worker.machine.isShutDown { handle(.podIsShutDown(worker.key)) }
        tellStanding(of: worker)
        node.checkGoingDown(self)
    }

    private func tellStanding(of worker: PretendWorker) {
        guard worker.isAlive, !worker.machine.isResuming else { return }
        if worker.machine.hold == nil, machine.isHeld(worker.key) { handle(.begun(worker.key)) }
        let standing = PodStanding(worker.shown)
        guard worker.isAlive, standing != worker.standing else { return }
        worker.standing = standing
        handle(.stands(worker.key, standing))
    }

    func finished(_ worker: PretendWorker) {
        workers[worker.key] = nil
        node.truths[worker.uid] = nil
        handle(.gone(worker.key))
        node.checkGoingDown(self)
    }

    /// What is due next by itself, and what to do then.
    var nextAlarm: (due: Tick, isProbe: Bool, ring: () -> Void)? {
        var next: (due: Tick, isProbe: Bool, ring: () -> Void)?
        if let due = machine.nextAlarm { next = (due, false, { [unowned self] in handle(.alarm) }) }
        // In a fixed order, so that a seed always tells the same story.
        for worker in workers.values.sorted(by: { $0.key < $1.key }) {
            let (own, asking) = (worker.machine.nextAlarm, worker.probes.nextAlarm)
            guard let due = [own, asking].compactMap(\.self).min(), next.map({ due < $0.due }) ?? true else {
                continue
            }
            next = (due, own.map { $0 > due } ?? true, { [unowned worker] in worker.alarmRang() })
        }
        return next
    }

    /// Whether something is due that is no question to a container.
    var hasMachineAlarm: Bool {
        machine.nextAlarm != nil || workers.values.contains { $0.machine.nextAlarm != nil }
    }
}

extension NodeEffect {
    fileprivate var summary: String {
        switch self {
        case .run(let pod, let source): "run \(pod.metadata.uid) from \(source)"
        case .reject(let pod, let source, let why): "reject \(pod.metadata.uid) from \(source): \(why.text)"
        case .wait(let pod, let obstacle): "\(pod.metadata.uid) waits for \(obstacle)"
        case .hold(let pod, _, let reason): "hold \(pod.metadata.uid): \(reason.message)"
        case .holdOn(let key, let reason): "hold \(key) on: \(reason.message)"
        case .release(let key): "release \(key)"
        case .record(let key, let record): "\(key): \(record.message)"
        case .change(let key, let pod, let names):
            "change \(key) to \(pod.metadata.uid), \(names.sorted()) anew"
        case .delete(let key, let grace): "delete \(key) within \(grace.map { "\($0)" } ?? "its own time")"
        case .shutDown(let key, let grace): "shut down \(key) within \(grace)"
        case .isDown: "is down"
        }
    }
}

extension NodeSimulation {
    func startAgent() {
        guard agent == nil else { return }
        lives += 1
        tell("the agent starts, life \(lives)")
        let agent = PretendAgent(self, life: lives)
        self.agent = agent
        fuse =
            !isCalm && traits.crashChance > 0 && random.chance(0.1)
            ? Int.random(in: 0...12, using: &random) : nil
        agent.start()
    }

    /// Everything that it had begun and nobody else does is lost.
    func agentDies(returns: Bool = true) {
        guard agent != nil else { return }
        tell("    the agent dies")
        agent = nil
        for truth in truths.values {
            for run in truth.instances.keys { truth.instances[run]?.agentDied() }
        }
        guard returns else { return }
        let pause = random.chance(0.2) ? random.seconds(0...300) : random.seconds(0...2)
        at(pause, .world, "the agent is started again") { [unowned self] in startAgent() }
    }

    /// Whether it has just died, by chance: this is asked between any two things that it does.
    func agentMayDie() -> Bool {
        guard agent != nil, !isCalm else { return agent == nil }
        let isBurnt = fuse == 0
        fuse = fuse.flatMap { $0 > 0 ? $0 - 1 : nil }
        guard isBurnt || random.chance(traits.crashChance) else { return false }
        agentDies()
        return true
    }
}

@testable import PodCore

/// A file of the manifest directory.
struct PretendFile {
    /// What it defines; nil when it cannot be used.
    var pods: [Pod]?
    /// What it defined when it could last be used, as far as the agent has seen it.
    var firstSeen: Int
}

/// People and hardware: what befalls the node from outside.
extension NodeSimulation {
    func makeTrouble() {
        for _ in 0..<Int.random(in: 1...3, using: &random) { edit() }
        world(0...0, "the agent starts") { [unowned self] in startAgent() }
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            world(0...900, "an edit") { [unowned self] in edit() }
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            world(0...900, "the agent is killed") { [unowned self] in agentDies() }
        }
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            world(0...900, "somebody deletes a Pod") { [unowned self] in deleteByHand() }
        }
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            world(0...300, "images come") { [unowned self] in imagesCome() }
        }
        if random.chance(0.3) {
            for _ in 0..<20 { world(0...900, "alarms ring early") { [unowned self] in ringEarly() } }
        }
        if traits.hasRichPods {
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                world(0...600, "a Pod is changed") { [unowned self] in change() }
            }
        }
        if random.chance(0.3) { world(0...600, "somebody applies a Pod") { [unowned self] in apply() } }
        if random.chance(0.2) {
            world(0...600, "the disk is full") { [unowned self] in disk.isFull = true }
            world(600...900, "the disk has room again") { [unowned self] in disk.isFull = false }
        }
        if traits.reboots {
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                world(0...900, "the power is cut") { [unowned self] in reboot() }
            }
            if random.chance(0.6) { world(0...900, "an orderly shutdown") { [unowned self] in shutDown() } }
        }
        guard traits.clockJumps else { return }
        for _ in 0..<3 {
            let jump = random.seconds(-86_400...86_400)
            world(0...900, "the clock jumps by \(jump)") { [unowned self] in
                wallOffset += jump.wholeNanoseconds
            }
        }
    }

    /// Something outside the node that happens once, at some time in the range, unless calm has come before.
    private func world(_ range: ClosedRange<Double>, _ label: String, _ body: @escaping () -> Void) {
        at(random.seconds(range), .world, label) { [unowned self] in
            if !isCalm { body() }
        }
    }

    // MARK: Manifests

    /// Makes, changes, breaks, renames, copies or removes a file.
    private func edit() {
        let path = ["a.yaml", "b.yaml", "c.yaml"].randomElement(using: &random) ?? "a.yaml"
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<6: put(path, [newPod()])
        case 6: put(path, nil)
        case 7: remove(path)
        case 8 where files[path] != nil && files["d.yaml"] == nil:
            tell("\(path) is renamed to d.yaml")
            files["d.yaml"] = files.removeValue(forKey: path)
            notice("d.yaml")
            notice(path)
        default: put(path, [newPod(), newPod()])
        }
    }

    /// Changes Pods that files define in what can change in place.
    private func change() {
        guard let path = files.keys.sorted().randomElement(using: &random), let pods = files[path]?.pods
        else { return }
        put(path, pods.map { random.chance(0.8) ? changed($0) : $0 })
    }

    private func put(_ path: String, _ pods: [Pod]?) {
        tell("\(path) is written: \(pods?.map(\.metadata.uid) ?? ["unusable"])")
        order(path, pods)
        notice(path)
    }

    private func order(_ path: String, _ pods: [Pod]?) {
        let firstSeen = files[path]?.firstSeen ?? (files.values.map(\.firstSeen).max() ?? 0) + 1
        files[path] = PretendFile(pods: pods, firstSeen: firstSeen)
    }

    private func remove(_ path: String) {
        guard files[path] != nil else { return }
        tell("\(path) is removed")
        files[path] = nil
        notice(path)
    }

    /// inotify tells an agent that is there.
    private func notice(_ path: String) {
        guard let agent else { return }
        at(random.seconds(0...0.05), .agent(life: agent.life), "notice \(path)") { [agent] in
            agent.notice(path)
        }
    }

    // MARK: The socket

    private func deleteByHand() {
        guard let agent, let key = agent.workers.keys.sorted().randomElement(using: &random) else { return }
        tell("\(key) is deleted by hand")
        promised.remove(key)
        let grace = random.chance(0.5) ? nil : random.chance(0.4) ? .zero : random.seconds(0...20)
        agent.handle(.deleted(key, grace: grace))
        // Again, by somebody who cannot wait.
        if random.chance(0.3) {
            let again = random.chance(0.5) ? .zero : random.seconds(0...40)
            at(random.seconds(0...10), .agent(life: agent.life), "\(key) is deleted again") {
                [unowned agent] in
                agent.handle(.deleted(key, grace: again))
            }
        }
        guard self.agent === agent, let grace,
            case .deleting(let given, _)? = agent.workers[key]?.machine.ending
        else { return }
        if given > grace { fail("\(key) was to go within \(grace), and gets \(given)") }
    }

    /// Whatever was waited for may be there now.
    private func imagesCome() {
        guard let agent else { return }
        for key in agent.workers.keys.sorted() where self.agent === agent {
            guard let worker = agent.workers[key] else { continue }
            worker.deliver(.imagesChanged)
            let isHeldBack = worker.machine.containers.contains {
                $0.waiting?.reason == "ErrImageNeverPull" && $0.retryAt != nil
            }
            if isHeldBack { fail("\(key) waits, though images have come") }
        }
    }

    /// A timer may ring before its time.
    private func ringEarly() {
        guard let agent else { return }
        agent.handle(.alarm)
        for key in agent.workers.keys.sorted() where self.agent === agent {
            agent.workers[key]?.deliver(.alarm)
        }
    }

    func jump(within seconds: Double, by most: Double) {
        let jump = random.seconds(-most...most)
        at(random.seconds(0...seconds), .world, "the clock jumps by \(jump)") { [unowned self] in
            if !isCalm { wallOffset += jump.wholeNanoseconds }
        }
    }

    private func apply() {
        let pod = newPod(isStatic: false)
        let key = PodKey(pod)
        guard let agent, !agent.machine.isShuttingDown, !agent.machine.has(key),
            agent.machine.obstacle(to: pod) == nil
        else { return }
        applied.insert(key)
        agent.handle(.applied(pod))
        guard self.agent === agent else { return }
        guard let worker = agent.workers[key] else { return fail("\(key) was applied, and is not there") }
        worker.recorder.whenWritten { [unowned self, agent, worker] isWritten in
            guard agent.workers[key] === worker else { return }
            if isWritten, !worker.isLeaving {
                promised.insert(key)
            } else {
                agent.handle(.deleted(key, grace: .zero))
            }
        }
    }

    // MARK: Power

    /// Everything that is not on the disk is gone.
    private func reboot() {
        agentDies(returns: false)
        for (uid, truth) in truths { truth.rebooted(disk, uid: uid) }
        kernel.reboot()
        bootedAt = time - random.seconds(1...30).wholeNanoseconds
        at(random.seconds(0...5), .world, "the agent starts after the boot") { [unowned self] in startAgent()
        }
    }

    /// `podagent shutdown`, then the power goes when that is done, or a little later.
    private func shutDown() {
        guard let agent else { return }
        agent.whenDown = { [unowned self, agent] in
            checkShutdown(agent)
            at(random.seconds(0...30), .agent(life: agent.life), "the power goes") { [unowned self] in
                reboot()
            }
        }
        if random.chance(0.2) { disk.isFull = true }
        let periods = ShutdownPeriods(total: random.seconds(0...40), critical: random.seconds(0...10))
        agent.goingDown = GoingDown(periods: periods, since: time)
        agent.handle(.shutDown(periods))
        checkGoingDown(agent)
    }

    // MARK: The end of the trouble

    func calmDown() {
        isCalm = true
        disk.isFull = false
        tell("calm")
        // One that is shutting down would never come to rest otherwise.
        if agent?.machine.isShuttingDown == true { agentDies(returns: false) }
        if agent == nil { startAgent() }
        kernel.calmDown(self)
        for key in agent?.workers.keys.sorted() ?? [] { agent?.workers[key]?.calmDown() }
    }

    func removeEverything() {
        tell("everything is removed")
        for path in files.keys.sorted() { remove(path) }
        for key in agent?.workers.keys.sorted() ?? [] where agent?.workers[key]?.source == .socket {
            promised.remove(key)
            applied.remove(key)
            agent?.handle(.deleted(key, grace: nil))
        }
    }
}

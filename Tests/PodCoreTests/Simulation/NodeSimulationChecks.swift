@testable import PodCore

/// What must hold, whatever has happened.
extension NodeSimulation {
    // MARK: At every start

    func checkLaunch(_ sandbox: PretendSandbox, _ name: String, _ run: RunID, _ restartCount: Int) {
        let uid = sandbox.uid
        guard let pod = agent?.workers.values.first(where: { $0.uid == uid })?.pod ?? disk.records[uid]?.pod
        else {
            return fail("\(uid) \(name) is launched for nobody")
        }
        if sandbox.processes[run] != nil { fail("\(uid) \(run) was used twice") }
        if sandbox.processes.values.contains(where: { $0.container == name && $0.isLive }) {
            fail("\(uid) \(name) was started while it runs")
        }
        let inits = Set(pod.spec.initContainers.map(\.name))
        if !inits.contains(name), sandbox.succeeded.intersection(inits) != inits {
            fail("\(uid) \(name) was started before the init containers were done in this sandbox")
        }
        let earlier = pod.spec.initContainers.map(\.name).prefix { $0 != name }
        if inits.contains(name), !sandbox.succeeded.isSuperset(of: earlier) {
            fail("\(uid) \(name) was started before its turn among the init containers")
        }
        if !kernel.prepared.contains(uid) { fail("\(uid) \(name) was started without its volumes") }
        if disk.records[uid] == nil { fail("\(uid) \(name) was started before there was a record of it") }
        guard let truth = truths[uid]?.containers[name], !truth.isLost else { return }
        if restartCount != truth.instances {
            fail("\(uid) \(name) was started as number \(restartCount) after \(truth.instances) instances")
        }
    }

    /// Where the wall clock jumps the true times cannot be known, nor where nobody saw an end.
    func checkStart(_ worker: PretendWorker, _ name: String) {
        if worker.machine.shutdownGrace != nil {
            fail("\(worker.uid) \(name) is started while the node goes down")
        }
        if worker.machine.containers.filter(\.state.isStarting).count > 1 {
            fail("\(worker.uid) \(name) is started beside another one")
        }
        guard let truths = truths[worker.uid], let truth = truths.containers[name], !truth.isLost,
            let end = truth.newestEnd
        else { return }
        let termination = worker.machine.containers.first { $0.name == name }?.newestTermination
        let isInterrupted = termination?.isInterrupted == true
        let isInit = name.hasPrefix("i")
        if !isInit, !isInterrupted, !worker.machine.lifecycle.restartPolicy.restarts(afterExitCode: end.code)
        {
            fail("\(worker.uid) \(name) was started again after it had ended for good with \(end.code)")
        }
        if traits.clockJumps || isInterrupted || isInit && !truths.hasRunHere(name) { return }
        if let delay = truth.delay, time < end.at + delay.wholeNanoseconds {
            fail("\(worker.uid) \(name) was started within its back-off of \(delay)")
        }
    }

    // MARK: After every event

    func check(_ worker: PretendWorker) {
        // What is shown meanwhile is what was last recorded. One that is rejected is looked at again by the next agent.
        guard !worker.machine.isResuming, worker.machine.rejection == nil, violations.isEmpty,
            let truth = truths[worker.uid]
        else { return }
        let lost = Set(truth.containers.filter(\.value.isLost).map(\.key))
        for problem in truth.monitor.problems(worker.status, lost: lost, isLeaving: worker.isLeaving) {
            fail("\(worker.uid): \(problem)")
        }
        checkStops(worker)
        let sandbox = kernel.sandboxes[worker.uid]
        guard worker.newsUnderWay == 0, sandbox?.isStuck != true else { return }
        checkBackoff(worker, truth)
        for (name, container) in truth.containers where !container.isLost {
            if let end = container.newestEnd, !StatusMonitor.shows(end, of: name, worker.uid, worker.status) {
                fail("\(worker.uid) \(name): the exit of \(end.run) with \(end.code) is not shown")
            }
        }
    }

    /// `podagent shutdown` has returned.
    func checkShutdown(_ agent: PretendAgent) {
        for worker in agent.workers.values where worker.machine.isShutDown {
            if let sandbox = kernel.sandboxes[worker.uid] {
                fail("\(worker.uid) is shut down, and still has sandbox \(sandbox.number)")
            }
        }
    }

    // MARK: Ports of the node

    /// Of two Pods that want one port of the node, one has it until it has ended or is gone.
    func checkPorts(_ agent: PretendAgent) {
        let holders = agent.workers.values.filter { worker in
            worker.machine.rejection == nil && worker.status.phase != .succeeded
                && worker.status.phase != .failed
        }
        for worker in holders {
            for other in holders where other.key < worker.key {
                let isShared = worker.pod.spec.hostPorts.contains { port in
                    other.pod.spec.hostPorts.contains { $0.conflicts(with: port) }
                }
                if isShared { fail("\(worker.key) and \(other.key) both have a port") }
            }
        }
    }

    /// None is turned away without somebody who has the port and stays.
    func checkRejection(_ agent: PretendAgent, _ pod: Pod) {
        let isTaken = agent.workers.values.contains { worker in
            !worker.hasEnded && !worker.isLeaving && worker.machine.rejection == nil
                && worker.pod.spec.hostPorts.contains { port in
                    pod.spec.hostPorts.contains { $0.conflicts(with: port) }
                }
        }
        // One that has come in the same moment, and has no worker yet.
        let isAboutToBe = agent.machine.present.contains { key, other in
            agent.workers[key] == nil && other.claim.conflict(with: pod.spec.hostPorts) != nil
        }
        if !isTaken, !isAboutToBe { fail("\(pod.metadata.uid) is rejected, and nobody has its port") }
    }

    // MARK: At rest

    /// The node runs what the files and the socket ask for, and nothing else.
    func checkRest() {
        guard let agent else { return fail("at rest without an agent") }
        let (present, asked) = (Set(agent.workers.keys), Set(agent.wanted.keys).union(promised))
        if !present.isSuperset(of: asked) || !present.isSubset(of: asked.union(applied)) {
            fail(
                "at rest with \(agent.workers.keys.sorted()), and not \(agent.wanted.keys.sorted()) + \(promised)"
            )
        }
        for (key, pod) in agent.wanted where agent.workers[key]?.uid != pod.metadata.uid {
            fail("at rest with another \(key) than its file asks for")
        }
        for (path, file) in files {
            for pod in file.pods ?? [] where agent.wanted[PodKey(pod)] == nil {
                fail("\(path) has no effect")
            }
        }
        let known = Set(agent.workers.values.map(\.uid))
        let found = Set(kernel.sandboxes.keys).union(kernel.remains).union(kernel.volumes).union(
            disk.records.keys
        )
        if !found.isSubset(of: known) { fail("at rest with remains of \(found.subtracting(known))") }
        for worker in agent.workers.values { checkRest(worker) }
    }

    private func checkRest(_ worker: PretendWorker) {
        let machine = worker.machine
        if machine.isResuming { return fail("\(worker.uid) is at rest without knowing its shim") }
        if disk.records[worker.uid]?.machine != machine.recorded {
            fail("\(worker.uid) is at rest and not recorded")
        }
        let sandbox = kernel.sandboxes[worker.uid]
        if machine.rejection != nil, sandbox != nil || kernel.volumes.contains(worker.uid) {
            fail("\(worker.uid) is rejected, and something was made for it")
        }
        for run in sandbox?.live ?? [] where sandbox?.isStuck == false && machine.index(of: run) == nil {
            fail("\(worker.uid) \(run) runs, and nobody knows")
        }
        switch worker.status.phase {
        case .succeeded, .failed:
            if machine.sandbox != .absent || !machine.cleanedUp {
                fail("\(worker.uid) is at its end, and not cleaned up")
            }
        case .running:
            for container in machine.containers where !container.isInit && container.liveRun == nil {
                if container.newestTermination.map({ machine.restarts(container, after: $0) }) ?? true {
                    fail("\(worker.uid) is at rest while \(container.name) ought to run")
                }
            }
        case .pending where sandbox?.isStuck == true && !owesAnything(machine): break
        case .pending where machine.hold != nil: checkHeldRest(worker)
        case .pending, .unknown: fail("\(worker.uid) is at rest in phase \(worker.status.phase.rawValue)")
        }
    }

    /// Whether its shim has been asked for something, and nothing has come of it.
    private func owesAnything(_ machine: PodMachine) -> Bool {
        machine.sandbox != .ready
            || machine.containers.contains { $0.state.isStarting || $0.stop?.isKilled == true }
    }

    /// Nobody is held back for longer than the back-off that is due, reckoned from the true times.
    private func checkBackoff(_ worker: PretendWorker, _ truth: PodTruth) {
        if traits.clockJumps { return }
        for record in worker.machine.containers {
            guard let notBefore = record.notBefore, notBefore > tick,
                let known = truth.containers[record.name],
                !known.isLost, !known.wasLost, let end = known.newestEnd
            else { continue }
            let wait = notBefore - Tick(nanoseconds: end.at - bootedAt)
            if wait > known.delay ?? .zero {
                fail("\(worker.uid) \(record.name) is held back for \(wait), not \(known.delay ?? .zero)")
            }
        }
    }

    func checkEmptiness() {
        if let names = agent?.workers.keys.sorted(), !names.isEmpty { fail("\(names) do not go") }
        if !kernel.sandboxes.isEmpty { fail("sandboxes of \(kernel.sandboxes.keys.sorted()) are left") }
        if !kernel.remains.isEmpty { fail("cgroups of \(kernel.remains.sorted()) are left") }
        if !kernel.volumes.isEmpty { fail("volumes of \(kernel.volumes.sorted()) are left") }
        if !disk.records.isEmpty { fail("records of \(disk.records.keys.sorted()) are left") }
    }
}

/// What must hold from each status to the next.
struct StatusMonitor {
    private var terminalPhase: PodPhase?
    private var wasLeaving = false
    private var restartCounts: [String: Int32] = [:]

    /// What was shown was not on the disk before the agent died.
    mutating func forgetPhase() { terminalPhase = nil }

    /// What is wrong with `status` as the successor of those before it. Of a container that is `lost`, neither its shim
    /// nor the record may be left to tell what was shown.
    mutating func problems(_ status: PodStatus, lost: Set<String>, isLeaving: Bool) -> [String] {
        var problems: [String] = []
        // So it is with the end of a Pod whose deletion was never recorded.
        if !lost.isEmpty || wasLeaving && !isLeaving { terminalPhase = nil }
        wasLeaving = isLeaving
        if let terminalPhase, status.phase != terminalPhase {
            problems.append("the phase went from \(terminalPhase.rawValue) to \(status.phase.rawValue)")
        }
        if status.phase == .succeeded || status.phase == .failed { terminalPhase = status.phase }
        for container in status.initContainerStatuses + status.containerStatuses {
            let before = restartCounts.updateValue(container.restartCount, forKey: container.name) ?? 0
            if container.restartCount < before, !lost.contains(container.name) {
                problems.append("the restart count of \(container.name) fell from \(before)")
            }
            if container.started == true, container.state.running == nil {
                problems.append("\(container.name) is started and does not run")
            }
        }
        return problems
    }

    /// Whether the status shows how that instance ended.
    static func shows(_ end: ContainerTruth.End, of name: String, _ uid: String, _ status: PodStatus) -> Bool
    {
        (status.initContainerStatuses + status.containerStatuses).contains { container in
            guard container.name == name else { return false }
            return [container.state.terminated, container.lastState.terminated].contains {
                $0?.exitCode == end.code && $0?.containerID == "podagent://\(uid)-\(end.run.number)"
            }
        }
    }
}

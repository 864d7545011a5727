@testable import PodCore

/// What must hold when nothing is left to happen.
extension NodeSimulation {
    /// The node runs what the files and the socket ask for, and nothing else.
    func checkRest() {
        guard let agent else { return fail("at rest without an agent") }
        let (present, asked) = (Set(agent.workers.keys), Set(agent.wanted.keys).union(promised))
        if !present.isSuperset(of: asked) || !present.isSubset(of: asked.union(applied)) {
            fail(
                "at rest with \(agent.workers.keys.sorted()), and not \(agent.wanted.keys.sorted()) + \(promised)"
            )
        }
        for (key, pod) in agent.wanted {
            guard let worker = agent.workers[key] else { continue }
            if ManifestPod(worker.pod) != ManifestPod(pod) {
                fail("at rest with another \(key) than its file asks for")
            }
        }
        for (path, file) in files {
            for pod in file.pods ?? [] where agent.wanted[PodKey(pod)] == nil {
                fail("\(path) has no effect")
            }
        }
        let known = Set(agent.workers.values.map(\.uid))
        let found = Set(kernel.sandboxes.keys).union(kernel.remains).union(kernel.volumes).union(
            disk.records.keys
        ).union(disk.pods.keys)
        if !found.isSubset(of: known) { fail("at rest with remains of \(found.subtracting(known))") }
        for worker in agent.workers.values { checkRest(worker) }
    }

    private func checkRest(_ worker: PretendWorker) {
        let machine = worker.machine
        if machine.isResuming { return fail("\(worker.uid) is at rest without knowing its shim") }
        if disk.records[worker.uid]?.machine != machine.recorded || disk.pods[worker.uid] != worker.pod {
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
            if let reason = machine.failure?.reason,
                worker.status.reason != reason || worker.status.phase != .failed
            {
                fail("\(worker.uid) is at its end, and does not say \(reason)")
            }
            if machine.sandbox != .absent || !machine.cleanedUp {
                fail("\(worker.uid) is at its end, and not cleaned up")
            }
        case .running: checkRunning(worker, sandbox)
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

    /// Everybody runs who is not done for good, and what they are to run.
    private func checkRunning(_ worker: PretendWorker, _ sandbox: PretendSandbox?) {
        guard let truth = truths[worker.uid] else { return fail("\(worker.uid) is not known") }
        for container in worker.pod.spec.initContainers + worker.pod.spec.containers where !container.isInit {
            let (name, known) = (container.name, truth.containers[container.name])
            let isLive = worker.machine.containers.first { $0.name == name }?.liveRun != nil
            if !isLive, sandbox?.isStuck != true, known.map({ isMissing(worker, name, $0) }) ?? true {
                fail("\(worker.uid) is at rest while \(name) ought to run")
            }
        }
        if !truth.restartsAll.isEmpty, sandbox?.isStuck == false,
            truth.restartsAll.contains(where: { sandbox?.processes[$0] != nil })
        {
            fail("\(worker.uid) is at rest, and was to be restarted whole")
        }
        let missing = truth.toBeRestarted
        if !missing.isEmpty { fail("\(worker.uid) is at rest, and \(missing.sorted()) were not restarted") }
        for (run, process) in sandbox?.processes ?? [:] where process.isLive && sandbox?.isStuck == false {
            let asked = worker.pod.spec.container(process.container)?.image
            if truth.instances[run]?.image != asked {
                fail("\(worker.uid) \(process.container) is at rest with another image than it is to have")
            }
        }
    }

    private func isMissing(_ worker: PretendWorker, _ name: String, _ truth: ContainerTruth) -> Bool {
        var code = truth.newestEnd?.code
        if truth.isLost {
            // Whether the agent had heard how it ended before it was lost is not known.
            code = worker.machine.containers.first { $0.name == name }?.newestTermination?.exitCode
        }
        return code.map { isStartedAgain(worker.pod, name, after: $0) } ?? true
    }

    func checkEmptiness() {
        if let names = agent?.workers.keys.sorted(), !names.isEmpty { fail("\(names) do not go") }
        if !kernel.sandboxes.isEmpty { fail("sandboxes of \(kernel.sandboxes.keys.sorted()) are left") }
        if !kernel.remains.isEmpty { fail("cgroups of \(kernel.remains.sorted()) are left") }
        if !kernel.volumes.isEmpty { fail("volumes of \(kernel.volumes.sorted()) are left") }
        if !disk.records.isEmpty { fail("records of \(disk.records.keys.sorted()) are left") }
    }
}

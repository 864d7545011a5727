@testable import PodCore

/// What must hold, whatever has happened.
extension NodeSimulation {
    // MARK: After every event

    func check(_ worker: PretendWorker) {
        // What is shown meanwhile is what was last recorded. One that is rejected is looked at again by the next agent.
        guard !worker.machine.isResuming, worker.machine.rejection == nil, violations.isEmpty,
            let truth = truths[worker.uid]
        else { return }
        let lost = Set(truth.containers.filter(\.value.isLost).map(\.key))
        for problem in truth.monitor.problems(worker.shown, lost: lost) {
            fail("\(worker.uid): \(problem)")
        }
        checkStops(worker)
        checkReadiness(worker)
        checkDeadline(worker)
        let sandbox = kernel.sandboxes[worker.uid]
        guard worker.newsUnderWay == 0, sandbox?.isStuck != true else { return }
        checkBackoff(worker, truth)
        for (name, container) in truth.containers where !container.isLost {
            guard let end = container.newestEnd else { continue }
            if !StatusMonitor.shows(end, of: name, worker.uid, worker.status) {
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

    /// Nobody is held back for longer than the back-off that is due, reckoned from the true times.
    private func checkBackoff(_ worker: PretendWorker, _ truth: PodTruth) {
        if traits.clockJumps { return }
        for record in worker.machine.containers
        where record.role == .regular || !worker.machine.lifecycle.canRestartAll {
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
}

/// What must hold from each status to the next.
struct StatusMonitor {
    private var terminalPhase: PodPhase?
    private var restartCounts: [String: Int32] = [:]
    /// Containers that were shown as removed for the restart of all, which counts as a restart at once. An agent that dies
    /// before that is on disk takes it back, and does it again.
    private var removed: Set<String> = []

    /// What is wrong with `status` as the successor of those before it. Of a container that is `lost`, neither its shim
    /// nor the record may be left to tell the restart count that was shown.
    mutating func problems(_ status: PodStatus, lost: Set<String>) -> [String] {
        var problems: [String] = []
        if let terminalPhase, status.phase != terminalPhase {
            problems.append("the phase went from \(terminalPhase.rawValue) to \(status.phase.rawValue)")
        }
        if status.phase == .succeeded || status.phase == .failed { terminalPhase = status.phase }
        for container in status.initContainerStatuses + status.containerStatuses {
            let before = restartCounts.updateValue(container.restartCount, forKey: container.name) ?? 0
            let lowest = removed.remove(container.name) == nil ? before : before - 1
            if container.state.waiting?.reason == Termination.removedReason { removed.insert(container.name) }
            if container.restartCount < lowest, !lost.contains(container.name) {
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
                // What everything was restarted for counts as removed.
                ($0?.exitCode == end.code || $0?.reason == "RestartingAllContainers")
                    && $0?.containerID == "podagent://\(uid)-\(end.run.number)"
            }
        }
    }
}

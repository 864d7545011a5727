@testable import PodCore

/// What must hold after every step.
extension PodSimulation {
    mutating func checkLaunch(_ name: String, _ run: RunID, _ restartCount: Int) {
        guard let sandbox else { return }
        if sandbox.processes[run] != nil { fail("\(run) was used twice") }
        if sandbox.processes.values.contains(where: { $0.container == name && $0.isLive }) {
            fail("\(name) was started while it runs")
        }
        let inits = Set(pod.spec.initContainers.map(\.name))
        if !inits.contains(name), sandbox.succeeded.intersection(inits) != inits {
            fail("\(name) was started before the init containers were done in this sandbox")
        }
        let truth = truths[name] ?? ContainerTruth()
        if !truth.isLost, !inits.contains(name), let end = truth.newestEnd,
            !machine.lifecycle.restartPolicy.restarts(afterExitCode: end.code)
        {
            fail("\(name) was started again after it had ended for good with \(end.code)")
        }
        if !truth.isLost, restartCount != truth.instances {
            fail("\(name) was started as number \(restartCount) after \(truth.instances) instances")
        }
    }

    /// Where the wall clock jumps, or nobody saw an end, the true times cannot be known.
    mutating func checkBackoff(_ name: String) {
        guard !clockJumps, let truth = truths[name], !truth.isLost, let end = truth.newestEnd else { return }
        if name.hasPrefix("i"), sandbox?.hasRun.contains(name) != true { return }
        guard let delay = truth.delay else { return }
        if tick < end.at + delay { fail("\(name) was started within its back-off of \(delay)") }
    }

    mutating func check() {
        guard agentIsUp, !machine.isResuming, violations.isEmpty else { return }
        let status = builder.status(of: pod, machine, facts: [:], nodeAddresses: [], at: now.wall)
        let lost = Set(truths.filter(\.value.isLost).map(\.key))
        for problem in monitor.problems(status, lost: lost) { fail(problem) }
        let newsIsUnderWay = pending.contains { if case .told = $0.what { true } else { false } }
        guard !newsIsUnderWay, !isFinished else { return }
        for (name, truth) in truths where !truth.isLost {
            if let end = truth.newestEnd, !StatusMonitor.shows(end, of: name, status) {
                fail("\(name): the exit of \(end.run) with \(end.code) is not shown")
            }
        }
    }

    /// At rest a Pod that is not deleted runs all it has to run, or is at its end.
    mutating func checkRest() {
        guard !isFinished, !isDeleted else { return }
        let status = builder.status(of: pod, machine, facts: [:], nodeAddresses: [], at: now.wall)
        switch status.phase {
        case .succeeded, .failed:
            if machine.sandbox != .absent || !machine.cleanedUp { fail("at its end, and not cleaned up") }
        case .running:
            for container in machine.containers where !container.isInit && container.liveRun == nil {
                let end = container.newestTermination
                if end.map({ machine.restarts(container, after: $0) }) ?? true {
                    fail("at rest while \(container.name) ought to run")
                }
            }
        case .pending, .unknown: fail("at rest in phase \(status.phase.rawValue)")
        }
    }
}

/// What must hold from each status to the next.
struct StatusMonitor {
    private var terminalPhase: PodPhase?
    private var restartCounts: [String: Int32] = [:]

    /// What is wrong with `status` as the successor of those before it. Of a container that is `lost`, neither its shim
    /// nor the record may be left to tell what was shown.
    mutating func problems(_ status: PodStatus, lost: Set<String>) -> [String] {
        var problems: [String] = []
        if lost.isEmpty, let terminalPhase, status.phase != terminalPhase {
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
    static func shows(_ end: ContainerTruth.End, of name: String, _ status: PodStatus) -> Bool {
        (status.initContainerStatuses + status.containerStatuses).contains { container in
            guard container.name == name else { return false }
            return [container.state.terminated, container.lastState.terminated].contains {
                $0?.exitCode == end.code && $0?.containerID == "podagent://u-\(end.run.number)"
            }
        }
    }
}

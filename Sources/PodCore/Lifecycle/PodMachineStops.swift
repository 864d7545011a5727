/// How single containers are ended: for the Pod's sake or their own.
extension PodMachine {
    /// Wants the running instance of a container to end, if that is not wanted already. What is only starting is stopped
    /// when it has become a process.
    mutating func stop(
        _ index: Int,
        _ reason: ContainerStop.Reason,
        at now: Moment,
        _ effects: inout [PodEffect]
    ) {
        let record = containers[index]
        guard record.runningRun != nil, record.stop == nil else { return }
        let grace = grace(for: reason, of: record)
        let hasHook = lifecycle.container(record.name)?.hasPreStop == true
        var stage = ContainerStop.Stage.waiting
        if hasHook, grace > .zero, reason != .restartAllContainers { stage = .preStop(.due) }
        // Nobody is asked who has no time to answer.
        if grace <= .zero { stage = .asked }
        containers[index].stop = ContainerStop(
            reason: reason,
            stage: stage,
            killAt: now.tick + Self.stopTime(grace)
        )
        let message = message(of: reason, record)
        effects.append(.record(PodRecord(.normal, "Killing", message, container: record.name)))
    }

    /// Takes every stop that is under way as far as it can go now.
    mutating func proceedWithStops(at now: Moment, _ effects: inout [PodEffect]) {
        for index in containers.indices {
            guard let run = containers[index].runningRun, var stop = containers[index].stop else { continue }
            if stop.stage == .preStop(.due), now.tick < stop.killAt {
                stop.stage = .preStop(.underWay)
                effects.append(.runHook(run, .preStop, limit: stop.killAt - now.tick))
            }
            if case .preStop = stop.stage, now.tick >= stop.killAt { stop.stage = .waiting }
            if stop.stage == .waiting, now.tick >= stop.killAt || !mustWait(index) {
                stop.stage = .asked
                stop.killAt = max(stop.killAt, now.tick + Self.shortestGrace)
                effects.append(.terminate(run))
            }
            if stop.stage == .asked, now.tick >= stop.killAt {
                stop.stage = .killed
                effects.append(.kill(run))
            }
            containers[index].stop = stop
        }
    }

    /// From now on every stop has at most this long.
    mutating func shortenStops(to grace: Duration, at now: Moment) {
        for index in containers.indices {
            guard var stop = containers[index].stop, !stop.isKilled else { continue }
            stop.killAt = min(stop.killAt, now.tick + Self.stopTime(grace))
            if grace <= .zero { stop.stage = .asked }
            containers[index].stop = stop
        }
    }

    /// Whoever is asked to end gets at least this, as from the kubelet.
    static let shortestGrace = Duration.seconds(2)

    /// Zero is taken at its word: at once.
    static func stopTime(_ grace: Duration) -> Duration {
        grace <= .zero ? .zero : max(grace, shortestGrace)
    }

    /// A sidecar ends after the regular containers and the sidecars that came after it, when the whole Pod ends.
    private func mustWait(_ index: Int) -> Bool {
        guard containers[index].role == .sidecar, ending != nil || shutdownGrace != nil else { return false }
        return containers.indices.contains { other in
            guard containers[other].liveRun != nil else { return false }
            switch containers[other].role {
            case .regular: return true
            case .sidecar: return other > index
            case .initialization: return false
            }
        }
    }

    private func grace(for reason: ContainerStop.Reason, of record: ContainerRecord) -> Duration {
        var grace = lifecycle.terminationGracePeriod
        switch reason {
        case .probe(let kind):
            grace = lifecycle.container(record.name)?.probes[kind]?.terminationGracePeriod ?? grace
        // The kubelet's zero, which it raises to its shortest.
        case .restartAllContainers: grace = Self.shortestGrace
        case .pod, .postStart, .definitionChanged: break
        }
        if case .deleting(let wanted, _) = ending { grace = wanted }
        if let shutdownGrace { grace = min(grace, shutdownGrace) }
        return grace
    }

    /// In the kubelet's words (reference §5.3.6, §6.7, §14.1).
    private func message(of reason: ContainerStop.Reason, _ record: ContainerRecord) -> String {
        let isSidecar = record.role == .sidecar
        let subject = "\(isSidecar ? "Init container" : "Container") \(record.name)"
        switch reason {
        case .pod, .restartAllContainers: return "Stopping container \(record.name)"
        case .probe(let kind):
            let restarts = !isSidecar && lifecycle.policy(of: record.name) != .never
            return "\(subject) failed \(kind.rawValue) probe\(restarts ? ", will be restarted" : "")"
        case .postStart: return "FailedPostStartHook"
        case .definitionChanged:
            return "\(subject) definition changed\(isSidecar ? "" : ", will be restarted")"
        }
    }
}

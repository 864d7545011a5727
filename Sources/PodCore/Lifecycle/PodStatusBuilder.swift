/// Makes the v1.PodStatus of a Pod from its machine (reference §3.3, §3.4).
///
/// Holds what outlives one computation: when each condition last changed, and a terminal phase, which is never left.
public struct PodStatusBuilder: Hashable, Sendable, Codable {
    /// What the node knows of a container beside its machine.
    public struct ContainerFacts: Hashable, Sendable, Codable {
        /// As the status names the image; empty while it is not resolved.
        public var image = ""
        /// The image's own identity; empty while it is not resolved.
        public var imageID = ""
        /// The ID under which the node's store keeps the image; nil for what is no image of the store.
        public var storedImage: String?
        /// The UID of the first process; nil while it is not known.
        public var user: UInt32?
        /// Its GID.
        public var group: UInt32?
        /// Its further groups.
        public var groups: [UInt32] = []
        /// The signal that asks it to end; nil while it is not known.
        public var stopSignal: Int32?

        /// Makes empty facts.
        public init() {}
    }

    private var conditions: [String: Transition] = [:]
    private var terminalPhase: String?

    private struct Transition: Hashable, Codable {
        var status: String
        var at: Timestamp
    }

    /// A Pod that has no status yet.
    public init() {}

    /// Whether the Pod has been found to have Succeeded or Failed, which is for good once this is on the disk.
    public var isTerminal: Bool { terminalPhase != nil }

    /// The status now. `pulling` tells how far the pulls are that containers wait for, `unenforced` are the controllers without which the node's limits do not hold.
    public mutating func status(
        of pod: Pod,
        _ machine: PodMachine,
        facts: [String: ContainerFacts],
        pulling: [String: String] = [:],
        addresses: [String] = [],
        nodeAddresses: [String],
        unenforced: Set<CgroupController> = [],
        at now: Timestamp
    ) -> PodStatus {
        var status = PodStatus()
        status.startTime = (machine.startTime ?? now).truncatedToSeconds
        status.observedGeneration = pod.metadata.generation
        status.phase = phase(of: pod, machine)
        status.qosClass = PodQOSClass(of: pod.spec)
        if let rejection = machine.rejection {
            // No containers and no conditions, for there will be none (reference §15.3).
            status.reason = rejection.reason
            status.message = rejection.message
            return status
        }
        // The reason comes with the phase, which may be withheld yet.
        if let failure = machine.failure, status.phase == .failed {
            status.reason = failure.reason
            status.message = failure.message
        }
        status.hostIPs = nodeAddresses.map { HostIP(address: $0) }
        status.hostIP = nodeAddresses.first ?? ""
        let own = pod.spec.hostNetwork ? nodeAddresses : addresses
        status.podIPs = own.map { PodIP(address: $0) }
        status.podIP = own.first ?? ""
        if let hold = machine.hold {
            status.reason = hold.reason
            status.message = hold.message
        }
        // Of a Pod that has not begun there are no containers, as with one that is not scheduled.
        if machine.hold != nil, machine.containers.allSatisfy({ $0.newestTermination == nil }) {
            status.conditions = conditions(of: pod, machine, status, at: now.truncatedToSeconds)
            return status
        }
        let context = ContainerStatusBuilder(pod: pod, facts: facts, pulling: pulling, unenforced: unenforced)
        for record in machine.containers where record.isInit {
            status.initContainerStatuses.append(context.status(of: record))
        }
        status.containerStatuses = machine.containers.filter { !$0.isInit }.map(context.status)
            .sorted { $0.name < $1.name }
        status.conditions = conditions(of: pod, machine, status, at: now.truncatedToSeconds)
        return status
    }

    private mutating func phase(of pod: Pod, _ machine: PodMachine) -> PodPhase {
        if let terminalPhase, let kept = PodPhase(rawValue: terminalPhase) { return kept }
        let phase = machine.phase(isStatic: pod.isStatic)
        if phase == .succeeded || phase == .failed {
            // A terminal phase is withheld until the last container has stopped.
            if machine.hasLiveContainer { return machine.phaseBeforeEnd }
            terminalPhase = phase.rawValue
        }
        return phase
    }

    // MARK: Conditions

    private mutating func conditions(
        of pod: Pod,
        _ machine: PodMachine,
        _ status: PodStatus,
        at now: Timestamp
    ) -> [PodCondition] {
        let ready = containersReady(pod, machine, status)
        var findings: [(String, Finding)] = [
            (PodCondition.podReadyToStartContainers, (machine.sandbox == .ready, "", "")),
            (PodCondition.initialized, initialized(machine, status)),
            (PodCondition.ready, ready),
            (PodCondition.containersReady, ready),
            (PodCondition.podScheduled, (true, "", "")),
        ]
        if machine.lifecycle.canRestartAll {
            findings.append((PodCondition.allContainersRestarting, restartingAll(machine, status)))
        }
        // Last, for the gates are about the others.
        findings[2].1 = ready.holds ? gates(pod, findings) : ready
        return findings.map { type, finding in
            var condition = condition(type, finding, at: now)
            condition.observedGeneration = pod.metadata.generation
            return condition
        }
    }

    private typealias Finding = (holds: Bool, reason: String, message: String)

    /// Who else has to agree before the Pod is Ready. On a node without an API server to set conditions, those are the
    /// node's own.
    private func gates(_ pod: Pod, _ findings: [(String, Finding)]) -> Finding {
        let problems = pod.spec.readinessGates.compactMap { gate -> String? in
            let type = gate.conditionType
            guard type != PodCondition.ready, let finding = findings.first(where: { $0.0 == type }) else {
                return "corresponding condition of pod readiness gate \(type.quoted) does not exist."
            }
            if finding.1.holds { return nil }
            return "the status of pod readiness gate \(type.quoted) is not \"True\", but False"
        }
        if problems.isEmpty { return (true, "", "") }
        return (false, "ReadinessGatesNotReady", problems.joined(separator: ", "))
    }

    private func initialized(_ machine: PodMachine, _ status: PodStatus) -> Finding {
        if status.phase == .succeeded { return (true, "PodCompleted", "") }
        let started = status.containerStatuses.contains {
            $0.state.running != nil || $0.state.terminated != nil
        }
        // What begins anew because all containers are restarted has been initialized.
        let isAgain = machine.containers.contains { $0.newestTermination?.isRemoved == true }
        if started || isAgain { return (true, "", "") }
        // A Pod that is held has no statuses yet.
        let statuses = Dictionary(grouping: status.initContainerStatuses, by: \.name).compactMapValues(
            \.first
        )
        let incomplete = machine.containers.filter { container in
            switch container.role {
            case .initialization: statuses[container.name]?.ready != true
            case .sidecar: statuses[container.name]?.started != true
            case .regular: false
            }
        }
        if incomplete.isEmpty { return (true, "", "") }
        let names = incomplete.map(\.name).joined(separator: " ")
        return (false, "ContainersNotInitialized", "containers with incomplete status: [\(names)]")
    }

    private func containersReady(_ pod: Pod, _ machine: PodMachine, _ status: PodStatus) -> Finding {
        // A terminal phase is withheld while something still runs, which nobody is to rely on any more.
        switch machine.phase(isStatic: pod.isStatic) {
        case .succeeded: return (false, "PodCompleted", "")
        case .failed: return (false, "PodFailed", "")
        default: break
        }
        if status.phase == .succeeded { return (false, "PodCompleted", "") }
        if status.phase == .failed { return (false, "PodFailed", "") }
        let statuses = status.initContainerStatuses + status.containerStatuses
        let ready = Set(statuses.filter(\.ready).map(\.name))
        // In the order of the spec, whereas the statuses are sorted by name.
        let asked = machine.containers.filter { $0.role != .initialization }.map(\.name)
        let unready = asked.filter { !ready.contains($0) }
        if unready.isEmpty { return (true, "", "") }
        let names = unready.joined(separator: " ")
        return (false, "ContainersNotReady", "containers with unready status: [\(names)]")
    }

    private func restartingAll(_ machine: PodMachine, _ status: PodStatus) -> Finding {
        if status.phase == .succeeded { return (false, "PodCompleted", "") }
        if status.phase == .failed { return (false, "PodFailed", "") }
        if !machine.isRestartingAll { return (false, "", "") }
        return (true, "RestartAllContainersStarted", "container exited with restart policy rule")
    }

    /// The transition time changes only with the status.
    private mutating func condition(_ type: String, _ finding: Finding, at now: Timestamp) -> PodCondition {
        var condition = PodCondition()
        condition.type = type
        condition.status = finding.holds ? .true : .false
        condition.reason = finding.reason
        condition.message = finding.message
        let text = condition.status.rawValue
        if conditions[type]?.status != text { conditions[type] = Transition(status: text, at: now) }
        condition.lastTransitionTime = conditions[type]?.at
        return condition
    }
}

extension Pod {
    /// Whether the Pod comes from a file and not from the API, by the annotation that says so.
    var isStatic: Bool {
        guard let source = metadata.annotations[PodAnnotation.configSource] else { return false }
        return source != ManifestSource.api.annotation
    }
}

extension HostIP {
    fileprivate init(address: String) {
        self.init()
        ip = address
    }
}

extension PodIP {
    fileprivate init(address: String) {
        self.init()
        ip = address
    }
}

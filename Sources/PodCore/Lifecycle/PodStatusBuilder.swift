/// Makes the v1.PodStatus of a Pod from its machine (reference §3.3, §3.4).
///
/// Holds what outlives one computation: when the Pod was first seen, when each condition last changed, and a terminal
/// phase, which is never left.
public struct PodStatusBuilder: Hashable, Sendable, Codable {
    /// What the node knows of a container beside its machine.
    public struct ContainerFacts: Hashable, Sendable, Codable {
        /// As the status names the image; empty while it is not resolved.
        public var image = ""
        public var imageID = ""
        public var user: UInt32?
        public var group: UInt32?
        public var groups: [UInt32] = []

        /// Makes empty facts.
        public init() {}
    }

    private var startTime: Timestamp?
    private var conditions: [String: Transition] = [:]
    private var terminalPhase: String?

    private struct Transition: Hashable, Codable {
        var status: String
        var at: Timestamp
    }

    /// A Pod that has no status yet.
    public init() {}

    /// The status now.
    public mutating func status(
        of pod: Pod,
        _ machine: PodMachine,
        facts: [String: ContainerFacts],
        nodeAddresses: [String],
        at now: Timestamp
    ) -> PodStatus {
        var status = PodStatus()
        if startTime == nil { startTime = now.truncatedToSeconds }
        status.startTime = startTime
        status.phase = phase(machine)
        status.qosClass = .bestEffort  // requests and limits are refused at admission until they are enforced
        if let failure = machine.failure {
            status.reason = failure.reason
            status.message = failure.message
        }
        status.hostIPs = nodeAddresses.map { HostIP(address: $0) }
        status.hostIP = nodeAddresses.first ?? ""
        if pod.spec.hostNetwork {
            status.podIPs = nodeAddresses.map { PodIP(address: $0) }
            status.podIP = status.hostIP
        }
        let context = ContainerStatusContext(pod: pod, machine: machine, facts: facts)
        for record in machine.containers where record.isInit {
            status.initContainerStatuses.append(context.status(of: record))
        }
        status.containerStatuses = machine.containers.filter { !$0.isInit }.map(context.status)
            .sorted { $0.name < $1.name }
        status.conditions = conditions(machine, status, at: now.truncatedToSeconds)
        return status
    }

    private mutating func phase(_ machine: PodMachine) -> PodPhase {
        if let terminalPhase, let kept = PodPhase(rawValue: terminalPhase) { return kept }
        let phase = machine.phase
        let running = machine.containers.contains { $0.liveRun != nil }
        if phase == .succeeded || phase == .failed {
            // A terminal phase is withheld until the last container has stopped.
            if running { return .running }
            terminalPhase = phase.rawValue
        }
        return phase
    }

    // MARK: Conditions

    private mutating func conditions(_ machine: PodMachine, _ status: PodStatus, at now: Timestamp)
        -> [PodCondition]
    {
        let initialized = initialized(machine, status)
        let ready = containersReady(status)
        return [
            condition("PodReadyToStartContainers", machine.sandbox == .ready, at: now),
            condition("Initialized", initialized.holds, initialized.reason, initialized.message, at: now),
            condition("Ready", ready.holds, ready.reason, ready.message, at: now),
            condition("ContainersReady", ready.holds, ready.reason, ready.message, at: now),
            condition("PodScheduled", true, at: now),
        ]
    }

    private typealias Finding = (holds: Bool, reason: String, message: String)

    private func initialized(_ machine: PodMachine, _ status: PodStatus) -> Finding {
        if status.phase == .succeeded { return (true, "PodCompleted", "") }
        let started = status.containerStatuses.contains {
            $0.state.running != nil || $0.state.terminated != nil
        }
        let incomplete = status.initContainerStatuses.filter { !$0.ready }.map(\.name)
        if started || incomplete.isEmpty { return (true, "", "") }
        let names = incomplete.joined(separator: " ")
        return (false, "ContainersNotInitialized", "containers with incomplete status: [\(names)]")
    }

    private func containersReady(_ status: PodStatus) -> Finding {
        if status.phase == .succeeded { return (false, "PodCompleted", "") }
        if status.phase == .failed { return (false, "PodFailed", "") }
        let unready = status.containerStatuses.filter { !$0.ready }.map(\.name)
        if unready.isEmpty { return (true, "", "") }
        let names = unready.joined(separator: " ")
        return (false, "ContainersNotReady", "containers with unready status: [\(names)]")
    }

    /// The transition time changes only with the status.
    private mutating func condition(
        _ type: String,
        _ holds: Bool,
        _ reason: String = "",
        _ message: String = "",
        at now: Timestamp
    ) -> PodCondition {
        var condition = PodCondition()
        condition.type = type
        condition.status = holds ? .true : .false
        condition.reason = reason
        condition.message = message
        let text = condition.status.rawValue
        if conditions[type]?.status != text { conditions[type] = Transition(status: text, at: now) }
        condition.lastTransitionTime = conditions[type]?.at
        return condition
    }
}

/// How one instance of a container is named towards clients.
public enum ContainerID {
    /// `podagent://<uid>-<run>`, as Kubernetes writes `<runtime>://<id>`.
    public static func text(_ pod: Pod, _ run: RunID) -> String {
        "podagent://\(pod.metadata.uid)-\(run.number)"
    }
}

/// Container statuses of one Pod.
private struct ContainerStatusContext {
    let pod: Pod
    let machine: PodMachine
    let facts: [String: PodStatusBuilder.ContainerFacts]

    func status(of record: ContainerRecord) -> ContainerStatus {
        var status = ContainerStatus()
        let specs = record.isInit ? pod.spec.initContainers : pod.spec.containers
        let spec = specs.first { $0.name == record.name } ?? Container()
        let facts = facts[record.name] ?? PodStatusBuilder.ContainerFacts()
        status.name = record.name
        status.image = facts.image.isEmpty ? spec.image : facts.image
        status.imageID = facts.imageID
        status.restartCount = Int32(clamping: record.restartCount)
        status.state = state(record)
        status.lastState = lastState(record)
        status.containerID = containerID(record) ?? ""
        let runs = status.state.running != nil
        status.started = runs
        status.ready = record.isInit ? record.hasSucceeded : runs
        if let uid = facts.user {
            var linux = LinuxContainerUser()
            linux.uid = Int64(uid)
            linux.gid = Int64(facts.group ?? 0)
            linux.supplementalGroups = facts.groups.map(Int64.init)
            status.user = ContainerUser()
            status.user?.linux = linux
        }
        status.volumeMounts = spec.volumeMounts.map { mount in
            var shown = VolumeMountStatus()
            shown.name = mount.name
            shown.mountPath = mount.mountPath
            shown.readOnly = mount.readOnly
            if mount.readOnly { shown.recursiveReadOnly = .disabled }
            return shown
        }
        return status
    }

    private func state(_ record: ContainerRecord) -> ContainerState {
        switch record.state {
        case .running(_, let startedAt):
            var running = ContainerStateRunning()
            running.startedAt = startedAt.truncatedToSeconds
            return .running(running)
        case .ended(let end) where record.waiting == nil:
            return .terminated(terminated(end))
        case .starting, .idle, .ended:
            return .waiting(waiting(record))
        }
    }

    private func waiting(_ record: ContainerRecord) -> ContainerStateWaiting {
        var waiting = ContainerStateWaiting()
        if let known = record.waiting {
            waiting.reason = known.reason
            waiting.message = known.message
        } else {
            waiting.reason =
                machine.lifecycle.initContainers.isEmpty || machine.isInitialized
                ? "ContainerCreating" : "PodInitializing"
        }
        return waiting
    }

    private func lastState(_ record: ContainerRecord) -> ContainerState {
        if case .ended(let end) = record.state, record.waiting != nil { return .terminated(terminated(end)) }
        return record.lastTermination.map { .terminated(terminated($0)) } ?? .empty
    }

    private func terminated(_ end: Termination) -> ContainerStateTerminated {
        var state = ContainerStateTerminated()
        state.exitCode = end.exitCode
        state.reason = end.reason
        state.message = end.message
        state.startedAt = end.startedAt?.truncatedToSeconds
        state.finishedAt = end.finishedAt.truncatedToSeconds
        state.containerID = containerID(end.run)
        return state
    }

    private func containerID(_ record: ContainerRecord) -> String? {
        if let run = record.liveRun { return containerID(run) }
        return record.newestTermination.map { containerID($0.run) }
    }

    private func containerID(_ run: RunID) -> String { ContainerID.text(pod, run) }
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

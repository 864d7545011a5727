/// Pods as `kubectl get pods` shows them.
public enum PodTable {
    /// The columns; from IP on for `-o wide`.
    public static let columns: [Table.Column] = [
        .init("Name", "The name, unique in its namespace.", format: "name"),
        .init("Ready", "How many containers are ready, of how many."),
        .init("Status", "What the Pod is doing, from the states of its containers."),
        .init("Restarts", "How often containers have been restarted, and how long ago the last time was."),
        .init("Age", "How long ago the Pod was created."),
        .init("IP", "The Pod's address.", wide: true),
        .init("Node", "The node that runs it.", wide: true),
        .init("Nominated Node", "Always none: there is no preemption here.", wide: true),
        .init("Readiness Gates", "How many of the further conditions hold, of how many.", wide: true),
    ]

    /// The cells of a Pod's row, all of them texts.
    public static func cells(_ pod: Pod, now: Timestamp) -> [String] {
        let summary = PodSummary(pod)
        var restarts = String(summary.restarts)
        if summary.restarts > 0, let last = summary.lastRestartAt {
            restarts += " (\(now.age(since: last)) ago)"
        }
        return [
            pod.metadata.name,
            "\(summary.ready)/\(summary.total)",
            summary.status,
            restarts,
            now.age(since: pod.metadata.creationTimestamp),
            orNone(pod.status.podIPs.first?.ip ?? ""),
            orNone(pod.spec.nodeName),
            orNone(pod.status.nominatedNodeName),
            readinessGates(pod),
        ]
    }

    private static func orNone(_ text: String) -> String { text.isEmpty ? "<none>" : text }

    private static func readinessGates(_ pod: Pod) -> String {
        let gates = pod.spec.readinessGates
        if gates.isEmpty { return "<none>" }
        let open = gates.filter { gate in
            pod.status.conditions.first { $0.type == gate.conditionType }?.status == .true
        }
        return "\(open.count)/\(gates.count)"
    }
}

/// What a Pod's row says about its containers together.
public struct PodSummary: Sendable, Equatable {
    /// Containers and sidecars that are ready.
    public private(set) var ready = 0
    /// Containers and sidecars.
    public private(set) var total: Int
    /// The word in the Status column: a phase, a reason, or what holds the Pod up.
    public private(set) var status: String
    /// Restarts of containers and sidecars; while init containers run, of those.
    public private(set) var restarts: Int32 = 0
    /// When the last of the instances before the current ones ended.
    public private(set) var lastRestartAt: Timestamp?

    /// Works it out, step by step as kubectl's printer does.
    public init(_ pod: Pod) {
        total = pod.spec.containers.count + pod.spec.initContainers.count { $0.restartPolicy == .always }
        status = pod.status.reason.isEmpty ? pod.status.phase.rawValue : pod.status.reason
        let scheduled = pod.status.conditions.first { $0.type == PodCondition.podScheduled }
        if let scheduled, scheduled.reason == "SchedulingGated" { status = scheduled.reason }
        let isInitializing = readInitContainers(of: pod)
        let initialized = pod.status.conditions.first { $0.type == PodCondition.initialized }
        if !isInitializing || initialized?.status == .true { readContainers(of: pod) }
        if pod.metadata.deletionTimestamp != nil {
            if pod.status.reason == "NodeLost" {
                status = "Unknown"
            } else if pod.status.phase != .succeeded, pod.status.phase != .failed {
                status = "Terminating"
            }
        }
    }

    /// Looks at the init containers up to the first that is not done; true if there is one.
    private mutating func readInitContainers(of pod: Pod) -> Bool {
        let sidecars = Set(pod.spec.initContainers.filter { $0.restartPolicy == .always }.map(\.name))
        for (index, container) in pod.status.initContainerStatuses.enumerated() {
            countRestarts(of: container)
            let isStartedSidecar = sidecars.contains(container.name) && container.started == true
            switch container.state {
            case .terminated(let terminated) where terminated.exitCode == 0: continue
            case _ where isStartedSidecar:
                if container.ready { ready += 1 }
                continue
            case .terminated(let terminated): status = "Init:" + terminated.summary
            case .waiting(let waiting) where !waiting.reason.isEmpty && waiting.reason != "PodInitializing":
                status = "Init:" + waiting.reason
            case .waiting, .running, .empty: status = "Init:\(index)/\(pod.spec.initContainers.count)"
            }
            return true
        }
        return false
    }

    /// Looks at the regular containers from the last to the first, so that what the first does counts most.
    private mutating func readContainers(of pod: Pod) {
        let sidecars = Set(pod.spec.initContainers.filter { $0.restartPolicy == .always }.map(\.name))
        restarts = 0
        lastRestartAt = nil
        for container in pod.status.initContainerStatuses where sidecars.contains(container.name) {
            countRestarts(of: container)
        }
        var isAnyReady = false
        var isAnyRunning = false
        var failure: String?
        for container in pod.status.containerStatuses.reversed() {
            countRestarts(of: container)
            switch container.state {
            case .waiting(let waiting): if !waiting.reason.isEmpty { status = waiting.reason }
            case .terminated(let terminated):
                status = terminated.summary
                if terminated.exitCode != 0 { failure = status }
            case .running:
                isAnyRunning = true
                if container.ready {
                    isAnyReady = true
                    ready += 1
                }
            case .empty: break
            }
        }
        guard status == "Completed" else { return }
        let isPodReady = pod.status.conditions.first { $0.type == PodCondition.ready }?.status == .true
        if isAnyReady, isPodReady {
            status = "Running"
        } else if let failure {
            status = failure
        } else if isAnyRunning {
            status = "NotReady"
        }
    }

    private mutating func countRestarts(of container: ContainerStatus) {
        restarts += container.restartCount
        if let ended = container.lastState.terminated?.finishedAt {
            lastRestartAt = max(lastRestartAt ?? ended, ended)
        }
    }
}

extension ContainerStateTerminated {
    /// The reason, or the signal or code where there is none.
    fileprivate var summary: String {
        if !reason.isEmpty { return reason }
        return signal != 0 ? "Signal:\(signal)" : "ExitCode:\(exitCode)"
    }
}

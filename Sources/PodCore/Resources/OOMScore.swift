/// `oom_score_adj` of a container's processes: whom the kernel kills first when the node's memory runs out;
/// proc_pid_oom_score_adj(5).
///
/// Source: `pkg/kubelet/qos/policy.go` of Kubernetes 1.36 (reference §10.6).
public enum OOMScore {
    static let guaranteed = -997
    static let bestEffort = 1000

    /// The value for a container.
    ///
    /// - Parameter nodeMemory: The node's memory in bytes, of which a Burstable container's request is a part.
    public static func adjustment(of container: Container, in pod: Pod, nodeMemory: Int64) -> Int {
        if isNodeCritical(pod) { return guaranteed }
        switch PodQOSClass(of: pod.spec) {
        case .guaranteed: return guaranteed
        case .bestEffort: return bestEffort
        case .burstable: break
        }
        let own = container.resources.requests[ResourceName.memory]?.value ?? 0
        let request = Int128(own) + Int128(unassigned(in: pod.spec))
        let part = nodeMemory > 0 ? 1000 * request / Int128(nodeMemory) : 0
        let value = 1000 - Int(clamping: part)
        // Above the guaranteed ones, and below those that ask for nothing.
        if value < 3 { return 3 }
        return value == bestEffort ? bestEffort - 1 : value
    }

    private static func isNodeCritical(_ pod: Pod) -> Bool {
        guard pod.spec.priorityClassName == "system-node-critical" else { return false }
        return pod.isStatic || (pod.spec.priority ?? 0) >= 2_000_000_000
    }

    /// What the Pod as a whole asks for beyond its containers, divided between them, in bytes.
    private static func unassigned(in spec: PodSpec) -> Int64 {
        guard let whole = spec.resources?.requests[ResourceName.memory]?.value else { return 0 }
        let assigned = PodResources.ofContainers(.requests, in: spec)[ResourceName.memory]?.value ?? 0
        return max(0, whole - assigned) / Int64(max(1, spec.initContainers.count + spec.containers.count))
    }
}

/// A controller of cgroup v2 that the limits of Pods need, by its name in `cgroup.controllers`; cgroups(7).
public enum CgroupController: String, Hashable, Sendable, CaseIterable {
    /// Weights and quotas of CPU time.
    case cpu
    /// The memory limit and its OOM killer.
    case memory
    /// The number of processes.
    case pids
}

/// A value for a file of a cgroup.
public struct CgroupSetting: Hashable, Sendable {
    /// The controller whose file it is.
    public var controller: CgroupController
    /// The file's name, such as `memory.max`.
    public var file: String
    /// What is written to it.
    public var value: String
    /// Whether some kernels do not have the file, and need not.
    public var isOptional = false
}

/// What requests and limits come to in a cgroup. What is not said is the kernel's default, which is no limit.
///
/// Nothing is said of `pids.max`: no field of a Pod asks for it, and the kubelet's `podPidsLimit` is off by default.
///
/// Source: `pkg/kubelet/cm/helpers_linux.go`, `pkg/kubelet/kuberuntime/kuberuntime_container_linux.go` of Kubernetes
/// 1.36 (reference §10.2 to §10.4).
public struct CgroupValues: Hashable, Sendable {
    /// `cpu.max`: the time over which a quota is counted, in microseconds.
    public static let period: Int64 = 100_000
    /// The kernel takes no smaller quota.
    static let leastQuota: Int64 = 1000

    /// `cpu.weight`.
    public private(set) var cpuWeight: Int64
    /// Microseconds of CPU time in a ``period``; nil without a limit.
    public private(set) var cpuQuota: Int64?
    /// Bytes; nil without a limit.
    public private(set) var memoryMax: Int64?
    /// Whether its processes are killed together when memory runs out, and may not go to swap instead.
    public private(set) var isContainer: Bool

    /// The cgroup of one container.
    public init(of container: Container, in spec: PodSpec) {
        let (own, pod) = (container.resources, spec.resources ?? ResourceRequirements())
        let request = own.requests[ResourceName.cpu] ?? own.limits[ResourceName.cpu]
        cpuWeight = CPUShares(milliCPU: request?.milliValue ?? 0).containerWeight
        cpuQuota = Self.quota(own.limits[ResourceName.cpu] ?? pod.limits[ResourceName.cpu])
        memoryMax = Self.bytes(own.limits[ResourceName.memory] ?? pod.limits[ResourceName.memory])
        isContainer = true
    }

    /// The cgroup that holds all containers of a Pod. It is limited as a whole only if nothing in it is unlimited.
    public init(ofPod spec: PodSpec) {
        let requests = PodResources.ofPod(.requests, in: spec)
        let limits = PodResources.ofPod(.limits, in: spec)
        cpuWeight = CPUShares(milliCPU: requests[ResourceName.cpu]?.milliValue ?? 0).podWeight
        cpuQuota = Self.limitsAll(of: ResourceName.cpu, spec) ? Self.quota(limits[ResourceName.cpu]) : nil
        memoryMax =
            Self.limitsAll(of: ResourceName.memory, spec) ? Self.bytes(limits[ResourceName.memory]) : nil
        isContainer = false
    }

    private static func limitsAll(of resource: String, _ spec: PodSpec) -> Bool {
        let isLimited = { (resources: ResourceRequirements) in
            resources.limits[resource].map { $0 > Quantity() } ?? false
        }
        if let own = spec.resources, isLimited(own) { return true }
        return (spec.initContainers + spec.containers).allSatisfy { isLimited($0.resources) }
    }

    /// A limit of 0 is none.
    private static func quota(_ limit: Quantity?) -> Int64? {
        guard let milli = limit?.milliValue, milli > 0 else { return nil }
        return max(Int64(clamping: Int128(milli) * Int128(period) / 1000), leastQuota)
    }

    private static func bytes(_ limit: Quantity?) -> Int64? {
        guard let bytes = limit?.value, bytes > 0 else { return nil }
        return bytes
    }

    /// What is to be written, in this order, before a process is in the cgroup.
    public var settings: [CgroupSetting] {
        var settings = [CgroupSetting(controller: .cpu, file: "cpu.weight", value: "\(cpuWeight)")]
        if let cpuQuota {
            settings.append(.init(controller: .cpu, file: "cpu.max", value: "\(cpuQuota) \(Self.period)"))
        }
        if let memoryMax {
            settings.append(.init(controller: .memory, file: "memory.max", value: "\(memoryMax)"))
        }
        if isContainer {
            settings.append(.init(controller: .memory, file: "memory.oom.group", value: "1"))
            // A kernel without swap does not have this file.
            let noSwap = CgroupSetting(
                controller: .memory,
                file: "memory.swap.max",
                value: "0",
                isOptional: true
            )
            settings.append(noSwap)
        }
        return settings
    }
}

extension PodQOSClass {
    /// The class of a Pod, from what it asks for of cpu and memory. Fixed when the Pod is admitted.
    ///
    /// Source: `pkg/apis/core/v1/helper/qos` of Kubernetes 1.36.
    public init(of spec: PodSpec) {
        let parts = spec.resources.map { [$0] } ?? (spec.initContainers + spec.containers).map(\.resources)
        var requests: ResourceList = [:]
        var limits: ResourceList = [:]
        for part in parts {
            requests.merge(Self.counted(part.requests), uniquingKeysWith: +)
            limits.merge(Self.counted(part.limits), uniquingKeysWith: +)
        }
        let allLimited = parts.allSatisfy { Self.counted($0.limits).count == 2 }
        if requests.isEmpty, limits.isEmpty {
            self = .bestEffort
        } else if allLimited, requests == limits {
            self = .guaranteed
        } else {
            self = .burstable
        }
    }

    /// Only cpu and memory count, and only when they are more than nothing.
    private static func counted(_ list: ResourceList) -> ResourceList {
        list.filter { ($0.key == ResourceName.cpu || $0.key == ResourceName.memory) && $0.value > Quantity() }
    }
}

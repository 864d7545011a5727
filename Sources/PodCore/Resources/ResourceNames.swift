/// What kind of resource a name stands for.
enum ResourceName {
    static let cpu = "cpu"
    static let memory = "memory"

    /// `hugepages-<size>`.
    static func isHugePages(_ name: String) -> Bool { name.hasPrefix("hugepages-") }

    /// The size of one page of `hugepages-<size>`.
    static func hugePageSize(_ name: String) -> Quantity? {
        isHugePages(name) ? try? Quantity(parsing: String(name.dropFirst("hugepages-".count))) : nil
    }

    /// What Kubernetes itself knows, as opposed to what device plugins offer.
    static func isNative(_ name: String) -> Bool { !name.contains("/") || name.contains("kubernetes.io/") }

    /// Whether more may be promised than there is, so that request and limit may differ.
    static func isOvercommittable(_ name: String) -> Bool { isNative(name) && !isHugePages(name) }

    /// Names that a container may ask for without a domain.
    static func isStandardForContainers(_ name: String) -> Bool {
        name == cpu || name == memory || name == "ephemeral-storage" || isHugePages(name)
    }

    /// Names without a domain that mean something anywhere in the API, if only in a quota.
    static func isStandard(_ name: String) -> Bool {
        isStandardForContainers(name) || quotaNames.contains(name)
    }

    /// Names that ``PodSpec/resources`` may hold.
    static func isPodLevel(_ name: String) -> Bool { name == cpu || name == memory || isHugePages(name) }

    /// What a container may ask for, but not of this version of podagent: it has no device plugins, does not measure
    /// disks, and hands out no huge pages.
    static func isUnsupported(_ name: String) -> Bool {
        name.contains("/") || isStandardForContainers(name) && name != cpu && name != memory
    }

    private static let quotaNames: Set<String> = [
        "storage", "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
        "persistentvolumeclaims", "services.nodeports", "services.loadbalancers", "requests.cpu",
        "requests.memory", "requests.ephemeral-storage", "requests.storage", "limits.cpu", "limits.memory",
        "limits.ephemeral-storage",
    ]
}

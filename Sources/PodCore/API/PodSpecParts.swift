/// What happens when a container of a Pod ends.
public enum RestartPolicy: String, APIEnum {
    /// Start it again, whatever its exit code.
    case always = "Always"
    /// Start it again unless its exit code is 0.
    case onFailure = "OnFailure"
    /// Leave it.
    case never = "Never"
}

/// Where a Pod's DNS configuration comes from.
public enum DNSPolicy: String, APIEnum {
    /// Cluster DNS, also on the node's network.
    case clusterFirstWithHostNet = "ClusterFirstWithHostNet"
    /// Cluster DNS, unless the Pod is on the node's network.
    case clusterFirst = "ClusterFirst"
    /// The node's resolv.conf.
    case `default` = "Default"
    /// Only what `dnsConfig` gives.
    case none = "None"
}

/// Whether a Pod may push out others.
public enum PreemptionPolicy: String, APIEnum {
    /// It may push out Pods of lower priority.
    case preemptLowerPriority = "PreemptLowerPriority"
    /// It waits.
    case never = "Never"
}

/// A line for the containers' /etc/hosts.
public struct HostAlias: APIObject {
    /// The names.
    public var hostnames: [String] = []
    /// The address.
    public var ip = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<HostAlias>([
        .field("hostnames", \.hostnames),
        .field("ip", \.ip, always: true),
    ])
}

/// An object of the same namespace, by name.
public struct LocalObjectReference: APIObject {
    /// The name.
    public var name = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<LocalObjectReference>([
        .field("name", \.name)
    ])
}

/// The operating system that a Pod needs.
public struct PodOS: APIObject {
    /// `linux` or `windows`.
    public var name = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodOS>([
        .field("name", \.name, .partly("linux"), always: true)
    ])
}

/// A condition that must be true for a Pod to be ready.
public struct PodReadinessGate: APIObject {
    /// The type of the condition.
    public var conditionType = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodReadinessGate>([
        .field("conditionType", \.conditionType, always: true)
    ])
}

/// Devices, under a name that containers can refer to.
public struct PodResourceClaim: APIObject {
    /// The name within the Pod.
    public var name = ""
    /// The ResourceClaim.
    public var resourceClaimName: String?
    /// The template to make a ResourceClaim from.
    public var resourceClaimTemplateName: String?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodResourceClaim>([
        .field("name", \.name, always: true),
        .field("resourceClaimName", \.resourceClaimName),
        .field("resourceClaimTemplateName", \.resourceClaimTemplateName),
    ])
}

/// Something that holds back the scheduler.
public struct PodSchedulingGate: APIObject {
    /// The gate's name.
    public var name = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodSchedulingGate>([
        .field("name", \.name, always: true)
    ])
}

/// The group of Pods that a Pod is scheduled with.
public struct PodSchedulingGroup: APIObject {
    /// The PodGroup.
    public var podGroupName: String?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodSchedulingGroup>([
        .field("podGroupName", \.podGroupName)
    ])
}

/// Additions to a Pod's DNS configuration.
public struct PodDNSConfig: APIObject {
    /// Addresses of name servers; at most 3.
    public var nameservers: [String] = []
    /// Options of the resolver.
    public var options: [PodDNSConfigOption] = []
    /// Search domains; at most 32.
    public var searches: [String] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodDNSConfig>([
        .field("nameservers", \.nameservers),
        .field("options", \.options),
        .field("searches", \.searches),
    ])
}

/// An option of the resolver, resolv.conf(5).
public struct PodDNSConfigOption: APIObject {
    /// The option.
    public var name = ""
    /// Its value, if it takes one.
    public var value: String?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodDNSConfigOption>([
        .field("name", \.name),
        .field("value", \.value),
    ])
}

/// What is known of a Pod.
public struct PodStatus: APIObject {
    /// Resources that the node has set aside for the Pod.
    public var allocatedResources: ResourceList = [:]
    /// What is true of the Pod, in the order in which it is worked out.
    public var conditions: [PodCondition] = []
    /// The containers, sorted by name.
    public var containerStatuses: [ContainerStatus] = []
    /// The ephemeral containers.
    public var ephemeralContainerStatuses: [ContainerStatus] = []
    /// Always unset: there are no resource claims here.
    public var extendedResourceClaimStatus: RawObject?
    /// The node's address.
    public var hostIP = ""
    /// All addresses of the node.
    public var hostIPs: [HostIP] = []
    /// The init containers, in the order of the spec.
    public var initContainerStatuses: [ContainerStatus] = []
    /// Why the Pod is in this phase, for people.
    public var message = ""
    /// Always unset: there are no resource claims here.
    public var nodeAllocatableResourceClaimStatuses: [RawObject] = []
    /// Always unset: there is no preemption here.
    public var nominatedNodeName = ""
    /// The generation that this status is about.
    public var observedGeneration: Int64 = 0
    /// Where the Pod is in its life.
    public var phase: PodPhase = .pending
    /// The Pod's address.
    public var podIP = ""
    /// All addresses of the Pod.
    public var podIPs: [PodIP] = []
    /// How the Pod fares when memory is short; fixed at admission.
    public var qosClass: PodQOSClass?
    /// Why the Pod is in this phase, in one word.
    public var reason = ""
    /// Always unset: superseded by conditions.
    public var resize = ""
    /// Always unset: there are no resource claims here.
    public var resourceClaimStatuses: [RawObject] = []
    /// Resources in force for the Pod as a whole.
    public var resources: ResourceRequirements?
    /// When podagent first acknowledged the Pod.
    public var startTime: Timestamp?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodStatus>([
        .field("allocatedResources", \.allocatedResources),
        .field("conditions", \.conditions),
        .field("containerStatuses", \.containerStatuses),
        .field("ephemeralContainerStatuses", \.ephemeralContainerStatuses),
        .field("extendedResourceClaimStatus", \.extendedResourceClaimStatus),
        .field("hostIP", \.hostIP),
        .field("hostIPs", \.hostIPs),
        .field("initContainerStatuses", \.initContainerStatuses),
        .field("message", \.message),
        .field("nodeAllocatableResourceClaimStatuses", \.nodeAllocatableResourceClaimStatuses),
        .field("nominatedNodeName", \.nominatedNodeName),
        .field("observedGeneration", \.observedGeneration),
        .field("phase", \.phase),
        .field("podIP", \.podIP),
        .field("podIPs", \.podIPs),
        .field("qosClass", \.qosClass),
        .field("reason", \.reason),
        .field("resize", \.resize),
        .field("resourceClaimStatuses", \.resourceClaimStatuses),
        .field("resources", \.resources),
        .field("startTime", \.startTime),
    ])
}

/// Where a Pod is in its life.
public enum PodPhase: String, APIEnum {
    /// Not all containers have been started yet.
    case pending = "Pending"
    /// All have been started, and at least one runs or will run again.
    case running = "Running"
    /// All ended with exit code 0 and none will run again.
    case succeeded = "Succeeded"
    /// All ended, at least one of them badly, and none will run again.
    case failed = "Failed"
    /// The state cannot be found out.
    case unknown = "Unknown"
}

/// How a Pod fares when memory is short.
public enum PodQOSClass: String, APIEnum {
    /// Last to go: every container has cpu and memory limits equal to its requests.
    case guaranteed = "Guaranteed"
    /// In between.
    case burstable = "Burstable"
    /// First to go: no container asks for or is limited to anything.
    case bestEffort = "BestEffort"
}

/// An address of a Pod.
public struct PodIP: APIObject {
    /// The address.
    public var ip = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodIP>([
        .field("ip", \.ip, always: true)
    ])
}

/// An address of a node.
public struct HostIP: APIObject {
    /// The address.
    public var ip = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<HostIP>([
        .field("ip", \.ip, always: true)
    ])
}

/// Something that is or is not true of a Pod.
public struct PodCondition: APIObject {
    /// Never set, as in Kubernetes.
    public var lastProbeTime: Timestamp?
    /// When ``status`` last changed.
    public var lastTransitionTime: Timestamp?
    /// Why, for people.
    public var message = ""
    /// The generation that the condition is about.
    public var observedGeneration: Int64 = 0
    /// Why, in one word.
    public var reason = ""
    /// Whether it is true.
    public var status: ConditionStatus = .unknown
    /// What it is about: one of the names in ``PodCondition`` or one of the user's own.
    public var type = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodCondition>([
        .field("lastProbeTime", \.lastProbeTime, always: true),
        .field("lastTransitionTime", \.lastTransitionTime, always: true),
        .field("message", \.message),
        .field("observedGeneration", \.observedGeneration),
        .field("reason", \.reason),
        .field("status", \.status, always: true),
        .field("type", \.type, always: true),
    ])
}

/// Whether a condition holds.
public enum ConditionStatus: String, APIEnum {
    /// It does.
    case `true` = "True"
    /// It does not.
    case `false` = "False"
    /// Nobody knows.
    case unknown = "Unknown"
}

extension PodCondition {
    /// All init containers have done their work.
    public static let initialized = "Initialized"
    /// The Pod can serve.
    public static let ready = "Ready"
    /// All containers are ready.
    public static let containersReady = "ContainersReady"
    /// The Pod has its node; always true here.
    public static let podScheduled = "PodScheduled"
    /// The sandbox and its network are up.
    public static let podReadyToStartContainers = "PodReadyToStartContainers"
    /// The Pod is ended for the node's sake.
    public static let disruptionTarget = "DisruptionTarget"
    /// A change of resources has not been accepted yet.
    public static let podResizePending = "PodResizePending"
    /// A change of resources is being made.
    public static let podResizeInProgress = "PodResizeInProgress"
    /// A restart rule is restarting all containers.
    public static let allContainersRestarting = "AllContainersRestarting"
}

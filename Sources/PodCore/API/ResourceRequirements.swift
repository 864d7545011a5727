/// Resources that a container or Pod asks for and may use at most.
public struct ResourceRequirements: APIObject {
    /// Devices of the Pod's resource claims.
    public var claims: [ResourceClaim] = []
    /// The most that it may use.
    public var limits: ResourceList = [:]
    /// What it is sure to get.
    public var requests: ResourceList = [:]

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ResourceRequirements>([
        .field("claims", \.claims, .refused("static pods may not reference resourceclaims")),
        .field(
            "limits",
            \.limits,
            .partly("cpu and memory; ephemeral-storage, hugepages and devices are not there yet")
        ),
        .field("requests", \.requests, .partly("as limits")),
    ])
}

/// A device of one of the Pod's resource claims.
public struct ResourceClaim: APIObject {
    /// The Pod's claim.
    public var name = ""
    /// The request in the claim.
    public var request = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ResourceClaim>([
        .field("name", \.name, always: true),
        .field("request", \.request),
    ])
}

/// What changing a resource means for the running container.
public struct ContainerResizePolicy: APIObject {
    /// The resource; must be given.
    public var resourceName: ResizableResource?
    /// Whether the container is restarted; must be given.
    public var restartPolicy: ResizeRestartPolicy?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerResizePolicy>([
        .field("resourceName", \.resourceName),
        .field("restartPolicy", \.restartPolicy),
    ])
}

/// A resource that can change while a container runs.
public enum ResizableResource: String, APIEnum {
    /// CPU time.
    case cpu = "cpu"
    /// Memory.
    case memory = "memory"
}

/// Whether changing a resource restarts the container.
public enum ResizeRestartPolicy: String, APIEnum {
    /// It goes on running.
    case notRequired = "NotRequired"
    /// It is restarted.
    case restartContainer = "RestartContainer"
}

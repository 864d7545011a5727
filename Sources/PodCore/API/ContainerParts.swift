/// When an image is fetched from its registry.
public enum PullPolicy: String, APIEnum {
    /// At every start.
    case always = "Always"
    /// When the node does not have it.
    case ifNotPresent = "IfNotPresent"
    /// Never; the image must be on the node.
    case never = "Never"
}

/// Where the message of a container's end comes from.
public enum TerminationMessagePolicy: String, APIEnum {
    /// From the termination message file.
    case file = "File"
    /// From the end of the log, when the file is empty and the container failed.
    case fallbackToLogsOnError = "FallbackToLogsOnError"
}

/// What happens when one container ends, whatever the Pod's policy.
public enum ContainerRestartPolicy: String, APIEnum {
    /// Start it again.
    case always = "Always"
    /// Leave it.
    case never = "Never"
    /// Start it again unless its exit code is 0.
    case onFailure = "OnFailure"
}

/// A port that a container listens on.
public struct ContainerPort: APIObject {
    /// The port in the Pod.
    public var containerPort: Int32 = 0
    /// The node's address that ``hostPort`` is bound to.
    public var hostIP = ""
    /// The port of the node that leads to the container.
    public var hostPort: Int32 = 0
    /// A name for probes and Services.
    public var name = ""
    /// The protocol.
    public var `protocol`: PortProtocol = .tcp

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerPort>([
        .field("containerPort", \.containerPort, always: true),
        .field("hostIP", \.hostIP),
        .field(
            "hostPort",
            \.hostPort,
            .partly("on a node with a network of Pods (--pod-cidr, --cni-conf-dir), or with hostNetwork")
        ),
        .field("name", \.name),
        .field("protocol", \.`protocol`),
    ])
}

/// The protocol of a port.
public enum PortProtocol: String, APIEnum {
    /// SCTP.
    case sctp = "SCTP"
    /// TCP.
    case tcp = "TCP"
    /// UDP.
    case udp = "UDP"
}

/// An exception to a container's restart policy.
public struct ContainerRestartRule: APIObject {
    /// What to do; must be given.
    public var action: RestartRuleAction?
    /// When to do it.
    public var exitCodes: ContainerRestartRuleOnExitCodes?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerRestartRule>([
        .field("action", \.action),
        .field("exitCodes", \.exitCodes),
    ])
}

/// What a restart rule does.
public enum RestartRuleAction: String, APIEnum {
    /// Start the container again.
    case restart = "Restart"
    /// Start every container of the Pod again.
    case restartAllContainers = "RestartAllContainers"
}

/// The exit codes to which a restart rule applies.
public struct ContainerRestartRuleOnExitCodes: APIObject {
    /// Whether it applies to these codes or to all others; must be given.
    public var `operator`: ExitCodeOperator?
    /// The codes.
    public var values: [Int32] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerRestartRuleOnExitCodes>([
        .field("operator", \.`operator`),
        .field("values", \.values),
    ])
}

/// Whether a set of exit codes is meant or its complement.
public enum ExitCodeOperator: String, APIEnum {
    /// One of the codes.
    case `in` = "In"
    /// None of the codes.
    case notIn = "NotIn"
}

/// Where a container mounts a volume.
public struct VolumeMount: APIObject {
    /// The path in the container.
    public var mountPath = ""
    /// Which mounts made later are seen on the other side.
    public var mountPropagation: MountPropagation?
    /// The volume.
    public var name = ""
    /// Whether the container cannot write.
    public var readOnly = false
    /// Whether mounts below are read-only too.
    public var recursiveReadOnly: RecursiveReadOnly?
    /// The path in the volume to mount; its root when empty.
    public var subPath = ""
    /// The same with `$(VAR)` expanded.
    public var subPathExpr = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<VolumeMount>([
        .field("mountPath", \.mountPath, always: true),
        .field(
            "mountPropagation",
            \.mountPropagation,
            .notYet("configuration", unless: [MountPropagation.none])
        ),
        .field("name", \.name, always: true),
        .field("readOnly", \.readOnly),
        .field("recursiveReadOnly", \.recursiveReadOnly, .notYet("configuration", unless: [.disabled])),
        .field("subPath", \.subPath, .notYet("configuration")),
        .field("subPathExpr", \.subPathExpr, .notYet("configuration")),
    ])
}

/// Which mounts made after the start are seen on the other side of a volume mount, mount_namespaces(7).
public enum MountPropagation: String, APIEnum {
    /// Mounts of either side are seen on the other.
    case bidirectional = "Bidirectional"
    /// The container sees mounts of the node.
    case hostToContainer = "HostToContainer"
    /// Neither sees the other's.
    case none = "None"
}

/// Whether a read-only mount covers the mounts below it.
public enum RecursiveReadOnly: String, APIEnum {
    /// It does not.
    case disabled = "Disabled"
    /// It does, if the kernel can.
    case ifPossible = "IfPossible"
    /// It does, or the container does not start.
    case enabled = "Enabled"
}

/// A block device in a container.
public struct VolumeDevice: APIObject {
    /// The path in the container.
    public var devicePath = ""
    /// The volume.
    public var name = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<VolumeDevice>([
        .field("devicePath", \.devicePath, always: true),
        .field("name", \.name, always: true),
    ])
}

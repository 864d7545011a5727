/// What is known of a container.
public struct ContainerStatus: APIObject {
    /// Resources that the node has set aside for it.
    public var allocatedResources: ResourceList = [:]
    /// Always unset: there are no devices here.
    public var allocatedResourcesStatus: [RawObject] = []
    /// `podagent://<id>` of the newest instance.
    public var containerID = ""
    /// The image that it runs.
    public var image = ""
    /// The digest of that image.
    public var imageID = ""
    /// How the instance before the newest one ended.
    public var lastState: ContainerState = .empty
    /// The container.
    public var name = ""
    /// Whether it can serve.
    public var ready = false
    /// Resources in force.
    public var resources: ResourceRequirements?
    /// How often it has been restarted.
    public var restartCount: Int32 = 0
    /// Whether it has started and its startup probe, if any, has succeeded.
    public var started: Bool?
    /// What the newest instance is doing.
    public var state: ContainerState = .empty
    /// The signal that ends it.
    public var stopSignal: String?
    /// Who its first process is.
    public var user: ContainerUser?
    /// What is mounted.
    public var volumeMounts: [VolumeMountStatus] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerStatus>([
        .field("allocatedResources", \.allocatedResources),
        .field("allocatedResourcesStatus", \.allocatedResourcesStatus),
        .field("containerID", \.containerID),
        .field("image", \.image, always: true),
        .field("imageID", \.imageID, always: true),
        .field("lastState", \.lastState),
        .field("name", \.name, always: true),
        .field("ready", \.ready, always: true),
        .field("resources", \.resources),
        .field("restartCount", \.restartCount, always: true),
        .field("started", \.started),
        .field("state", \.state),
        .field("stopSignal", \.stopSignal),
        .field("user", \.user),
        .field("volumeMounts", \.volumeMounts),
    ])
}

/// A container that is not running and has not ended.
public struct ContainerStateWaiting: APIObject {
    /// Why, for people.
    public var message = ""
    /// Why, in one word.
    public var reason = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerStateWaiting>([
        .field("message", \.message),
        .field("reason", \.reason),
    ])
}

/// A container that runs.
public struct ContainerStateRunning: APIObject {
    /// Since when.
    public var startedAt: Timestamp?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerStateRunning>([
        .field("startedAt", \.startedAt, always: true)
    ])
}

/// A container that has ended.
public struct ContainerStateTerminated: APIObject {
    /// The instance.
    public var containerID = ""
    /// The exit code; 128 plus the signal's number after a signal.
    public var exitCode: Int32 = 0
    /// When it ended.
    public var finishedAt: Timestamp?
    /// Its last words.
    public var message = ""
    /// Why it ended, in one word.
    public var reason = ""
    /// The signal that ended it; normally left at 0, as runtimes do.
    public var signal: Int32 = 0
    /// When it began.
    public var startedAt: Timestamp?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerStateTerminated>([
        .field("containerID", \.containerID),
        .field("exitCode", \.exitCode, always: true),
        .field("finishedAt", \.finishedAt, always: true),
        .field("message", \.message),
        .field("reason", \.reason),
        .field("signal", \.signal),
        .field("startedAt", \.startedAt, always: true),
    ])
}

/// Who a container's first process is.
public struct ContainerUser: APIObject {
    /// On Linux.
    public var linux: LinuxContainerUser?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ContainerUser>([
        .field("linux", \.linux)
    ])
}

/// The identity of a process.
public struct LinuxContainerUser: APIObject {
    /// Its GID.
    public var gid: Int64 = 0
    /// Its further groups.
    public var supplementalGroups: [Int64] = []
    /// Its UID.
    public var uid: Int64 = 0

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<LinuxContainerUser>([
        .field("gid", \.gid, always: true),
        .field("supplementalGroups", \.supplementalGroups),
        .field("uid", \.uid, always: true),
    ])
}

/// A mount that is in force.
public struct VolumeMountStatus: APIObject {
    /// Where.
    public var mountPath = ""
    /// The volume.
    public var name = ""
    /// Whether it is read-only.
    public var readOnly = false
    /// Whether the mounts below it are, too.
    public var recursiveReadOnly: RecursiveReadOnly?
    /// About image volumes.
    public var volumeStatus: RawObject?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<VolumeMountStatus>([
        .field("mountPath", \.mountPath, always: true),
        .field("name", \.name, always: true),
        .field("readOnly", \.readOnly),
        .field("recursiveReadOnly", \.recursiveReadOnly),
        .field("volumeStatus", \.volumeStatus),
    ])
}

/// An empty directory that lives as long as the Pod.
public struct EmptyDirVolumeSource: APIObject {
    /// Where it lives: `` for disk, `Memory`, `HugePages` or `HugePages-<size>`.
    public var medium = ""
    /// The most that it may hold.
    public var sizeLimit: Quantity?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<EmptyDirVolumeSource>([
        .field("medium", \.medium, .partly("\"\" (disk) and \"Memory\"")),
        .field("sizeLimit", \.sizeLimit, .partly("with medium Memory")),
    ])
}

/// A file or directory of the node.
public struct HostPathVolumeSource: APIObject {
    /// The path on the node.
    public var path = ""
    /// What must be there, or is made.
    public var type: HostPathType = .unchecked

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<HostPathVolumeSource>([
        .field("path", \.path, always: true),
        .field("type", \.type, always: true),
    ])
}

/// What must be at a hostPath before the containers start.
public enum HostPathType: String, APIEnum {
    /// Nothing is checked.
    case unchecked = ""
    /// A block device.
    case blockDevice = "BlockDevice"
    /// A character device.
    case charDevice = "CharDevice"
    /// A directory.
    case directory = "Directory"
    /// A directory, made with mode 0755 if missing.
    case directoryOrCreate = "DirectoryOrCreate"
    /// A file.
    case file = "File"
    /// A file, made with mode 0644 if missing.
    case fileOrCreate = "FileOrCreate"
    /// A Unix socket.
    case socket = "Socket"
}

/// The keys of a ConfigMap as files.
public struct ConfigMapVolumeSource: APIObject {
    /// The files' mode.
    public var defaultMode: Int32 = 0o644
    /// Which keys; all when empty.
    public var items: [KeyToPath] = []
    /// The ConfigMap.
    public var name = ""
    /// Whether it may be missing.
    public var optional: Bool?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ConfigMapVolumeSource>([
        .field("defaultMode", \.defaultMode, always: true),
        .field("items", \.items),
        .field("name", \.name),
        .field("optional", \.optional),
    ])
}

/// The keys of a Secret as files.
public struct SecretVolumeSource: APIObject {
    /// The files' mode.
    public var defaultMode: Int32 = 0o644
    /// Which keys; all when empty.
    public var items: [KeyToPath] = []
    /// Whether it may be missing.
    public var optional: Bool?
    /// The Secret.
    public var secretName = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<SecretVolumeSource>([
        .field("defaultMode", \.defaultMode, always: true),
        .field("items", \.items),
        .field("optional", \.optional),
        .field("secretName", \.secretName),
    ])
}

/// A key and the file that it becomes.
public struct KeyToPath: APIObject {
    /// The key.
    public var key = ""
    /// The file's mode.
    public var mode: Int32?
    /// The path, relative to the volume's root.
    public var path = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<KeyToPath>([
        .field("key", \.key, always: true),
        .field("mode", \.mode),
        .field("path", \.path, always: true),
    ])
}

/// Fields of the Pod as files.
public struct DownwardAPIVolumeSource: APIObject {
    /// The files' mode.
    public var defaultMode: Int32 = 0o644
    /// The files.
    public var items: [DownwardAPIVolumeFile] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<DownwardAPIVolumeSource>([
        .field("defaultMode", \.defaultMode, always: true),
        .field("items", \.items),
    ])
}

/// A file that shows a field of the Pod.
public struct DownwardAPIVolumeFile: APIObject {
    /// The field.
    public var fieldRef: ObjectFieldSelector?
    /// The file's mode.
    public var mode: Int32?
    /// The path, relative to the volume's root.
    public var path = ""
    /// The resource of a container.
    public var resourceFieldRef: ResourceFieldSelector?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<DownwardAPIVolumeFile>([
        .field("fieldRef", \.fieldRef),
        .field("mode", \.mode),
        .field("path", \.path, always: true),
        .field("resourceFieldRef", \.resourceFieldRef),
    ])
}

/// The files of an image.
public struct ImageVolumeSource: APIObject {
    /// When the image is fetched; always set after defaulting.
    public var pullPolicy: PullPolicy?
    /// The image reference.
    public var reference = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ImageVolumeSource>([
        .field("pullPolicy", \.pullPolicy),
        .field("reference", \.reference),
    ])
}

/// An NFS export.
public struct NFSVolumeSource: APIObject {
    /// The exported path.
    public var path = ""
    /// Whether it is mounted read-only.
    public var readOnly = false
    /// The server.
    public var server = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<NFSVolumeSource>([
        .field("path", \.path, always: true),
        .field("readOnly", \.readOnly),
        .field("server", \.server, always: true),
    ])
}

/// A claim by name.
public struct PersistentVolumeClaimVolumeSource: APIObject {
    /// The claim.
    public var claimName = ""
    /// Whether it is mounted read-only.
    public var readOnly = false

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PersistentVolumeClaimVolumeSource>([
        .field("claimName", \.claimName, always: true),
        .field("readOnly", \.readOnly),
    ])
}

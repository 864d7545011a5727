/// Identity and privileges of a container.
public struct SecurityContext: APIObject {
    /// Whether a process may gain more privileges than its parent; false sets no_new_privs.
    public var allowPrivilegeEscalation: Bool?
    /// The AppArmor profile.
    public var appArmorProfile: AppArmorProfile?
    /// Capabilities over or under the default set.
    public var capabilities: Capabilities?
    /// Whether the container is as good as root on the node.
    public var privileged: Bool?
    /// Which paths of /proc are hidden.
    public var procMount: ProcMountType?
    /// Whether the root file system is read-only.
    public var readOnlyRootFilesystem: Bool?
    /// The GID of the process.
    public var runAsGroup: Int64?
    /// Whether a container that would run as root is refused.
    public var runAsNonRoot: Bool?
    /// The UID of the process.
    public var runAsUser: Int64?
    /// The SELinux label.
    public var seLinuxOptions: SELinuxOptions?
    /// The filter of system calls.
    public var seccompProfile: SeccompProfile?
    /// Windows settings.
    public var windowsOptions: RawObject?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<SecurityContext>([
        .field("allowPrivilegeEscalation", \.allowPrivilegeEscalation),
        .field("appArmorProfile", \.appArmorProfile, .notYet("confinement", unless: [.unconfined])),
        .field("capabilities", \.capabilities),
        .field("privileged", \.privileged, .notYet("confinement", unless: [false])),
        .field("procMount", \.procMount, .notYet("confinement", unless: [.default])),
        .field("readOnlyRootFilesystem", \.readOnlyRootFilesystem),
        .field("runAsGroup", \.runAsGroup),
        .field("runAsNonRoot", \.runAsNonRoot),
        .field("runAsUser", \.runAsUser),
        .field("seLinuxOptions", \.seLinuxOptions, .notYet("confinement", unless: [SELinuxOptions()])),
        .field("seccompProfile", \.seccompProfile, .notYet("confinement", unless: [.unconfined])),
        .field("windowsOptions", \.windowsOptions, .refused("for Windows only")),
    ])
}

/// Identity and privileges of a Pod's containers, where they do not say otherwise.
public struct PodSecurityContext: APIObject {
    /// The AppArmor profile.
    public var appArmorProfile: AppArmorProfile?
    /// The GID that owns the volumes.
    public var fsGroup: Int64?
    /// When the owner of a volume's files is changed.
    public var fsGroupChangePolicy: FSGroupChangePolicy?
    /// The GID of the processes.
    public var runAsGroup: Int64?
    /// Whether containers that would run as root are refused.
    public var runAsNonRoot: Bool?
    /// The UID of the processes.
    public var runAsUser: Int64?
    /// How volumes get their SELinux label.
    public var seLinuxChangePolicy: String?
    /// The SELinux label.
    public var seLinuxOptions: SELinuxOptions?
    /// The filter of system calls.
    public var seccompProfile: SeccompProfile?
    /// Further GIDs of the processes.
    public var supplementalGroups: [Int64] = []
    /// Whether the groups of the image's /etc/group count.
    public var supplementalGroupsPolicy: SupplementalGroupsPolicy?
    /// Kernel parameters of the Pod's namespaces.
    public var sysctls: [Sysctl] = []
    /// Windows settings.
    public var windowsOptions: RawObject?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodSecurityContext>([
        .field("appArmorProfile", \.appArmorProfile, .notYet("confinement", unless: [.unconfined])),
        .field("fsGroup", \.fsGroup, .notYet("configuration")),
        .field("fsGroupChangePolicy", \.fsGroupChangePolicy, .notYet("configuration")),
        .field("runAsGroup", \.runAsGroup),
        .field("runAsNonRoot", \.runAsNonRoot),
        .field("runAsUser", \.runAsUser),
        .field("seLinuxChangePolicy", \.seLinuxChangePolicy, .notYet("confinement")),
        .field("seLinuxOptions", \.seLinuxOptions, .notYet("confinement", unless: [SELinuxOptions()])),
        .field("seccompProfile", \.seccompProfile, .notYet("confinement", unless: [.unconfined])),
        .field("supplementalGroups", \.supplementalGroups),
        .field(
            "supplementalGroupsPolicy",
            \.supplementalGroupsPolicy,
            .notYet("confinement", unless: [.merge])
        ),
        .field("sysctls", \.sysctls),
        .field("windowsOptions", \.windowsOptions, .refused("for Windows only")),
    ])
}

/// Which paths of /proc are hidden.
public enum ProcMountType: String, APIEnum {
    /// The usual ones.
    case `default` = "Default"
    /// None.
    case unmasked = "Unmasked"
}

/// When the owner of a volume's files is changed.
public enum FSGroupChangePolicy: String, APIEnum {
    /// Whenever it is mounted.
    case always = "Always"
    /// When its root does not match.
    case onRootMismatch = "OnRootMismatch"
}

/// Where supplementary groups come from.
public enum SupplementalGroupsPolicy: String, APIEnum {
    /// From the Pod and the image's /etc/group.
    case merge = "Merge"
    /// From the Pod only.
    case strict = "Strict"
}

/// Capabilities over or under the default set, without the prefix `CAP_`; `ALL` means all.
public struct Capabilities: APIObject {
    /// Given in addition.
    public var add: [String] = []
    /// Taken away.
    public var drop: [String] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Capabilities>([
        .field("add", \.add),
        .field("drop", \.drop),
    ])
}

/// Where a seccomp or AppArmor profile comes from.
public enum ProfileType: String, APIEnum {
    /// From a file or a profile loaded on the node.
    case localhost = "Localhost"
    /// podagent's own default.
    case runtimeDefault = "RuntimeDefault"
    /// No profile.
    case unconfined = "Unconfined"
}

/// A filter of system calls.
public struct SeccompProfile: APIObject {
    /// The file, relative to the directory of profiles.
    public var localhostProfile: String?
    /// Where the filter comes from; must be given.
    public var type: ProfileType?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<SeccompProfile>([
        .field("localhostProfile", \.localhostProfile),
        .field("type", \.type),
    ])
}

/// An AppArmor profile.
public struct AppArmorProfile: APIObject {
    /// The loaded profile.
    public var localhostProfile: String?
    /// Where the profile comes from; must be given.
    public var type: ProfileType?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<AppArmorProfile>([
        .field("localhostProfile", \.localhostProfile),
        .field("type", \.type),
    ])
}

/// An SELinux label.
public struct SELinuxOptions: APIObject {
    /// The level.
    public var level = ""
    /// The role.
    public var role = ""
    /// The type.
    public var type = ""
    /// The user.
    public var user = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<SELinuxOptions>([
        .field("level", \.level),
        .field("role", \.role),
        .field("type", \.type),
        .field("user", \.user),
    ])
}

/// A kernel parameter, sysctl(8).
public struct Sysctl: APIObject {
    /// The parameter.
    public var name = ""
    /// Its value.
    public var value = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Sysctl>([
        .field("name", \.name, always: true),
        .field("value", \.value, always: true),
    ])
}

extension SeccompProfile {
    /// No filter.
    static let unconfined = SeccompProfile(type: .unconfined)

    /// Makes one that needs no file.
    public init(type: ProfileType) { self.type = type }
}

extension AppArmorProfile {
    /// No profile.
    static let unconfined = AppArmorProfile(type: .unconfined)

    /// Makes one that needs no name.
    public init(type: ProfileType) { self.type = type }
}

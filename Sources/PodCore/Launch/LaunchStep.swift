/// A place where a launch plan keeps a descriptor. The first ones are filled by the shim; those from ``passed`` on are
/// the descriptors that came with the plan, in order.
public struct Slot: Hashable, Sendable {
    /// The number, `enum cns_slot` in CNamespaces.
    public let number: UInt16

    init(_ number: UInt16) { self.number = number }

    /// The pidfd of the Pod's pause process.
    public static let pause = Slot(0)
    /// The pidfd of the container that an exec joins.
    public static let target = Slot(1)
    /// The first descriptor that came with the plan.
    public static let passed = Slot(8)
    /// No descriptor.
    public static let none = Slot(0xffff)
    /// How many slots there are.
    public static let countMax = 512

    /// The slot of the descriptor that came with the plan at `index`.
    public static func passed(_ index: Int) -> Slot { Slot(passed.number + UInt16(index)) }
}

/// One thing that a process does between clone3 and execve. See `enum cns_op` for what each means to the kernel.
public enum LaunchStep: Hashable, Sendable {
    case join(Slot, Namespaces)
    case unshare(Namespaces)
    case makeMountsPrivate
    case open(path: String, into: Slot, directory: Bool)
    case changeDirectory(String)
    case mountOverlay(target: String, options: String)
    case newFilesystem(type: String, options: String, attributes: MountAttributes, into: Slot)
    case cloneTree(path: String, into: Slot)
    case setAttributes(Slot, MountAttributes, recursive: Bool)
    case attach(Slot, path: String, beneath: Slot, MountPoint)
    case attachHere(Slot, on: Slot)
    case makeDirectory(String, beneath: Slot, mode: UInt32)
    case makeDevice(String, beneath: Slot, major: UInt32, minor: UInt32)
    case symlink(String, to: String, beneath: Slot)
    case mask(String, beneath: Slot, devices: Slot)
    case readOnly(String, beneath: Slot)
    case pivotRoot(Slot)
    case setHostname(String)
    case bringLoopbackUp
    /// Sends a message over the socket in the slot, or over one of the process's own network namespace; the descriptor
    /// whose number the message wants is that in `namespace`.
    case netlink(NetlinkMessage, over: Slot, namespace: Slot)
    case newSession
    case openTerminal(devpts: Slot, devices: Slot, owner: UInt32, rows: UInt16, columns: UInt16)
    case connectStandardStreams(nullFrom: Slot, owner: UInt32)
    case setUmask(UInt32)
    case write(path: String, text: String)
    case changeWorkingDirectory(String)
    case limitBoundingSet(CapabilitySet)
    case setGroups([UInt32])
    case setIdentity(user: UInt32, group: UInt32)
    case setCapabilities(CapabilitySet)
    case forbidNewPrivileges
    case execute(arguments: [String], environment: [String], searchPath: String)
    case becomePause
    /// The step inside may fail: what the kernel may lack, or an unprivileged host may not allow.
    indirect case ifPossible(LaunchStep)
}

/// How a mount point is found and what is made when it is missing.
public enum MountPoint: Hashable, Sendable {
    /// A directory of the runtime's own (`/proc`, `/dev`): a link that an image put there is replaced.
    case ownDirectory
    /// A file of the runtime's own (`/etc/hosts`): a link that an image put there is replaced.
    case ownFile
    /// Where the Pod asks for a directory: links in the image are followed inside the root.
    case directory
    /// Where the Pod asks for a file.
    case file
}

/// Kinds of namespace, as clone(2) numbers them.
public struct Namespaces: OptionSet, Hashable, Sendable {
    /// The bits as the kernel has them.
    public let rawValue: UInt64

    /// A set of these bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// `CLONE_NEWNS`
    public static let mount = Namespaces(rawValue: 0x0002_0000)
    /// `CLONE_NEWCGROUP`
    public static let cgroup = Namespaces(rawValue: 0x0200_0000)
    /// `CLONE_NEWUTS`
    public static let uts = Namespaces(rawValue: 0x0400_0000)
    /// `CLONE_NEWIPC`
    public static let ipc = Namespaces(rawValue: 0x0800_0000)
    /// `CLONE_NEWPID`
    public static let pid = Namespaces(rawValue: 0x2000_0000)
    /// `CLONE_NEWNET`
    public static let network = Namespaces(rawValue: 0x4000_0000)
}

/// Attributes of a mount, as mount_setattr(2) numbers them.
public struct MountAttributes: OptionSet, Hashable, Sendable {
    /// The bits as the kernel has them.
    public let rawValue: UInt64

    /// A set of these bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// `MOUNT_ATTR_RDONLY`
    public static let readOnly = MountAttributes(rawValue: 1)
    /// `MOUNT_ATTR_NOSUID`
    public static let noSetUserID = MountAttributes(rawValue: 2)
    /// `MOUNT_ATTR_NODEV`
    public static let noDevices = MountAttributes(rawValue: 4)
    /// `MOUNT_ATTR_NOEXEC`
    public static let noExecution = MountAttributes(rawValue: 8)
    /// `MOUNT_ATTR_STRICTATIME`
    public static let strictAccessTime = MountAttributes(rawValue: 0x20)

    /// What every filesystem of the kernel's own is mounted with.
    public static let quiet: MountAttributes = [.noSetUserID, .noDevices, .noExecution]
}

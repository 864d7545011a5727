/// What the pause process of a Pod needs to know, and the plan that makes it.
public struct PauseLaunch: Hashable, Sendable {
    /// The namespaces that belong to the Pod; the others are the node's.
    public var namespaces: Namespaces
    /// The kernel host name, at most 64 bytes. Ignored when the UTS namespace is the node's.
    public var hostname: String
    /// `emptyDir` volumes in memory: they live in pause's mount namespace, and vanish with it.
    public var memoryVolumes: [MemoryVolume]
    /// Kernel parameters that the Pod asks for, of namespaces that are its own.
    public var sysctls: [PodSysctl]
    /// The Pod's link to the others; nil when it has loopback alone. With it, the first descriptor that comes with the
    /// plan is a netlink socket of the node.
    public var link: PodLink?
    /// An empty directory of the runtime's own, on which pause's root is mounted inside its own mount namespace.
    public var emptyDirectory: String

    /// A tmpfs that the Pod's containers share.
    public struct MemoryVolume: Hashable, Sendable {
        /// The volume's name, a DNS label.
        public var name: String
        /// Bytes; nil for the kernel's default, half of the memory.
        public var sizeLimit: UInt64?

        /// Makes the description.
        public init(name: String, sizeLimit: UInt64?) {
            self.name = name
            self.sizeLimit = sizeLimit
        }

        /// Where it is mounted beneath pause's root.
        static func path(_ name: String) -> String { "volumes/\(name)" }
    }

    /// Makes the description.
    public init(
        namespaces: Namespaces,
        hostname: String,
        memoryVolumes: [MemoryVolume] = [],
        sysctls: [PodSysctl] = [],
        link: PodLink? = nil,
        emptyDirectory: String
    ) {
        self.namespaces = namespaces
        self.hostname = hostname
        self.memoryVolumes = memoryVolumes
        self.sysctls = sysctls
        self.link = link
        self.emptyDirectory = emptyDirectory
    }

    /// The device nodes that every container gets (reference §11.5). They stand on pause's own root, from where each
    /// container takes a read-only copy of the mount: a container can use them and change nothing about them, and
    /// every other place it may write to is mounted `nodev`, so that a node it makes itself is of no use.
    static let devices: [(name: String, major: UInt32, minor: UInt32)] = [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ]

    /// The steps, in an order that matters:
    /// settings through the node's /proc before the root is left; the root's content before it turns read-only;
    /// mounting before the capabilities go.
    public var plan: LaunchPlan {
        let root = Slot.scratch(0)
        let place = Slot.scratch(1)
        let shared = Slot.scratch(2)
        var steps: [LaunchStep] = [
            // Lowering wants CAP_SYS_RESOURCE.
            .ifPossible(.write(path: "/proc/self/oom_score_adj", text: "-998"))
        ]
        if namespaces.contains(.uts) { steps.append(.setHostname(hostname)) }
        if namespaces.contains(.network) { steps += networkSteps }
        // After the link, so that its own parameters are there as well. /proc/sys is that of whoever opens a file of it.
        steps += sysctls.map { .write(path: $0.path, text: $0.value) }
        steps += [
            .makeMountsPrivate,  // or every mount below shows up on the host
            .newFilesystem(
                type: "tmpfs",
                options: "mode=755,size=64k",
                attributes: [.noSetUserID, .noExecution],
                into: root
            ),
            .open(path: emptyDirectory, into: place, directory: true),
            .attachHere(root, on: place),
        ]
        steps += Self.devices.map {
            .makeDevice($0.name, beneath: root, major: $0.major, minor: $0.minor)
        }
        for volume in memoryVolumes {
            let options = volume.sizeLimit.map { "mode=777,size=\($0)" } ?? "mode=777"
            steps += [
                .newFilesystem(
                    type: "tmpfs",
                    options: options,
                    attributes: [.noSetUserID, .noDevices],
                    into: shared
                ),
                .attach(shared, path: MemoryVolume.path(volume.name), beneath: root, .ownDirectory),
            ]
        }
        steps += [
            .newFilesystem(type: "tmpfs", options: "mode=1777,size=64m", attributes: .quiet, into: shared),
            .attach(shared, path: "shm", beneath: root, .ownDirectory),
            .setAttributes(root, .readOnly, recursive: false),
            .pivotRoot(root),
            .limitBoundingSet(.empty),
            .setGroups([]),
            .setCapabilities(.empty),
            .forbidNewPrivileges,
            .becomePause,
        ]
        return LaunchPlan(steps: steps)
    }

    /// Loopback, and what containerd sets so that a container without root can bind port 80 and use ping, unless the Pod
    /// asks for something else (reference §7.1).
    private var networkSteps: [LaunchStep] {
        let settings = "/proc/sys/net/ipv4"
        let usual = [("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 2147483647")]
        let wanted = usual.filter { name, _ in !sysctls.contains { $0.name == "net.ipv4.\(name)" } }
        // The settings first: a link takes them over as it comes.
        let own = link?.steps(socket: .passed(0), scratch: .scratch(0)) ?? []
        return [.bringLoopbackUp]
            + wanted.map { .ifPossible(.write(path: "\(settings)/\($0)", text: $1)) } + own
    }
}

extension Slot {
    /// A slot for a descriptor that the plan opens itself.
    static func scratch(_ index: Int) -> Slot { Slot(scratchStart + UInt16(index)) }
}

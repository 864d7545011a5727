/// What a container needs to know, and the plan that makes its first process.
public struct ContainerLaunch: Hashable, Sendable {
    /// Where the root filesystem comes from.
    public enum Root: Hashable, Sendable {
        /// Unpacked layers beneath one directory, the topmost first.
        case layers(directory: String, names: [String])
        /// A directory of the node.
        case directory(String)
    }

    /// Something mounted into the container.
    public struct Mount: Hashable, Sendable {
        /// Where it is found when the plan runs.
        public enum Source: Hashable, Sendable {
            /// A detached mount whose descriptor comes with the plan; these come in the order of the list.
            case passed
            /// A volume in memory, taken from pause's mount namespace.
            case memoryVolume(String)
        }

        /// Where it is found.
        public var source: Source
        /// An absolute path inside the container.
        public var path: String
        /// Whether the container may only read it.
        public var readOnly: Bool
        /// Whether what is mounted is a directory.
        public var isDirectory: Bool
        /// The runtime's own files (`/etc/hosts`): a link in their place is replaced, not followed.
        public var isOwn: Bool

        /// Makes the description.
        public init(source: Source = .passed, path: String, readOnly: Bool, isDirectory: Bool, isOwn: Bool) {
            self.source = source
            self.path = path
            self.readOnly = readOnly
            self.isDirectory = isDirectory
            self.isOwn = isOwn
        }
    }

    /// The Pod's namespaces that the container joins, apart from the PID namespace it is born in.
    public var namespaces: Namespaces
    /// What the container finds at `/`, beneath what it writes itself.
    public var root: Root
    /// Directories of the runtime's own for this instance: what the container writes, overlayfs's work directory, and
    /// the place where the root is mounted inside the container's own mount namespace.
    public var upperDirectory: String
    /// See ``upperDirectory``.
    public var workDirectory: String
    /// See ``upperDirectory``.
    public var rootTarget: String
    /// `securityContext.readOnlyRootFilesystem`.
    public var readOnlyRoot: Bool
    /// Volumes and the runtime's own files, in any order.
    public var mounts: [Mount]
    /// `/dev/shm` is the node's (`hostIPC`), and comes as the last passed mount.
    public var hostSharedMemory: Bool
    /// Whether the process gets a terminal of its own instead of pipes.
    public var terminal: Bool
    /// The numbers of the node's CPUs that show how often they were throttled for heat, which tells a container what
    /// others do; beneath `/sys/devices/system/cpu`.
    public var throttledCPUs: [Int]
    /// Who the process is and what it runs.
    public var process: ProcessLaunch

    /// Makes the description.
    public init(
        namespaces: Namespaces,
        root: Root,
        upperDirectory: String,
        workDirectory: String,
        rootTarget: String,
        readOnlyRoot: Bool,
        mounts: [Mount],
        hostSharedMemory: Bool,
        terminal: Bool,
        throttledCPUs: [Int] = [],
        process: ProcessLaunch
    ) {
        self.namespaces = namespaces
        self.root = root
        self.upperDirectory = upperDirectory
        self.workDirectory = workDirectory
        self.rootTarget = rootTarget
        self.readOnlyRoot = readOnlyRoot
        self.mounts = mounts
        self.hostSharedMemory = hostSharedMemory
        self.terminal = terminal
        self.throttledCPUs = throttledCPUs
        self.process = process
    }

    /// Hidden from every container (reference §11.3), beneath `/proc` and `/sys`; ``throttledCPUs`` adds to them.
    static let maskedPaths = (
        proc: [
            "asound", "acpi", "interrupts", "kcore", "keys", "latency_stats", "timer_list", "timer_stats",
            "sched_debug", "scsi",
        ],
        sys: ["firmware", "devices/virtual/powercap"]
    )

    /// Read-only for every container (reference §11.3), beneath `/proc`.
    static let readOnlyPaths = ["bus", "fs", "irq", "sys", "sysrq-trigger"]

    private enum Slots {
        static let hostMounts = Slot.scratch(0)
        static let root = Slot.scratch(1)
        static let proc = Slot.scratch(2)
        static let dev = Slot.scratch(3)
        static let devpts = Slot.scratch(4)
        static let sharedMemory = Slot.scratch(5)
        static let messageQueues = Slot.scratch(6)
        static let sys = Slot.scratch(7)
        static let cgroup = Slot.scratch(8)
        static func device(_ index: Int) -> Slot { Slot.scratch(16 + index) }
        static func memoryVolume(_ index: Int) -> Slot { Slot.scratch(32 + index) }
    }

    /// Where the descriptor of the mount at `index` is found.
    private func slot(ofMount index: Int) -> Slot {
        switch mounts[index].source {
        case .passed: Slot.passed(mounts[..<index].count { $0.source == .passed })
        case .memoryVolume: Slots.memoryVolume(mounts[..<index].count { $0.source != .passed })
        }
    }

    /// The steps. Each group says what it relies on.
    public var plan: LaunchPlan {
        var steps: [LaunchStep] = [process.adjustOOMScore]
        steps += joinSteps
        steps += rootSteps
        steps += kernelFilesystemSteps
        steps += mounts.indices.sorted(by: mountedEarlier).flatMap(mountSteps)
        steps += confinementSteps
        steps.append(.newSession)
        if terminal {
            steps.append(
                .openTerminal(
                    devpts: Slots.devpts,
                    devices: Slots.dev,
                    owner: process.user,
                    rows: 0,
                    columns: 0
                )
            )
        } else {
            steps.append(.connectStandardStreams(nullFrom: Slots.dev, owner: process.user))
        }
        steps.append(.pivotRoot(Slots.root))
        return LaunchPlan(steps: steps + process.finalSteps)
    }

    /// Copies of pause's device nodes and of the Pod's /dev/shm can only be made inside pause's mount namespace;
    /// afterwards the node's is entered again, because the layers are found there.
    private var joinSteps: [LaunchStep] {
        var steps: [LaunchStep] = []
        if !namespaces.isEmpty { steps.append(.join(.pause, namespaces)) }
        steps += [
            .open(path: "/proc/self/ns/mnt", into: Slots.hostMounts, directory: false), .join(.pause, .mount),
        ]
        for (index, device) in PauseLaunch.devices.enumerated() {
            steps.append(.cloneTree(path: "/\(device.name)", into: Slots.device(index)))
        }
        if !hostSharedMemory { steps.append(.cloneTree(path: "/shm", into: Slots.sharedMemory)) }
        for (index, mount) in mounts.enumerated() {
            guard case .memoryVolume(let name) = mount.source else { continue }
            let path = "/" + PauseLaunch.MemoryVolume.path(name)
            steps.append(.cloneTree(path: path, into: slot(ofMount: index)))
        }
        steps += [.join(Slots.hostMounts, .mount), .unshare([.mount, .cgroup])]
        steps.append(.makeMountsPrivate)  // or every mount below shows up on the host
        return steps
    }

    /// The overlay is mounted by path, since its options are more than fsconfig(2) takes, onto a directory that only
    /// the runtime can reach. The layers are named relative to their directory to fit in one page.
    private var rootSteps: [LaunchStep] {
        let directory: String
        let lower: String
        switch root {
        case .layers(let path, let names): (directory, lower) = (path, names.joined(separator: ":"))
        case .directory(let path): (directory, lower) = (path, ".")
        }
        let options = "lowerdir=\(lower),upperdir=\(upperDirectory),workdir=\(workDirectory)"
        return [
            .changeDirectory(directory),
            .mountOverlay(target: rootTarget, options: options),
            .open(path: rootTarget, into: Slots.root, directory: true),
        ]
    }

    private var kernelFilesystemSteps: [LaunchStep] {
        let root = Slots.root
        let dev = Slots.dev
        var steps: [LaunchStep] = [
            .newFilesystem(type: "proc", options: "", attributes: .quiet, into: Slots.proc),
            .attach(Slots.proc, path: "proc", beneath: root, .ownDirectory),
            .newFilesystem(
                type: "tmpfs",
                options: "mode=755,size=65536k",
                attributes: [.noSetUserID, .noDevices, .strictAccessTime],
                into: dev
            ),
            .attach(dev, path: "dev", beneath: root, .ownDirectory),
        ]
        for (index, device) in PauseLaunch.devices.enumerated() {
            let slot = Slots.device(index)
            // Read-only: the node stays usable, its owner and mode cannot be changed.
            steps.append(.setAttributes(slot, [.readOnly, .noSetUserID, .noExecution], recursive: false))
            steps.append(.attach(slot, path: device.name, beneath: dev, .ownFile))
        }
        steps += [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"), ("core", "/proc/kcore"), ("ptmx", "pts/ptmx"),
        ].map { .symlink($0.0, to: $0.1, beneath: dev) }
        let shared =
            hostSharedMemory ? Slot.passed(mounts.count { $0.source == .passed }) : Slots.sharedMemory
        steps += [
            .newFilesystem(
                type: "devpts",
                options: "newinstance,ptmxmode=0666,mode=0620,gid=5",
                attributes: [.noSetUserID, .noExecution],
                into: Slots.devpts
            ),
            .attach(Slots.devpts, path: "pts", beneath: dev, .ownDirectory),
            .attach(shared, path: "shm", beneath: dev, .ownDirectory),
            .ifPossible(
                .newFilesystem(type: "mqueue", options: "", attributes: .quiet, into: Slots.messageQueues)
            ),
            .ifPossible(.attach(Slots.messageQueues, path: "mqueue", beneath: dev, .ownDirectory)),
            .newFilesystem(type: "sysfs", options: "", attributes: [.quiet, .readOnly], into: Slots.sys),
            .attach(Slots.sys, path: "sys", beneath: root, .ownDirectory),
            .newFilesystem(
                type: "cgroup2",
                options: "",
                attributes: [.quiet, .readOnly],
                into: Slots.cgroup
            ),
            .attach(Slots.cgroup, path: "fs/cgroup", beneath: Slots.sys, .ownDirectory),
        ]
        return steps
    }

    /// Shallow paths first, so that `/a/b` lands on top of `/a`; equal depths in the order of the spec.
    private func mountedEarlier(_ a: Int, _ b: Int) -> Bool {
        let depths = (depth(mounts[a].path), depth(mounts[b].path))
        return depths.0 == depths.1 ? a < b : depths.0 < depths.1
    }

    private func depth(_ path: String) -> Int { path.split(separator: "/").count }

    private func mountSteps(_ index: Int) -> [LaunchStep] {
        let mount = mounts[index]
        let slot = slot(ofMount: index)
        let point: MountPoint =
            switch (mount.isOwn, mount.isDirectory) {
            case (true, true): .ownDirectory
            case (true, false): .ownFile
            case (false, true): .directory
            case (false, false): .file
            }
        // Devices on volumes would be a way around the container's own few, and one that it may write to beneath a
        // volume is as good as the volume. The propagation turns private in the same call, so that nothing mounted
        // here is seen outside.
        var steps: [LaunchStep] = [.setAttributes(slot, .noDevices, recursive: true)]
        // Of the volume itself only, as in Kubernetes without `recursiveReadOnly`.
        if mount.readOnly { steps.append(.setAttributes(slot, [.noDevices, .readOnly], recursive: false)) }
        return steps + [.attach(slot, path: mount.path, beneath: Slots.root, point)]
    }

    /// After the last mount, while the root can still be written: the working directory. Then nothing is.
    private var confinementSteps: [LaunchStep] {
        var steps: [LaunchStep] = []
        steps += Self.maskedPaths.proc.map { .mask($0, beneath: Slots.proc, devices: Slots.dev) }
        let throttling = throttledCPUs.map { "devices/system/cpu/cpu\($0)/thermal_throttle" }
        steps += (Self.maskedPaths.sys + throttling).map { .mask($0, beneath: Slots.sys, devices: Slots.dev) }
        steps += Self.readOnlyPaths.map { .readOnly($0, beneath: Slots.proc) }
        steps.append(.makeDirectory(process.workingDirectory, beneath: Slots.root, mode: 0o755))
        if readOnlyRoot {
            steps.append(.setAttributes(Slots.root, [.readOnly, .noDevices], recursive: false))
        }
        return steps
    }
}

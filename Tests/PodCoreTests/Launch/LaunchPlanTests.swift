import Testing

@testable import PodCore

/// What plan results from what a Pod asks for.
struct LaunchPlanTests {
    private func process(_ change: (inout ProcessLaunch) -> Void = { _ in }) -> ProcessLaunch {
        var process = ProcessLaunch(
            arguments: ["/bin/web"],
            environment: ["PATH=/bin"],
            workingDirectory: "/srv",
            user: 0,
            group: 0,
            groups: [0],
            capabilities: .standard,
            forbidsNewPrivileges: false,
            oomScoreAdjustment: 1000
        )
        change(&process)
        return process
    }

    private func container(_ change: (inout ContainerLaunch) -> Void = { _ in }) -> ContainerLaunch {
        var launch = ContainerLaunch(
            namespaces: [.network, .uts, .ipc],
            root: .layers(directory: "/layers", names: ["top", "base"]),
            upperDirectory: "/c/upper",
            workDirectory: "/c/work",
            rootTarget: "/run/root",
            readOnlyRoot: false,
            mounts: [],
            hostSharedMemory: false,
            terminal: false,
            process: process()
        )
        change(&launch)
        return launch
    }

    /// The plan as `podagent plan` prints it, without slot numbers.
    private func text(_ plan: LaunchPlan) -> [String] {
        plan.steps.map { $0.description.replacing(#/ (as|in|beneath) (fd|passed):\d+/#, with: "") }
    }

    private func index(_ lines: [String], _ prefix: String) throws -> Int {
        try #require(lines.firstIndex { $0.hasPrefix(prefix) }, "no \(prefix) in \(lines)")
    }

    // MARK: Confinement

    @Test("exactly the documented paths are masked")
    func masks() {
        let masked = container().plan.steps.compactMap { step in
            if case .mask(let path, let slot, _) = step {
                return "\(slot.number - 256) \(path)"
            } else {
                return nil
            }
        }
        // 2 is /proc, 7 is /sys. Reference §11.3.
        #expect(
            masked == [
                "2 asound", "2 acpi", "2 interrupts", "2 kcore", "2 keys", "2 latency_stats", "2 timer_list",
                "2 timer_stats",
                "2 sched_debug", "2 scsi", "7 firmware", "7 devices/virtual/powercap",
            ]
        )
        let cpus = container { $0.throttledCPUs = [0, 3] }.plan.steps.compactMap { step in
            if case .mask(let path, _, _) = step, path.contains("cpu/") { return path } else { return nil }
        }
        #expect(
            cpus == ["devices/system/cpu/cpu0/thermal_throttle", "devices/system/cpu/cpu3/thermal_throttle"]
        )
    }

    @Test("exactly the documented paths are read-only")
    func readOnlyPaths() {
        let paths = container().plan.steps.compactMap { step in
            if case .readOnly(let path, _) = step { return path } else { return nil }
        }
        #expect(paths == ["bus", "fs", "irq", "sys", "sysrq-trigger"])
    }

    @Test("the kernel's filesystems have the documented options")
    func kernelFilesystems() {
        let made = text(container().plan).filter { $0.hasPrefix("fsmount") }
        #expect(
            made
                == [
                    "fsmount proc nosuid,nodev,noexec",
                    "fsmount tmpfs nosuid,nodev,strictatime,mode=755,size=65536k",
                    "fsmount devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
                    "fsmount mqueue nosuid,nodev,noexec (if possible)",
                    "fsmount sysfs ro,nosuid,nodev,noexec",
                    "fsmount cgroup2 ro,nosuid,nodev,noexec",
                ]
        )
    }

    @Test(
        "what needs a right stands before the step that gives it up, and all mounting before the root is left"
    )
    func order() throws {
        let lines = text(container { $0.process.forbidsNewPrivileges = true }.plan)
        let order = [
            "write 1000 to /proc/self/oom_score_adj", "setns pause uts,ipc,net", "setns pause mnt",
            "unshare mnt,cgroup",
            "mount / rprivate", "chdir /layers", "mount overlay on /run/root", "fsmount proc", "mask asound",
            "make read-only bus",
            "mkdir /srv 755", "setsid", "connect stdin, stdout, stderr", "pivot_root", "umask 022",
            "chdir /srv",
            "limit bounding set", "setgroups 0", "setresuid 0, setresgid 0", "capset CHOWN",
            "set no_new_privs", "exec /bin/web",
        ]
        let places = try order.map { try index(lines, $0) }
        #expect(places == places.sorted(), "\(lines)")
        #expect(places.last == lines.count - 1)
    }

    @Test(
        "only root keeps capabilities, and the bounding set is the container's in any case",
        arguments: [(UInt32(0), CapabilitySet.standard), (1000, .empty), (65_534, .empty)]
    )
    func capabilities(_ user: UInt32, _ kept: CapabilitySet) {
        for plan in [
            container { $0.process.user = user }.plan,
            ExecLaunch(process: process { $0.user = user }, terminal: nil).plan,
        ] {
            #expect(plan.steps.contains(.limitBoundingSet(.standard)))
            #expect(plan.steps.contains(.setCapabilities(kept)))
            #expect(plan.steps.contains(.setIdentity(user: user, group: 0)))
        }
    }

    @Test("a terminal belongs to the user, and takes the place of the pipes", arguments: [false, true])
    func terminal(_ terminal: Bool) {
        let lines = text(
            container {
                $0.terminal = terminal; $0.process.user = 7
            }.plan
        )
        #expect(lines.contains("open a terminal for uid 7") == terminal)
        #expect(lines.contains("connect stdin, stdout, stderr") == !terminal)
    }

    @Test("no_new_privs is set when the Pod forbids more privileges, else not", arguments: [false, true])
    func newPrivileges(_ forbids: Bool) {
        let process = process { $0.forbidsNewPrivileges = forbids }
        #expect(
            ExecLaunch(process: process, terminal: nil).plan.steps.contains(.forbidNewPrivileges) == forbids
        )
        #expect(container { $0.process = process }.plan.steps.contains(.forbidNewPrivileges) == forbids)
    }

    @Test("an exec joins all of the container's namespaces at once, and by its process")
    func exec() {
        let lines = text(ExecLaunch(process: process(), terminal: nil).plan)
        #expect(lines.filter { $0.hasPrefix("setns") } == ["setns container mnt,cgroup,uts,ipc,net"])
        #expect(
            lines.prefix(3) == ["write 1000 to /proc/self/oom_score_adj (if possible)", lines[1], "setsid"]
        )
    }

    // MARK: Mounts

    private func mount(_ path: String, readOnly: Bool = false, memory: String? = nil) -> ContainerLaunch.Mount
    {
        let source: ContainerLaunch.Mount.Source = memory.map { .memoryVolume($0) } ?? .passed
        return .init(source: source, path: path, readOnly: readOnly, isDirectory: true, isOwn: false)
    }

    @Test("shallow mounts come first, and each is what came with the plan in its place")
    func mountOrder() {
        let launch = container {
            $0.mounts = [
                mount("/a/b/c"), mount("/m", memory: "cache"), mount("/a"), mount("/a/b", readOnly: true),
            ]
        }
        let attached = launch.plan.steps.compactMap { step -> String? in
            if case .attach(let slot, let path, _, .directory) = step {
                return "\(slot) \(path)"
            } else {
                return nil
            }
        }
        #expect(attached == ["fd:288 /m", "passed:1 /a", "passed:2 /a/b", "passed:0 /a/b/c"])
        #expect(launch.plan.steps.contains(.cloneTree(path: "/volumes/cache", into: Slot(288))))
    }

    @Test("devices are denied in a volume and in all beneath it; read-only is the volume alone")
    func mountAttributes() {
        let steps = container { $0.mounts = [mount("/a"), mount("/b", readOnly: true)] }.plan.steps
        #expect(steps.contains(.setAttributes(.passed(0), .noDevices, recursive: true)))
        #expect(steps.contains(.setAttributes(.passed(1), .noDevices, recursive: true)))
        #expect(steps.contains(.setAttributes(.passed(1), [.noDevices, .readOnly], recursive: false)))
        #expect(!steps.contains(.setAttributes(.passed(0), [.noDevices, .readOnly], recursive: false)))
    }

    @Test("the node's /dev/shm comes last of what is passed, the Pod's from pause")
    func sharedMemory() {
        let own = container().plan.steps
        #expect(own.contains { if case .cloneTree("/shm", _) = $0 { true } else { false } })
        let node = container {
            $0.hostSharedMemory = true; $0.mounts = [mount("/a"), mount("/b")]
        }.plan.steps
        #expect(!node.contains { if case .cloneTree("/shm", _) = $0 { true } else { false } })
        #expect(
            node.contains {
                if case .attach(.passed(2), "shm", _, .ownDirectory) = $0 { true } else { false }
            }
        )
    }

    @Test("a read-only root turns so after its last directory is made")
    func readOnlyRoot() throws {
        let lines = text(container { $0.readOnlyRoot = true }.plan)
        let made = try index(lines, "mkdir /srv")
        #expect(lines[made + 1] == "mount_setattr fd:257 ro,nodev")
        #expect(!text(container().plan).contains("mount_setattr fd:257 ro,nodev"))
    }

    @Test("a directory as root is its own only layer")
    func rootDirectory() {
        let lines = text(container { $0.root = .directory("/rootfs") }.plan)
        #expect(lines.contains("chdir /rootfs"))
        #expect(
            lines.contains("mount overlay on /run/root nodev,lowerdir=.,upperdir=/c/upper,workdir=/c/work")
        )
        let layers = text(container().plan)
        #expect(
            layers.contains(
                "mount overlay on /run/root nodev,lowerdir=top:base,upperdir=/c/upper,workdir=/c/work"
            )
        )
    }

    // MARK: Pause

    @Test("pause makes the six default devices, and gives up everything before it waits")
    func pause() {
        let plan = PauseLaunch(
            namespaces: [.network, .uts, .ipc],
            hostname: "web",
            emptyDirectory: "/run/empty"
        ).plan
        let lines = text(plan)
        #expect(
            lines.filter { $0.hasPrefix("mknod") } == [
                "mknod null c 1:3", "mknod zero c 1:5", "mknod full c 1:7", "mknod random c 1:8",
                "mknod urandom c 1:9",
                "mknod tty c 5:0",
            ]
        )
        #expect(lines.contains("sethostname web") && lines.contains("bring lo up"))
        #expect(lines.contains("fsmount tmpfs nosuid,nodev,noexec,mode=1777,size=64m"))
        #expect(
            plan.steps.suffix(5) == [
                .limitBoundingSet(.empty), .setGroups([]), .setCapabilities(.empty), .forbidNewPrivileges,
                .becomePause,
            ]
        )
    }

    @Test("a Pod in the node's namespaces changes nothing of the node's")
    func pauseOnTheNode() {
        let lines = text(PauseLaunch(namespaces: [], hostname: "web", emptyDirectory: "/run/empty").plan)
        #expect(
            !lines.contains { $0.contains("sethostname") || $0.contains("lo up") || $0.contains("/proc/sys") }
        )
    }

    @Test(
        "volumes in memory have their limit",
        arguments: [(UInt64?.none, "mode=777"), (4096, "mode=777,size=4096")]
    )
    func memoryVolumes(_ limit: UInt64?, _ options: String) {
        let launch = PauseLaunch(
            namespaces: [],
            hostname: "",
            memoryVolumes: [.init(name: "cache", sizeLimit: limit)],
            emptyDirectory: "/e"
        )
        #expect(text(launch.plan).contains("fsmount tmpfs nosuid,nodev,\(options)"))
    }

    // MARK: Failures in words

    @Test("a step outside the plan has no words")
    func describe() {
        let plan = LaunchPlan(steps: [.newSession])
        #expect(plan.describe(step: 0) == "setsid")
        #expect(plan.describe(step: 1) == nil && plan.describe(step: -1) == nil)
    }
}

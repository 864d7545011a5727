import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A real shim, driven over its socket as podagent drives it, in directories and a cgroup of its own. Nothing of it is
/// left when `end` has gone through.
final class ShimHarness {
    let directory: String
    let log: String
    let root: RootedDirectory
    let cgroups: Cgroups
    let pid: pid_t
    private let pidfd: Descriptor
    private var socket: SharedDescriptor?
    private var lastRun: UInt64 = 0
    private var reaped = false
    private var mounted: [String] = []

    static let pod = "pod"

    /// Starts a shim and connects to it. `descriptorsMax` becomes its limit of open descriptors.
    init(descriptorsMax: Int? = nil) throws {
        var template = Array("/tmp/podshim-test-XXXXXX".utf8CString)
        directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        log = "\(directory)/log"
        root = try RootedDirectory(hostPath: directory)
        for name in ["empty", "log", "root", "rootfs/bin", "rootfs/tmp"] {
            _ = try root.makeDirectory(name, mode: 0o755)
        }
        let name = directory.split(separator: "/").last.map(String.init) ?? ""
        cgroups = try Cgroups(name: name)
        let listener = try listeningShimSocket("shim.sock", in: root, subject: "test")
        let cgroup = try cgroups.leaf("shim", pod: Self.pod)
        let program = try ShimProgram(path: "\(TestNode.products)/podshim")
        let shim = try program.spawn(listener: listener, cgroup: cgroup, label: name)
        pid = shim.pid
        pidfd = try shim.pidfd.duplicate()
        if let descriptorsMax {
            let limit = "--nofile=\(descriptorsMax):\(descriptorsMax)"
            let set = try Subprocess.run(["/usr/bin/prlimit", "--pid", "\(pid)", limit], scratch: directory)
            try #require(set.code == 0, "\(set)")
        }
        try fillRootfs()
        try connect()
    }

    /// The node's busybox, as /bin/sh and under the names that the tests use.
    private func fillRootfs() throws {
        let bytes = try readRegularFile(
            Descriptor(adopting: cns_openat(AT_FDCWD, "/usr/bin/busybox", O_RDONLY, 0)),
            subject: "/usr/bin/busybox",
            limit: 16 << 20
        )
        let bin = try root.directory("rootfs/bin")
        try bin.replaceFile("busybox", with: bytes, mode: 0o755)
        let applets = [
            "sh", "ls", "cat", "sleep", "echo", "stat", "id", "mknod", "mount", "ps", "kill", "yes", "head",
            "readlink",
            "true", "chown", "chmod", "rm", "touch", "mkdir", "dd", "hostname", "setsid", "stty", "tty",
            "grep", "printf", "wc", "ping", "ip",
        ]
        for applet in applets { symlinkat("busybox", bin.raw, applet) }
    }

    /// Mounts a small filesystem in memory at a directory of its own; its path.
    func mountMemory(_ name: String, _ options: String) throws -> String {
        let path = "\(directory)/\(name)"
        _ = try root.makeDirectory(name, mode: 0o755)
        try #require(mount("tmpfs", path, "tmpfs", 0, options) == 0)
        mounted.append(path)
        return path
    }

    // MARK: The socket

    /// Connects; an earlier connection is given up.
    func connect() throws { socket = SharedDescriptor(try connection()) }

    /// A connection of its own to the shim.
    func connection() throws -> Descriptor {
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = Descriptor(adopting: Glibc.socket(AF_UNIX, type, 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(directory)/shim.sock".utf8) }
        let raw = descriptor.raw
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafeBytes(of: &address) { bytes in
            Glibc.connect(raw, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), size)
        }
        try #require(result == 0, "connect: \(errnoText(errno))")
        return descriptor
    }

    func disconnect() { socket = nil }

    func send(_ request: ShimRequest, _ descriptors: [SharedDescriptor] = []) throws {
        let raw = try #require(socket).raw
        var encoded = request.encoded
        let size = MemoryLayout<cns_request>.size
        let numbers = descriptors.map(\.raw)
        try check("sendmsg", "shim") { cns_send(raw, &encoded, size, numbers, Int32(numbers.count)) }
    }

    /// The next event; nil when the shim has closed the connection.
    func event(within seconds: Int32 = 10) throws -> ShimEvent? {
        let raw = try #require(socket).raw
        var poll = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        try #require(Glibc.poll(&poll, 1, seconds * 1000) == 1, "no event within \(seconds) s")
        var event = cns_event()
        var descriptors = [Int32](repeating: -1, count: 8)
        var count: Int32 = 8
        let size = cns_receive(raw, &event, MemoryLayout<cns_event>.size, &descriptors, &count)
        guard size > 0 else { return nil }
        let passed = count > 0 ? SharedDescriptor(Descriptor(adopting: descriptors[0])) : nil
        return ShimEvent(event, descriptor: passed)
    }

    /// The next event of one kind about one run; what comes before it is dropped.
    func event(_ kind: ShimEvent.Kind, of run: UInt64, within seconds: Int32 = 10) throws -> ShimEvent {
        while let event = try event(within: seconds) {
            if event.run == RunID(run) && event.kind == kind { return event }
            try #require(event.run != RunID(run) || event.kind == .started, "instead of \(kind): \(event)")
        }
        throw SystemFailure(call: "recvmsg", subject: "the shim has closed the connection", errno: ECONNRESET)
    }

    /// What a podagent that comes back is told.
    func hello() throws -> (pause: ShimEvent, runs: [ShimEvent]) {
        try send(ShimRequest(kind: CNS_REQUEST_HELLO))
        var welcome: ShimEvent?
        var runs: [ShimEvent] = []
        while let event = try event() {
            switch event.kind {
            case .welcome: welcome = event
            case .run: runs.append(event)
            case .replayed: return (try #require(welcome), runs)
            case .started, .failed, .exited, .refused: continue
            }
        }
        throw SystemFailure(call: "recvmsg", subject: "replay", errno: ECONNRESET)
    }

    // MARK: Requests

    /// Makes the sandbox and waits until it stands. Its pid.
    @discardableResult
    func startPause(
        flags: [cns_request_flags] = ShimHarness.ownNamespaces,
        link: PodLink? = nil,
        over socket: SharedDescriptor? = nil
    ) throws -> pid_t {
        let plan = PauseLaunch(
            namespaces: flags.contains(CNS_REQUEST_NETWORK_NAMESPACE) ? [.network, .uts, .ipc] : [],
            hostname: "pod",
            link: link,
            emptyDirectory: "\(directory)/empty"
        ).plan
        var request = ShimRequest(kind: CNS_REQUEST_SANDBOX)
        request.flags = flags
        request.label = "pause"
        try send(
            request,
            [sealed(plan), SharedDescriptor(cgroups.leaf("shim", pod: Self.pod))]
                + [socket].compactMap(\.self)
        )
        let started = try event(.started, of: 0)
        return started.pid
    }

    /// Asks for a sandbox that cannot be made; what is said of it.
    func failPause(_ plan: LaunchPlan, over socket: SharedDescriptor) throws -> ShimEvent {
        var request = ShimRequest(kind: CNS_REQUEST_SANDBOX)
        request.flags = Self.ownNamespaces
        request.label = "pause"
        try send(request, [sealed(plan), SharedDescriptor(cgroups.leaf("shim", pod: Self.pod)), socket])
        return try event(.failed, of: 0)
    }

    static let ownNamespaces = [
        CNS_REQUEST_PID_NAMESPACE, CNS_REQUEST_NETWORK_NAMESPACE, CNS_REQUEST_UTS_NAMESPACE,
        CNS_REQUEST_IPC_NAMESPACE,
    ]
    static let nested = [CNS_REQUEST_POD_PID, CNS_REQUEST_PID_NAMESPACE]

    func sealed(_ plan: LaunchPlan) throws -> SharedDescriptor { try sealedPlan(plan, subject: "test") }

    func newRun() -> UInt64 {
        lastRun += 1
        return lastRun
    }

    func process(_ arguments: [String]) -> ProcessLaunch {
        ProcessLaunch(
            arguments: arguments,
            environment: ["PATH=/bin"],
            workingDirectory: "/",
            user: 0,
            group: 0,
            groups: [0],
            capabilities: .standard,
            forbidsNewPrivileges: false,
            oomScoreAdjustment: 1000
        )
    }

    /// A container of the test's root filesystem.
    func container(_ run: UInt64, _ arguments: [String], host: Bool = false) throws -> ContainerLaunch {
        let scratch = try root.makeDirectory("c\(run)", mode: 0o700)
        _ = try scratch.makeDirectory("upper", mode: 0o755)
        _ = try scratch.makeDirectory("work", mode: 0o700)
        return ContainerLaunch(
            namespaces: host ? [] : [.network, .uts, .ipc],
            root: .directory("\(directory)/rootfs"),
            upperDirectory: "\(directory)/c\(run)/upper",
            workDirectory: "\(directory)/c\(run)/work",
            rootTarget: "\(directory)/root",
            readOnlyRoot: false,
            mounts: [],
            hostSharedMemory: false,
            terminal: false,
            process: process(arguments)
        )
    }

    /// Asks for a container; what comes of it arrives as events.
    func start(
        _ run: UInt64,
        _ launch: ContainerLaunch,
        flags: [cns_request_flags] = ShimHarness.nested,
        passed: [SharedDescriptor] = [],
        limits: LogLimits = LogLimits(),
        logDirectory: String? = nil
    ) throws {
        var request = ShimRequest(kind: CNS_REQUEST_CONTAINER)
        request.run = RunID(run)
        request.flags = flags + (launch.terminal ? [CNS_REQUEST_TERMINAL] : [])
        request.label = "c/\(run)"
        request.log = ShimRequest.LogFile(name: "\(run).log", limits: limits)
        let directory = logDirectory ?? log
        let logs = try check("open", directory) { cns_openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0) }
        let own = [
            try sealed(launch.plan), SharedDescriptor(try cgroups.leaf("c-\(run)", pod: Self.pod)),
            SharedDescriptor(Descriptor(adopting: logs)),
        ]
        try send(request, own + passed)
    }

    /// Runs a shell script in a container to its end.
    func run(_ script: String, _ change: (inout ContainerLaunch) -> Void = { _ in }) throws -> Outcome {
        let run = newRun()
        var launch = try container(run, ["/bin/sh", "-c", script])
        change(&launch)
        try start(run, launch)
        let exit = try event(.exited, of: run)
        try forget(run)
        return Outcome(status: exit.status, lines: logLines(run))
    }

    struct Outcome: CustomStringConvertible {
        /// As wait(2) gives it.
        let status: Int32
        let lines: [CRILogLine]
        var text: String { lines.map { String(decoding: $0.content, as: UTF8.self) }.joined(separator: "\n") }
        var description: String { "wait status \(status)\n\(text)" }
    }

    /// Starts a process in a container, its standard streams to /dev/null.
    func exec(_ run: UInt64, in target: UInt64, _ launch: ExecLaunch) throws {
        var request = ShimRequest(kind: CNS_REQUEST_EXEC)
        request.run = RunID(run)
        request.target = RunID(target)
        if launch.terminal != nil { request.flags = [CNS_REQUEST_TERMINAL] }
        let null = SharedDescriptor(Descriptor(adopting: cns_openat(AT_FDCWD, "/dev/null", O_RDWR, 0)))
        let streams = launch.terminal == nil ? [null, null, null] : []
        try send(
            request,
            [sealed(launch.plan), SharedDescriptor(cgroups.leaf("c-\(target)", pod: Self.pod))] + streams
        )
    }

    func signal(_ number: Int32, _ run: UInt64) throws {
        var request = ShimRequest(kind: CNS_REQUEST_SIGNAL)
        request.run = RunID(run)
        request.signal = number
        try send(request)
    }

    func forget(_ run: UInt64) throws {
        var request = ShimRequest(kind: CNS_REQUEST_FORGET)
        request.run = RunID(run)
        try send(request)
    }

    // MARK: What can be seen from outside

    func logText(_ name: String) -> String { readText("\(log)/\(name)") }

    func logLines(_ run: UInt64) -> [CRILogLine] {
        Array(logText("\(run).log").utf8).split(separator: 10).compactMap { CRILogLine($0[...]) }
    }

    /// Names in /proc/PID/fd.
    func openDescriptors(of pid: pid_t) -> Int {
        (try? RootedDirectory(hostPath: "/proc/\(pid)/fd").entries().count) ?? 0
    }

    /// The children of a process and their states, as `pid Z`.
    func children(of pid: pid_t) -> [String] {
        let list = readText("/proc/\(pid)/task/\(pid)/children").split(separator: " ")
        return list.map { child in
            let line = readText("/proc/\(child)/stat")
            let state = line.split(separator: ")").last?.split(separator: " ").first ?? "?"
            return "\(child) \(state)"
        }
    }

    /// Whether a process runs; one that only waits to be reaped does not.
    func isAlive(_ pid: pid_t) -> Bool {
        let state = readText("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ").first
        return state != nil && state != "Z" && state != "X"
    }

    /// Waits for the shim's own end; its wait status.
    func waitForEnd(within seconds: Int32 = 10) throws -> Int32 {
        var poll = pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)
        try #require(Glibc.poll(&poll, 1, seconds * 1000) == 1, "the shim did not end")
        var status: Int32 = 0
        try #require(waitpid(pid, &status, 0) == pid)
        reaped = true
        return status
    }

    /// Ends the sandbox as podagent does, and checks that the shim goes with it.
    func end(sourceLocation: SourceLocation = #_sourceLocation) throws {
        defer { wipe() }
        if socket == nil { try connect() }
        try signal(SIGKILL, 0)
        try send(ShimRequest(kind: CNS_REQUEST_END))
        #expect(try waitForEnd() == 0, sourceLocation: sourceLocation)
    }

    /// After a failed test as well: nothing stays.
    func wipe() {
        cgroups.kill(pod: Self.pod)
        if !reaped { waitpid(pid, nil, 0) }
        reaped = true
        try? cgroups.remove(pod: Self.pod)
        cgroups.removeBaseIfEmpty()
        for path in mounted { umount2(path, Int32(MNT_DETACH)) }
        if let leaf = directory.split(separator: "/").last.map(String.init) {
            try? RootedDirectory(hostPath: "/tmp").removeTree(leaf)
        }
    }

    deinit { if !reaped { wipe() } }
}

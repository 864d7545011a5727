import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A real agent in directories of its own, used as a person uses it: files in, commands asked. Nothing of it is left
/// when `end` has gone through.
final class TestNode {
    let directory: String
    private let name: String
    /// Of every agent that is started from now on.
    var flags: [String]
    private let environment: [String]
    private(set) var agent: Subprocess?
    private var isWiped = false
    private var networkHolder: Subprocess?
    /// File systems that the test has mounted below the directory; they go when the agent has ended.
    private(set) var ownMounts: [String] = []

    /// Where the build has put the programs: beside the test bundle.
    static let products: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
        // The tests run inside the bundle itself, or inside a helper of the toolchain that is told where it is.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own
        return bundle.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }()

    /// The example images, made by `make images`.
    static let images: String? = getenv("PODAGENT_TEST_IMAGES").map { String(cString: $0) }

    static let hasRights = geteuid() == 0
    static let needsRoot: Comment = "namespaces and mounts need root"
    static let needsImages: Comment =
        "the example images are made by `make images`; `make test` says where they are"

    var socket: String { "\(directory)/run/podagent.sock" }
    var manifests: String { "\(directory)/manifests" }
    var logs: String { "\(directory)/log" }

    /// - Parameters:
    ///   - name: the node's.
    ///   - environment: of every agent.
    ///   - firstEnvironment: of the first agent, beside that.
    ///   - ownNetwork: whether the agent gets a network namespace that only it and its Pods are in.
    ///   - prepare: what is done before the agent starts, with the network there.
    ///   - stateSize: of a small file system of its own for the state directory, in tmpfs(5)'s words.
    init(
        name: String = "node1",
        images: [String] = [],
        flags: [String] = [],
        environment: [String] = [],
        firstEnvironment: [String] = [],
        ownNetwork: Bool = false,
        stateSize: String? = nil,
        prepare: (TestNode) throws -> Void = { _ in }
    ) throws {
        var template = Array("/tmp/podagent-test-XXXXXX".utf8CString)
        directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        self.name = name
        self.flags = flags
        self.environment = environment
        mkdir(manifests, 0o755)
        mkdir("\(directory)/scratch", 0o700)
        if let stateSize { try mountState(size: stateSize) }
        if ownNetwork { try makeNetwork() }
        try prepare(self)
        try startAgent(environment: firstEnvironment)
        for image in images {
            let file = try #require(Self.images, Self.needsImages) + "/\(image).tar"
            let loaded = try podagent("image", "load", file)
            try #require(loaded.code == 0, "\(loaded)")
        }
    }

    private func mountState(size: String) throws {
        let path = "\(directory)/state"
        mkdir(path, 0o711)
        try check("mount", path) { mount("podagent-test", path, "tmpfs", 0, "size=\(size)") }
        ownMounts.append(path)
    }

    /// A process that does nothing but hold the namespace, from one agent to the next.
    private func makeNetwork() throws {
        let holder = try Subprocess(
            ["/usr/bin/unshare", "--net", "sleep", "infinity"],
            output: "\(directory)/network.out",
            errors: "\(directory)/network.out"
        )
        networkHolder = holder
        try eventually("the network is there") { readText("/proc/\(holder.pid)/comm") == "sleep\n" }
    }

    /// The process that holds the node's network namespace.
    var networkPid: pid_t? { networkHolder?.pid }

    /// A command line for the node's network.
    func inNetwork(_ arguments: [String]) -> [String] {
        guard let networkHolder else { return arguments }
        return ["/usr/bin/nsenter", "--net=/proc/\(networkHolder.pid)/ns/net"] + arguments
    }

    private func unmountAll() {
        for path in ownMounts { umount2(path, Int32(MNT_DETACH)) }
        ownMounts = []
    }

    /// Starts the agent and waits until it answers.
    func startAgent(environment: [String] = []) throws {
        try spawnAgent(environment: environment)
        do {
            try eventually("the agent answers") { answers() }
        } catch {
            Issue.record("\(agentState)")
            throw error
        }
    }

    /// Starts the agent, which may have ended again before it answers.
    func spawnAgent(environment: [String] = []) throws {
        let program = "\(Self.products)/podagent"
        agent = try Subprocess(
            inNetwork(
                [
                    program, "serve", "--manifests", manifests, "--state-dir", "\(directory)/state",
                    "--run-dir",
                    "\(directory)/run", "--log-dir", logs, "--socket", socket, "--node-name", name,
                ] + flags
            ),
            environment: self.environment + environment,
            output: "\(directory)/agent.out",
            errors: "\(directory)/agent.err"
        )
    }

    /// Where the agent's threads stand in the kernel, and what it has said.
    var agentState: String { "\(Self.stacks(of: agent?.pid))\n\(agentLog)" }

    /// Where the threads of a process stand in the kernel.
    private static func stacks(of pid: pid_t?) -> String {
        guard let pid, let threads = try? RootedDirectory(hostPath: "/proc/\(pid)/task").entries() else {
            return "there is no agent"
        }
        return threads.map { thread in
            let place = "/proc/\(pid)/task/\(thread)"
            return "\(thread) \(readText("\(place)/wchan")) \(readText("\(place)/syscall"))"
        }.joined()
    }

    private func answers() -> Bool { (try? toldPods()) != nil }

    /// What the socket answers of all Pods.
    func toldPods() throws -> [Pod] {
        let connection = try ClientSocket(path: socket)
        connection.deadline = Clock.tick() + .seconds(10)
        let request = "GET /api/v1/pods HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        try connection.write(Array(request.utf8))
        let answer = try HTTPAnswer(connection, method: "GET")
        let list: ObjectList<Pod> = try APIClient.object(APIClient.document(answer.body()))
        return list.items
    }

    /// The agent's own log.
    var agentLog: String { readText("\(directory)/agent.err") }

    /// Waits for an agent that ends by itself: its exit code, or 128 + N for a signal. Nil when there is none.
    func waitForAgent() -> Int32? {
        // Its number may be another's from here on, so nobody may kill by it any more.
        defer { agent = nil }
        return agent?.wait()
    }

    /// Kills the agent without a word.
    func killAgent() { endAgent(by: SIGKILL) }

    /// Sends the agent a signal that ends it, and waits for that.
    func endAgent(by signal: Int32) {
        guard let agent else { return }
        kill(agent.pid, signal)
        agent.wait()
        self.agent = nil
    }

    /// Runs a client verb against this agent.
    func podagent(_ arguments: String...) throws -> Subprocess.Outcome {
        try Subprocess.run(
            ["\(Self.products)/podagent"] + arguments,
            environment: ["PODAGENT_SOCKET=\(socket)"],
            scratch: "\(directory)/scratch"
        )
    }

    /// Runs a client verb that must succeed; its output.
    func ask(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let outcome = try Subprocess.run(
            ["\(Self.products)/podagent"] + arguments,
            environment: ["PODAGENT_SOCKET=\(socket)"],
            scratch: "\(directory)/scratch"
        )
        try #require(
            outcome.code == 0,
            "\(arguments): \(outcome)\n\(agentLog)",
            sourceLocation: sourceLocation
        )
        return outcome.output
    }

    /// Puts a manifest in place, by a rename, as tools that care do.
    func put(_ name: String, _ text: String) throws {
        let temporary = "\(directory)/\(name).new"
        let raw = cns_openat(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        try #require(raw >= 0)
        try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: temporary)
        try #require(rename(temporary, "\(manifests)/\(name)") == 0)
    }

    func remove(_ name: String) { unlink("\(manifests)/\(name)") }

    /// Waits until a Pod is as told: `condition=Ready`, `phase=Succeeded`, `delete`.
    func wait(_ pod: String, for what: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let outcome = try podagent("wait", "pod", pod, "--for", what, "--timeout", "60s")
        let description = outcome.code == 0 ? "" : try podagent("describe", "pod", pod).output
        try #require(
            outcome.code == 0,
            "waiting for \(what): \(outcome)\n\(description)\n\(agentLog)",
            sourceLocation: sourceLocation
        )
    }

    /// Removes every manifest, waits until all Pods are gone, ends the agent and looks for what is left.
    func end(sourceLocation: SourceLocation = #_sourceLocation) throws {
        defer { wipe() }
        if agent == nil { try startAgent() }
        let root = try RootedDirectory(hostPath: manifests)
        for name in try root.entries() { unlink("\(manifests)/\(name)") }
        for line in try ask("get", "pods", "-A", "-o", "name").split(separator: "\n") {
            let name = line.split(separator: "/").last.map(String.init) ?? ""
            _ = try podagent("delete", "pod", name, "--now")
        }
        try eventually("all Pods are gone", seconds: 90) {
            try podagent("get", "pods", "-A", "-o", "name").output.isEmpty
        }
        if let agent {
            kill(agent.pid, SIGTERM)
            let code = agent.wait()
            #expect(code == 0, "the agent ended with \(code)\n\(agentLog)", sourceLocation: sourceLocation)
        }
        agent = nil
        unmountAll()
        #expect(leftovers() == [], sourceLocation: sourceLocation)
    }

    /// What is left of this node: processes, mounts, Pod directories.
    private func leftovers() -> [String] {
        var found: [String] = []
        let mounts = readText("/proc/self/mountinfo").split(separator: "\n").filter { $0.contains(directory) }
        found += mounts.map { "mount \($0)" } + networkLeftovers()
        found += processes().map { "process \($0), \(readText("/proc/\($0)/comm"))" }
        for place in ["state/pods", "run/pods", "log"] {
            let entries = (try? RootedDirectory(hostPath: "\(directory)/\(place)").entries()) ?? []
            found += entries.map { "\(place)/\($0)" }
        }
        if let mount = try? Cgroups.mountPoint(), access("\(mount)/\(cgroup)", F_OK) == 0 {
            found.append("cgroup \(cgroup)")
        }
        return found
    }

    /// The first process of a Pod, by whose namespaces the Pod's can be had.
    func pause(of pod: String) throws -> pid_t? {
        guard let uid = try toldPods().first(where: { $0.metadata.name == "\(pod)-node1" })?.metadata.uid
        else {
            return nil
        }
        return processes().first {
            readText("/proc/\($0)/comm").hasPrefix("pause") && readText("/proc/\($0)/cgroup").contains(uid)
        }
    }

    /// What is left of its network while that is there: everything of the agent's goes with the last Pod.
    private func networkLeftovers() -> [String] {
        guard networkHolder != nil else { return [] }
        let looks = ["ip -o link show type bridge", "ip -o link show type vxlan", "nft list tables"]
        let outcome = try? Subprocess.run(
            inNetwork(["/bin/sh", "-c", looks.joined(separator: "; ") + "; ip -o link | grep ' pod'"]),
            scratch: "\(directory)/scratch"
        )
        return (outcome?.output ?? "").split(separator: "\n").filter { $0.contains("pod") }.map {
            "network \($0)"
        }
    }

    /// What runs in this node's cgroup. Zombies do not: the machine's PID 1 takes its time to collect them, and the
    /// first process of a PID namespace waits for that, in a cgroup that could be removed because nothing in it lives.
    func processes() -> [pid_t] {
        let entries = (try? RootedDirectory(hostPath: "/proc").entries()) ?? []
        return entries.compactMap { pid_t($0) }.filter { pid in
            let place = readText("/proc/\(pid)/cgroup")
            return place.contains(cgroup) && !place.contains("(deleted)")
                && !readText("/proc/\(pid)/status").contains("State:\tZ")
        }
    }

    var cgroup: String { Self.cgroup(ofRunDirectory: "\(directory)/run") }

    /// The cgroup that an agent derives from its run directory.
    static func cgroup(ofRunDirectory path: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "podagent-" + String(hash, radix: 16)
    }

    /// After a failed test as well: kills what runs in this node's cgroup and removes its directory.
    private func wipe() {
        if let networkHolder {
            kill(networkHolder.pid, SIGKILL)
            networkHolder.wait()
        }
        networkHolder = nil
        isWiped = true
        killAgent()
        unmountAll()
        if let cgroups = try? Cgroups(name: cgroup) {
            for uid in (try? cgroups.pods()) ?? [] { try? cgroups.remove(pod: uid) }
            cgroups.removeBaseIfEmpty()
        }
        if let leaf = directory.split(separator: "/").last.map(String.init) {
            try? RootedDirectory(hostPath: "/tmp").removeTree(leaf)
        }
    }

    deinit { if !isWiped { wipe() } }
}

/// Looks again every 20 ms until something holds, at most `seconds` long.
func eventually(
    _ what: String,
    seconds: Double = 60,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () throws -> Bool
) throws {
    let end = Clock.tick() + .milliseconds(Int(seconds * 1000))
    while try !holds() {
        try #require(Clock.tick() < end, "\(what): not within \(seconds) s", sourceLocation: sourceLocation)
        usleep(20_000)
    }
}

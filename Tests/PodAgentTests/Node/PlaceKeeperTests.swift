import Glibc
import Testing

@testable import PodAgent

/// Somebody removes what others find the node by, while it runs.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct PlaceKeeperTests {
    private static let manifest = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: stays
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: busybox:1.36
            command: ["sh", "-c", "trap 'exit 3' TERM; sleep 1000 & wait"]
        """

    struct Removal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Beneath the node's directory.
        var path: String
        /// Of the event.
        var reason: String
    }

    static let removals = [
        Removal(testDescription: "the socket", path: "run/podagent.sock", reason: "SocketRestored"),
        Removal(
            testDescription: "the socket's lock",
            path: "run/podagent.sock.lock",
            reason: "SocketRestored"
        ),
        Removal(testDescription: "the lock", path: "run/lock", reason: "RunDirectoryRestored"),
        Removal(testDescription: "the Pods' directories", path: "run/pods", reason: "RunDirectoryRestored"),
        Removal(testDescription: "the run directory", path: "run", reason: "RunDirectoryRestored"),
    ]

    /// What there is beneath the run directory, with modes and owners.
    private func places(_ node: TestNode) -> [String] {
        let uids = (try? RootedDirectory(hostPath: "\(node.directory)/run/pods").entries()) ?? []
        let names =
            ["", "/empty", "/lock", "/pods", "/podagent.sock", "/podagent.sock.lock"]
            + uids.flatMap { ["/pods/\($0)", "/pods/\($0)/root", "/pods/\($0)/shim.sock"] }
        return names.map { name in
            var status = stat()
            guard lstat("\(node.directory)/run\(name)", &status) == 0 else { return "\(name) is missing" }
            return "\(name) \(String(status.st_mode, radix: 8)) \(status.st_gid)"
        }
    }

    /// What identifies the running container and says since when it runs.
    private func container(_ node: TestNode) throws -> [Substring] {
        try node.ask("get", "pod", "stays", "-o", "json").split(separator: "\n").filter {
            $0.contains("\"containerID\"") || $0.contains("\"startedAt\"") || $0.contains("\"restartCount\"")
        }
    }

    private func secondAgent(_ node: TestNode, state: String) throws -> Subprocess.Outcome {
        try Subprocess.run(
            [
                "\(TestNode.products)/podagent", "serve", "--manifests", node.manifests, "--state-dir",
                "\(node.directory)/\(state)", "--run-dir", "\(node.directory)/run", "--log-dir", node.logs,
                "--socket", "\(node.directory)/other.sock", "--node-name", "node2",
            ],
            scratch: "\(node.directory)/scratch"
        )
    }

    @Test(
        "What is removed is made again as it was, and the Pod goes on, also under the next agent",
        arguments: removals
    )
    func comesBack(removal: Removal) throws {
        let node = try TestNode(images: ["busybox"], flags: ["--socket-group", "4321"])
        try node.put("stays.yaml", Self.manifest)
        try node.wait("stays", for: "condition=Ready")
        let (places, container, processes) = (places(node), try container(node), node.processes())
        // Taken away as a whole: the agent is quicker than whoever removes a full directory entry by entry.
        try #require(rename("\(node.directory)/\(removal.path)", "\(node.directory)/gone") == 0)
        try RootedDirectory(hostPath: node.directory).removeTree("gone")

        try eventually("all is in its place") { self.places(node) == places }
        try eventually("it answers") { try node.podagent("get", "pods").code == 0 }
        #expect(try node.ask("events").contains(removal.reason))
        #expect(node.agentLog.contains("\(node.directory)/\(removal.path)"))
        #expect(try self.container(node) == container)
        // A second agent is refused as before, one with a state directory of its own too.
        for state in ["state", "other"] {
            let second = try secondAgent(node, state: state)
            #expect(second.code == 1 && second.errors.contains("another podagent uses"), "\(second)")
        }
        // The next agent finds the Pod through its shim.
        node.killAgent()
        try node.startAgent()
        #expect(try self.container(node) == container)
        #expect(node.processes() == processes)
        // A container can still be started in the sandbox.
        _ = try node.podagent("exec", "stays", "--", "sh", "-c", "kill -TERM 1")
        try eventually("it is restarted") { try node.ask("get", "pods").contains("1/1     Running   1") }
        try node.end()
    }

    @Test("What the ending agent removes stays away")
    func ends() throws {
        let node = try TestNode()
        node.endAgent(by: SIGTERM)
        #expect(
            try RootedDirectory(hostPath: "\(node.directory)/run").entries() == ["empty", "lock", "pods"]
        )
        #expect(!node.agentLog.contains("had been removed"))
        try node.end()
    }

    @Test("Something else in the socket's place is left alone until it goes, and then the socket is back")
    func foreignFile() throws {
        let node = try TestNode()
        try node.put("file", "not a socket")
        #expect(rename("\(node.manifests)/file", node.socket) == 0)
        try eventually("it says so") { node.agentLog.contains("SocketLost") }
        #expect(readText(node.socket) == "not a socket")
        unlink(node.socket)
        try eventually("it answers") { try node.podagent("get", "pods").code == 0 }
        try node.end()
    }
}

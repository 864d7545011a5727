import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Requests and limits on the kernel that runs the tests, whatever controllers its cgroup v2 has: what it has must be
/// used, and what it lacks be told.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct ResourceTests {
    private static let manifest = """
        apiVersion: v1
        kind: Pod
        metadata: {name: limited}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: busybox:1.36
            command: [sleep, "1000"]
            resources: {requests: {cpu: 100m}, limits: {cpu: 500m, memory: 32Mi}}
          - name: free
            image: busybox:1.36
            command: [sleep, "1000"]
        """

    /// What the kernel offers to this node's cgroup, seen without the agent's own eyes.
    private func offered(_ node: TestNode) throws -> Set<String> {
        let words = readText("\(try Cgroups.mountPoint())/\(node.cgroup)/cgroup.controllers")
        return Set(words.split { $0 == " " || $0 == "\n" }.map(String.init))
    }

    private func leaf(_ node: TestNode, _ instance: String) throws -> String {
        let base = "\(try Cgroups.mountPoint())/\(node.cgroup)"
        let pods = try RootedDirectory(hostPath: base).entries().filter { $0.hasPrefix("pod") }
        return "\(base)/\(try #require(pods.first))\(instance)"
    }

    @Test("A limited Pod runs; its limits are the kernel's, or an event and the node's condition say why not")
    func enforcedOrTold() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("limited.yaml", Self.manifest)
        try node.wait("limited", for: "condition=Ready")
        let controllers = try offered(node)
        let expected = [
            ("cpu", "/c-0/cpu.max", "50000 100000\n"), ("cpu", "/c-0/cpu.weight", "17\n"),
            ("cpu", "/free-0/cpu.weight", "1\n"), ("cpu", "/cpu.weight", "4\n"),
            ("memory", "/c-0/memory.max", "\(32 << 20)\n"), ("memory", "/c-0/memory.oom.group", "1\n"),
            ("memory", "/free-0/memory.max", "max\n"), ("memory", "/memory.max", "max\n"),
        ]
        for (controller, file, value) in expected where controllers.contains(controller) {
            #expect(readText(try leaf(node, file)) == value, "\(file)")
        }
        let warnings = try node.ask("events").split(separator: "\n").filter {
            $0.contains("ResourcesNotEnforced")
        }
        let missing = ["cpu", "memory"].filter { !controllers.contains($0) }
        #expect(warnings.count == (missing.isEmpty ? 0 : 1), "\(warnings)")
        for controller in missing {
            #expect(warnings.first?.contains("limits.\(controller)") == true, "\(warnings)")
            #expect(warnings.first?.contains("\(controller): not in") == true, "\(warnings)")
        }
        let condition = try condition(node)
        let isWhole = missing.isEmpty && controllers.contains("pids")
        #expect(condition.contains(isWhole ? #""status":"True""# : #""status":"False""#), "\(condition)")
        #expect(try node.ask("describe", "pod", "limited").contains("memory:  32Mi"))
        try node.end()
    }

    /// The node's condition that tells whether resources are enforced, as JSON.
    private func condition(_ node: TestNode) throws -> String {
        let outcome = try Subprocess.run(
            ["/usr/bin/curl", "-sS", "--unix-socket", node.socket, "http://localhost/api/v1/nodes"],
            scratch: "/tmp"
        )
        let text = outcome.output.filter { $0 != " " && $0 != "\n" }
        let parts = text.split(separator: "{").filter { $0.contains(#""type":"ResourcesEnforced""#) }
        return String(try #require(parts.first, "\(outcome)"))
    }

    @Test("What an instance leaves behind that ends while the agent is away, goes when it is back")
    func leftBehind() throws {
        let node = try TestNode(images: ["busybox"])
        let wait = "until [ -e /tmp/go ]; do sleep 0.05; done; exit 3"
        let manifest = """
            apiVersion: v1
            kind: Pod
            metadata: {name: again}
            spec:
              terminationGracePeriodSeconds: 0
              containers: [{name: c, image: "busybox:1.36", command: [sh, -c, "\(wait)"]}]
            """
        try node.put("again.yaml", manifest)
        try node.wait("again", for: "condition=Ready")
        _ = try node.ask("exec", "again", "--", "sh", "-c", "(sleep 0.3; touch /tmp/go) >/dev/null 2>&1 &")
        node.killAgent()
        let cgroup = try leaf(node, "")
        try eventually("it ends") { readText("\(cgroup)/c-0/cgroup.events").contains("populated 0") }
        try node.startAgent()
        let pods = "\(node.directory)/state/pods"
        let uid = try #require(try RootedDirectory(hostPath: pods).entries().first)
        try eventually("only the next instance is there") {
            try RootedDirectory(hostPath: "\(pods)/\(uid)/containers").entries() == ["c-1"]
                && access("\(cgroup)/c-0", F_OK) != 0 && access("\(cgroup)/c-1", F_OK) == 0
        }
        #expect(try node.ask("get", "pod", "again", "-o", "json").contains("\"exitCode\": 3"))
        try node.end()
    }

    @Test("A value that the kernel refuses is an error that names file, value and errno")
    func refusedValue() throws {
        // A file that every cgroup has, whatever its controllers.
        let cgroups = try Cgroups(name: "podagent-test-\(getpid())")
        defer { cgroups.removeBaseIfEmpty() }
        let failure = #expect(throws: SystemFailure.self) {
            try cgroups.base.write("many", to: "cgroup.max.depth")
        }
        #expect(failure?.errno == EINVAL)
        let text = failure?.description ?? ""
        #expect(text.hasPrefix("write /") && text.contains("/cgroup.max.depth \"many\""), "\(text)")
    }

    @Test("What a controller has is delegated once, and what is missing has its reason")
    func delegation() throws {
        let name = "podagent-test-\(getpid())-d"
        let cgroups = try Cgroups(name: name)
        defer { cgroups.removeBaseIfEmpty() }
        let base = "\(try Cgroups.mountPoint())/\(name)"
        let offered = readText("\(base)/cgroup.controllers").split { $0 == " " || $0 == "\n" }
        let enabled = readText("\(base)/cgroup.subtree_control").split { $0 == " " || $0 == "\n" }
        for controller in CgroupController.allCases {
            let isThere = offered.contains { $0 == controller.rawValue }
            #expect((cgroups.missing[controller] == nil) == isThere)
            #expect(enabled.contains { $0 == controller.rawValue } == isThere)
        }
        // A second agent finds what the first one has made.
        #expect(try Cgroups(name: name).missing == cgroups.missing)
        #expect(!cgroups.hasOOMKill("c-0", pod: "none"))
    }
}

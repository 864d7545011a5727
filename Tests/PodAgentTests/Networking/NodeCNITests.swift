import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Pods whose network is made by Debian's CNI plugins, in a network namespace of the node's own.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .enabled(if: CNIFixture.hasPlugins && CNIFixture.hasFirewall, CNIFixture.needsPlugins),
    .serialized,
    .blocking
)
struct NodeCNITests {
    private func manifest(_ name: String, _ command: String, ports: String = "[]") -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: busybox:1.36
            command: ["/bin/sh", "-c", "\(command)"]
            ports: \(ports)
        """
    }

    private static let server = "mkdir /www; hostname >/www/index.html; httpd -f -h /www"

    private func addresses(_ node: TestNode, _ name: String) throws -> [String] {
        try node.toldPods().first { $0.metadata.name == "\(name)-node1" }?.status.podIPs.map(\.ip) ?? []
    }

    private func inNode(_ node: TestNode, _ arguments: String...) throws -> Subprocess.Outcome {
        try Subprocess.run(node.inNetwork(arguments), scratch: "\(node.directory)/scratch")
    }

    /// What plugins have left in the node's network: a bridge stays, as the plugin never removes it.
    private func remains(_ node: TestNode) throws -> String {
        let links = try inNode(node, "/usr/sbin/ip", "-o", "link", "show", "type", "veth").output
        let rules = try inNode(node, "/usr/sbin/iptables-save", "-t", "nat").output.split(separator: "\n")
        let own = rules.filter { $0.contains("CNI-DN-") || $0.contains("10.77.") || $0.contains("name: ") }
        return links + own.joined(separator: "\n")
    }

    @Test(
        "Pods reach each other by the addresses that plugins gave them, which a restart of the agent keeps and the end frees"
    )
    func reach() throws {
        let fixture = try CNIFixture()
        try fixture.describeBridge()
        let node = try TestNode(images: ["busybox"], flags: fixture.flags, ownNetwork: true)
        try node.put("web.yaml", manifest("web", Self.server))
        try node.wait("web", for: "condition=Ready")
        try node.put("client.yaml", manifest("client", "sleep 1000"))
        try node.wait("client", for: "condition=Ready")
        let web = try addresses(node, "web")
        #expect(web == ["10.77.0.2", "fd00:77::2"])
        #expect(try addresses(node, "client") == ["10.77.0.3", "fd00:77::3"])
        #expect(try node.ask("exec", "web", "--", "cat", "/etc/hosts").contains("10.77.0.2\tweb-node1\n"))

        func isReached() throws -> Bool {
            try web.allSatisfy {
                let host = $0.contains(":") ? "[\($0)]" : $0
                return try node.podagent("exec", "client", "--", "wget", "-qO-", "http://\(host)/").output
                    == "web-node1\n"
            }
        }
        try eventually("the client reaches the web server") { try isReached() }
        let before = Set(node.processes())
        node.killAgent()
        try node.startAgent()
        #expect(try addresses(node, "web") == web)
        #expect(try isReached())
        // The plugins are asked, in the node's cgroup, and have nothing against it.
        try eventually("only the plugins were new") { Set(node.processes()) == before }
        #expect(try !node.ask("events").contains("FailedPodSandBoxStatus"))

        #expect(fixture.leases.count == 4)
        node.remove("client.yaml")
        try node.wait("client", for: "delete")
        #expect(fixture.leases.count == 2)
        node.remove("web.yaml")
        try node.wait("web", for: "delete")
        #expect(fixture.leases == [])
        let left = try remains(node)
        #expect(left == "")
        try node.end()
    }

    @Test("When pause dies its addresses are freed, and the sandbox that is made again gets others")
    func again() throws {
        let fixture = try CNIFixture()
        try fixture.describeBridge()
        let node = try TestNode(images: ["busybox"], flags: fixture.flags, ownNetwork: true)
        try node.put("web.yaml", manifest("web", Self.server))
        try node.wait("web", for: "condition=Ready")
        let first = try addresses(node, "web")
        for pause in node.processes() where readText("/proc/\(pause)/comm").hasPrefix("pause") {
            kill(pause, SIGKILL)
        }
        try eventually("the Pod has another address") {
            let now = try addresses(node, "web")
            return !now.isEmpty && now != first && fixture.leases.count == 2
        }
        try node.wait("web", for: "condition=Ready")
        let now = try #require(try addresses(node, "web").first)
        #expect(try node.ask("exec", "web", "--", "cat", "/etc/hosts").contains("\(now)\tweb-node1\n"))
        node.remove("web.yaml")
        try node.wait("web", for: "delete")
        let left = try remains(node)
        #expect(left == "")
        #expect(fixture.leases == [])
        try node.end()
    }

    @Test(
        "Pods that come and go at once have an address each, and the agent's death among them leaves none behind"
    )
    func many() throws {
        let fixture = try CNIFixture()
        try fixture.describeBridge()
        let node = try TestNode(images: ["busybox"], flags: fixture.flags, ownNetwork: true)
        let names = (1...10).map { "pod\($0)" }
        for name in names { try node.put("\(name).yaml", manifest(name, "sleep 1000")) }
        try eventually("some are there") { fixture.leases.count > 6 }
        node.killAgent()
        try node.startAgent()
        for name in names { try node.wait(name, for: "condition=Ready") }
        let addresses = try node.toldPods().flatMap(\.status.podIPs).map(\.ip)
        #expect(addresses.count == 20)
        #expect(Set(addresses) == Set(fixture.leases.map { $0.replacing("_", with: ":") }))
        for name in names { node.remove("\(name).yaml") }
        try eventually("some are gone") { fixture.leases.count < 14 }
        node.killAgent()
        try node.startAgent()
        try eventually("all Pods are gone") { try node.toldPods().isEmpty }
        #expect(fixture.leases == [])
        let left = try remains(node)
        #expect(left == "")
        try node.end()
    }

    /// Steps of a start, and of an end.
    private static let (rising, falling): ([CrashPoint], [CrashPoint]) = (
        [.afterShim, .sandboxRequested, .pauseStarted, .beforeRecord, .betweenRecords, .containerRequested],
        [
            .beforeLastRecord, .beforeShimEnd, .afterShimEnd, .beforeCgroupRemoved, .afterRunDirectoryRemoved,
            .beforeLogsRemoved, .afterStateRemoved,
        ]
    )

    @Test(
        "An agent that dies in the middle leaves no address and no link behind",
        arguments: rising + falling
    )
    func crash(point: CrashPoint) throws {
        let fixture = try CNIFixture()
        try fixture.describeBridge()
        let node = try TestNode(
            images: ["busybox"],
            flags: fixture.flags,
            firstEnvironment: ["PODAGENT_CRASH_AT=\(point.rawValue)"],
            ownNetwork: true
        )
        try node.put("web.yaml", manifest("web", Self.server))
        if Self.rising.contains(point) {
            #expect(node.waitForAgent() == 128 + SIGKILL)
            try node.startAgent()
        }
        try node.wait("web", for: "condition=Ready")
        #expect(fixture.leases.count == 2)
        node.remove("web.yaml")
        if Self.falling.contains(point) {
            #expect(node.waitForAgent() == 128 + SIGKILL)
            try node.startAgent()
        }
        try eventually("the Pod is gone") { try node.toldPods().isEmpty }
        #expect(fixture.leases == [])
        let left = try remains(node)
        #expect(left == "")
        try node.end()
    }

    /// Whether manifests may ask for ports of the node.
    private static let acceptsHostPorts: Bool = {
        let text =
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: "
            + "[{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}]}]}}"
        let path = "/tmp/podagent-cni-validate-\(getpid()).yaml"
        defer { unlink(path) }
        guard let root = try? RootedDirectory(hostPath: "/tmp"),
            (try? root.replaceFile(String(path.dropFirst(5)), with: Array(text.utf8), mode: 0o600)) != nil
        else { return false }
        let command = ["\(TestNode.products)/podagent", "validate", "-f", path]
        return (try? Subprocess.run(command, scratch: "/tmp").code) == 0
    }()

    @Test(
        "A port of the node leads to the Pod as portmap has it",
        .enabled(if: acceptsHostPorts, "admission refuses hostPort so far")
    )
    func hostPort() throws {
        let fixture = try CNIFixture()
        try fixture.describeBridge()
        let node = try TestNode(images: ["busybox"], flags: fixture.flags, ownNetwork: true)
        // A node without an address of its own has no port to lead anywhere.
        _ = try inNode(node, "/usr/sbin/ip", "link", "set", "lo", "up")
        _ = try inNode(node, "/usr/sbin/ip", "address", "add", "192.0.2.1/32", "dev", "lo")
        let ports = "[{containerPort: 80, hostPort: 8080}]"
        try node.put("web.yaml", manifest("web", Self.server, ports: ports))
        try node.wait("web", for: "condition=Ready")
        try eventually("the node's port leads to the Pod") {
            try inNode(node, "/usr/bin/busybox", "wget", "-qO-", "http://192.0.2.1:8080/").output
                == "web-node1\n"
        }
        node.remove("web.yaml")
        try node.wait("web", for: "delete")
        let left = try remains(node)
        #expect(left == "")
        try node.end()
    }
}

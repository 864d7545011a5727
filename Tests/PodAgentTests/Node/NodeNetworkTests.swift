import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Pods with addresses. The node has a network namespace of its own, so that nothing is made in the machine's.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking
)
struct NodeNetworkTests {
    private func manifest(
        _ name: String,
        _ command: String,
        _ setting: String = "terminationGracePeriodSeconds: 0"
    )
        -> String
    {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          \(setting)
          containers:
          - name: c
            image: busybox:1.36
            command: ["/bin/sh", "-c", "\(command)"]
        """
    }

    private func addresses(_ node: TestNode, _ name: String) throws -> [String] {
        try node.toldPods().first { $0.metadata.name == "\(name)-node1" }?.status.podIPs.map(\.ip) ?? []
    }

    private func inNode(_ node: TestNode, _ arguments: String...) throws -> Subprocess.Outcome {
        try Subprocess.run(node.inNetwork(arguments), scratch: "\(node.directory)/scratch")
    }

    @Test(
        "Pods reach each other and the node by the addresses that are told, which outlive restarts of everything"
    )
    func reach() throws {
        let node = try TestNode(
            images: ["busybox"],
            flags: ["--pod-cidr", "10.88.0.0/24,fd00:88::/64"],
            ownNetwork: true
        )
        try node.put("web.yaml", manifest("web", "mkdir /www; hostname >/www/index.html; httpd -f -h /www"))
        try node.wait("web", for: "condition=Ready")
        try node.put("client.yaml", manifest("client", "sleep 1000"))
        try node.wait("client", for: "condition=Ready")
        let (web, client) = (try addresses(node, "web"), try addresses(node, "client"))
        #expect(web == ["10.88.0.2", "fd00:88::2"])
        #expect(client == ["10.88.0.3", "fd00:88::3"])
        #expect(try node.ask("exec", "web", "--", "cat", "/etc/hosts").contains("10.88.0.2\tweb-node1\n"))

        func isReached() throws -> Bool {
            try node.podagent("exec", "client", "--", "wget", "-qO-", "http://10.88.0.2/").output
                == "web-node1\n"
                && node.podagent("exec", "client", "--", "wget", "-qO-", "http://[fd00:88::2]/").output
                    == "web-node1\n"
        }
        try eventually("the client reaches the web server") { try isReached() }
        // A bridge's ports are spoken to by nobody.
        let look = "ip -o link | grep -c ': pod[0-9a-f]*@'; ip -6 -o address | grep ': pod[0-9a-f]* '"
        #expect(try inNode(node, "/bin/sh", "-c", look).output == "2\n")
        let fromNode = try inNode(node, "/usr/bin/curl", "-sS", "--max-time", "5", "http://10.88.0.2/")
        #expect(fromNode.output == "web-node1\n", "\(fromNode)")

        node.killAgent()
        try node.startAgent()
        #expect(try addresses(node, "web") == web)
        #expect(try isReached())

        for pause in node.processes() where readText("/proc/\(pause)/comm").hasPrefix("pause") {
            kill(pause, SIGKILL)
        }
        try eventually("the client reaches the new sandbox") {
            try node.podagent("wait", "pod", "web", "--for", "condition=Ready", "--timeout", "1s").code == 0
                && isReached()
        }
        #expect(try addresses(node, "client") == client)
        try node.end()
    }

    @Test("When no address is left a Pod waits for one, and says so")
    func exhausted() throws {
        let node = try TestNode(images: ["busybox"], flags: ["--pod-cidr", "10.88.0.0/30"], ownNetwork: true)
        try node.put("first.yaml", manifest("first", "sleep 1000"))
        try node.wait("first", for: "condition=Ready")
        try node.put("host.yaml", manifest("host", "sleep 1000", "hostNetwork: true"))
        try node.put("second.yaml", manifest("second", "sleep 1000"))
        try eventually("the second waits") {
            try node.ask("events").contains("no address is left in 10.88.0.0/30: remove Pods")
        }
        try node.wait("host", for: "condition=Ready")
        #expect(try addresses(node, "second") == [])
        node.remove("first.yaml")
        try node.wait("second", for: "condition=Ready")
        #expect(try addresses(node, "second") == ["10.88.0.2"])
        #expect(
            try node.ask("exec", "second", "--", "cat", "/etc/hosts").contains("10.88.0.2\tsecond-node1\n")
        )
        try node.end()
    }

    @Test(
        "Without Pods nothing is left of the network when the agent ends, and a link of the name that is not ours is left alone"
    )
    func bridge() throws {
        let node = try TestNode(flags: ["--pod-cidr", "10.88.0.0/24", "--bridge", "pods0"], ownNetwork: true)
        #expect(
            try inNode(node, "/usr/sbin/ip", "-o", "address", "show", "dev", "pods0").output.contains(
                "10.88.0.1/24"
            )
        )
        let agent = try #require(node.agent)
        kill(agent.pid, SIGTERM)
        #expect(agent.wait() == 0)
        #expect(try inNode(node, "/usr/sbin/ip", "-o", "link", "show", "dev", "pods0").code != 0)

        _ = try inNode(node, "/usr/sbin/ip", "link", "add", "pods0", "type", "veth", "peer", "name", "other")
        try node.spawnAgent()
        #expect(try #require(node.agent).wait() == 1)
        #expect(node.agentLog.contains("there is a network link pods0 that is not podagent's bridge"))
        _ = try inNode(node, "/usr/sbin/ip", "link", "del", "pods0")
        try node.startAgent()
        try node.end()
    }
}

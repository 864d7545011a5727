import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Three nodes with three agents on one wire.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking,
    .serialized
)
struct PeerTests {
    struct Way: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var flags: [String]
        /// What a node's number stands behind, in its entry of the configuration.
        var addresses: [String]
        var podMTU: Int
        /// What is taken away by hand, and what has to come back.
        var removal: String
        var told: String

        func addresses(of number: Int) -> String { addresses.map { "\($0)\(number)" }.joined(separator: ",") }
    }

    static let ways = [
        Way(
            testDescription: "by routes through each other",
            flags: [],
            addresses: ["192.0.2.", "2001:db8::"],
            podMTU: 1500,
            removal: "ip route del 10.88.2.0/24; ip -6 route del fd00:88:2::/64",
            told: "PeerRouteRestored: routes had been removed and are made again: to"
        ),
        Way(
            testDescription: "by VXLAN between IPv4 addresses",
            flags: ["--backend", "vxlan"],
            addresses: ["192.0.2.", "2001:db8::"],
            podMTU: 1450,
            removal: "ip link del podagent0-vx",
            told: "TunnelRestored: the VXLAN link to other nodes had been removed; made again"
        ),
        Way(
            testDescription: "by VXLAN between IPv6 addresses, with a number and a port of its own",
            flags: [
                "--backend", "vxlan", "--vxlan-vni", "4096", "--vxlan-port", "8472", "--bridge", "pods0",
            ],
            addresses: ["2001:db8::"],
            podMTU: 1430,
            removal: "ip link set pods0-vx down",
            told: "PeerRouteRestored: routes had been removed and are made again: to"
        ),
    ]

    @Test(
        "Every Pod reaches every Pod of three nodes under its own address, and what is taken away comes back",
        arguments: ways
    )
    func reach(_ way: Way) throws {
        let cluster = try PeerCluster(
            3,
            images: ["busybox"],
            addresses: way.addresses(of:),
            flags: way.flags
        )
        for (index, node) in cluster.nodes.enumerated() {
            try node.put("web.yaml", manifest)
            try node.wait("web-node\(index + 1)", for: "condition=Ready")
        }
        try allReachAll(cluster)
        #expect(try cluster.nodes[0].ask("exec", "web", "--", "ip", "link").contains("mtu \(way.podMTU) "))
        let size = try cluster.nodes[0].ask(
            "exec",
            "web",
            "--",
            "sh",
            "-c",
            "timeout 5 wget -qO- http://10.88.3.2/large | wc -c"
        )
        #expect(size == "300000\n")
        #expect(
            try cluster.onNode(1, "timeout 5 busybox wget -qO- http://10.88.2.2/cgi-bin/who").contains(
                "10.88.1.1"
            )
        )

        try agentGoes(cluster)
        try linkGoes(cluster)
        try removeByHand(cluster, way)
        try cluster.end()
    }

    private func allReachAll(
        _ cluster: PeerCluster,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var seen: [Int: Set<String>] = [:]
        do {
            try eventually("all reach all", sourceLocation: sourceLocation) {
                seen = try self.seen(cluster, from: 1...3, to: 1...3)
                return seen == own(1...3)
            }
        } catch {
            Issue.record("\(seen)\n\(cluster.nodes.map(\.agentLog))", sourceLocation: sourceLocation)
            throw error
        }
    }

    /// The Pods of a node go on while its agent is away, killed or ended, and after it has come back.
    private func agentGoes(_ cluster: PeerCluster) throws {
        cluster.nodes[1].killAgent()
        #expect(try seen(cluster, from: [1, 3], to: 1...3) == own([1, 3]))
        try cluster.nodes[1].startAgent()
        cluster.nodes[2].endAgent(by: SIGTERM)
        #expect(try seen(cluster, from: [1, 2], to: 1...3) == own([1, 2]))
        try cluster.nodes[2].startAgent()
        #expect(try seen(cluster, from: 1...3, to: 1...3) == own(1...3))
    }

    /// A node that was off the network for a while is reached again, and reaches the others.
    private func linkGoes(_ cluster: PeerCluster) throws {
        try cluster.onNode(2, "ip link set eth0 down")
        #expect(try seen(cluster, from: [1], to: [2], patience: 1) == [1: []])
        try cluster.onNode(2, "ip link set eth0 up")
        try allReachAll(cluster)
    }

    private func removeByHand(_ cluster: PeerCluster, _ way: Way) throws {
        let node = cluster.nodes[0]
        #expect(!node.agentLog.contains(way.told))
        try cluster.onNode(1, way.removal)
        try eventually("what was removed comes back") {
            try seen(cluster, from: 1...3, to: 1...3) == own(1...3)
        }
        try eventually("it is told") { node.agentLog.contains(way.told) }
        #expect(try node.ask("events").contains(String(way.told.prefix { $0 != ":" })))
    }

    private let manifest = """
        apiVersion: v1
        kind: Pod
        metadata: {name: web}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: busybox:1.36
            command:
            - /bin/sh
            - -c
            - |
              mkdir -p /www/cgi-bin
              head -c 300000 /dev/zero >/www/large
              printf '#!/bin/sh\\necho Content-Type: text/plain\\necho\\necho $REMOTE_ADDR\\n' >/www/cgi-bin/who
              chmod 755 /www/cgi-bin/who
              exec httpd -f -h /www
        """

    /// For each client's node, as which addresses its Pod is seen by the servers on the other nodes, by either family.
    ///
    /// - Parameter seconds: how long each question may take.
    private func seen(
        _ cluster: PeerCluster,
        from clients: some Sequence<Int>,
        to servers: some Sequence<Int>,
        patience seconds: Int = 5
    ) throws -> [Int: Set<String>] {
        var seen: [Int: Set<String>] = [:]
        for client in clients {
            var asked = 0
            var script = ""
            for server in servers where server != client {
                for host in ["10.88.\(server).2", "[fd00:88:\(server)::2]"] {
                    script += "timeout \(seconds) wget -qO- http://\(host)/cgi-bin/who; "
                    asked += 1
                }
            }
            let outcome = try cluster.nodes[client - 1].podagent("exec", "web", "--", "sh", "-c", script)
            let lines = outcome.output.split(separator: "\n").map { name($0) }
            // One answer for each question; fewer are as good as none.
            seen[client] = lines.count == asked || lines.isEmpty ? Set(lines) : ["\(lines.count) of \(asked)"]
        }
        return seen
    }

    /// As the server writes an address: in brackets, and one of IPv4 as its IPv6 socket has it.
    private func name(_ written: Substring) -> String {
        written.filter { $0 != "[" && $0 != "]" }.replacing("::ffff:", with: "")
    }

    private func own(_ clients: some Sequence<Int>) -> [Int: Set<String>] {
        Dictionary(uniqueKeysWithValues: clients.map { ($0, ["10.88.\($0).2", "fd00:88:\($0)::2"]) })
    }
}

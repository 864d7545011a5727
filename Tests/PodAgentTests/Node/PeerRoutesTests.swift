import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What one node does in its own kernel for peers that need not be there.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .blocking)
final class PeerRoutesTests {
    private let configuration: String

    init() throws {
        var template = Array("/tmp/podagent-test-XXXXXX.yaml".utf8CString)
        let raw = mkstemps(&template, 5)
        try #require(raw >= 0)
        close(raw)
        configuration = template.withUnsafeBufferPointer { bytes in
            String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    deinit { unlink(configuration) }

    private func configure(_ peers: Int..., backend: String = "host-gw") throws {
        var text = "backend: \(backend)\npeers:\n"
        for number in peers {
            text += "  node\(number): \(PeerCluster.entry(number, "192.0.2.\(number),2001:db8::\(number)"))\n"
        }
        try write(text)
    }

    private func write(_ text: String) throws {
        let raw = cns_openat(AT_FDCWD, configuration, O_WRONLY | O_TRUNC, 0)
        try #require(raw >= 0)
        try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: configuration)
    }

    /// A node whose link eth0 leads to nobody.
    private func start(_ script: String = PeerCluster.setUp(1)) throws -> TestNode {
        try TestNode(flags: ["--config", configuration], ownNetwork: true) { node in
            try shell(node, "ip link add eth0 type veth peer name wire; ip link set wire up\n" + script)
        }
    }

    @discardableResult
    private func shell(_ node: TestNode, _ script: String) throws -> String {
        let outcome = try Subprocess.run(
            node.inNetwork(["/bin/sh", "-ec", script]),
            scratch: "\(node.directory)/scratch"
        )
        try #require(outcome.code == 0, "\(script): \(outcome)")
        return outcome.output
    }

    /// The networks to which there are routes of ours, in the kernel's order.
    private func routes(_ node: TestNode) throws -> [String] {
        try shell(node, "ip -4 route show proto 110; ip -6 route show proto 110").split(separator: "\n").map {
            String($0.prefix { $0 != " " })
        }
    }

    /// The rules that say to whom Pods do not speak as the node.
    private func unmasked(_ node: TestNode) throws -> String {
        try shell(node, "nft list chain inet podagent outgoing")
    }

    private func reload(_ node: TestNode, until told: String) throws {
        kill(try #require(node.agent).pid, SIGHUP)
        try eventually("the agent tells: \(told)") { node.agentLog.contains(told) }
    }

    private func count(_ text: String, in log: String) -> Int { log.components(around: text) - 1 }

    static let node2 = ["10.88.2.0/24", "fd00:88:2::/64"]
    static let node3 = ["10.88.3.0/24", "fd00:88:3::/64"]

    @Test("Peers on no network of the node are told of once, and reached as soon as there is a way to them")
    func waiting() throws {
        try configure(1, 2)
        let node = try start("ip link set lo up")
        #expect(node.agentLog.contains("PeerUnreachable: no route to 10.88.2.0/24 of node2 by 192.0.2.2"))
        #expect(node.agentLog.contains("fd00:88:2::/64 of node2 by 2001:db8::2"))
        let told = count("PeerUnreachable", in: node.agentLog)
        // News of what does not help.
        for number in 1...3 {
            try shell(
                node,
                "ip link add a\(number) type veth peer name b\(number); ip link set a\(number) up"
            )
        }
        try shell(node, PeerCluster.setUp(1))
        try eventually("there are routes") { try routes(node) == Self.node2 }
        try eventually("it is told") { node.agentLog.contains("there are routes again to ") }
        #expect(count("PeerUnreachable", in: node.agentLog) == told)
        try node.end()
    }

    @Test(
        "A reload takes over other peers at once, and nothing of a configuration that does not hold together"
    )
    func reload() throws {
        try configure(1, 2)
        let node = try start()
        #expect(try routes(node) == Self.node2)
        #expect(try unmasked(node).contains("fd00:88:2::/64"))
        try configure(1, 3)
        try reload(node, until: "configuration reloaded: peers in effect")
        try eventually("the routes are others") { try routes(node) == Self.node3 }
        try eventually("Pods speak to others as themselves") {
            let rules = try unmasked(node)
            return rules.contains("fd00:88:3::/64") && !rules.contains("fd00:88:2::/64")
        }

        try write("peers:\n  node1: 10.88.1.0/24 via 192.0.2.1\n  node2: 10.88.1.128/25 via 192.0.2.2\n")
        try reload(
            node,
            until:
                "refused and stays as it was: peers: 10.88.1.0/24 of this node, node1 and 10.88.1.128/25 of node2 overlap"
        )
        try write("peers:\n  node1: 10.88.7.0/24 via 192.0.2.1\n  node2: 10.88.2.0/24 via 192.0.2.2\n")
        try reload(node, until: "peers has another network for the Pods of this node")
        #expect(try routes(node) == Self.node3)

        try write("peers: {}\n")
        try reload(node, until: "removed the route to 10.88.3.0/24")
        try eventually("there are none") { try routes(node) == [] }
        try node.end()
    }

    @Test("What a killed agent has left is taken over, changed or removed by the next one")
    func takeOver() throws {
        try configure(1, 2, 3, backend: "vxlan")
        let node = try start()
        #expect(
            try routes(node) == Self.node2.prefix(1) + Self.node3.prefix(1) + Self.node2.suffix(1)
                + Self.node3.suffix(1)
        )
        let link = try shell(node, "ip -o link show podagent0-vx").prefix { $0 != ":" }
        node.killAgent()
        #expect(try routes(node).count == 4)

        try configure(1, 2, backend: "vxlan")
        try node.startAgent()
        #expect(try routes(node) == Self.node2)
        #expect(try shell(node, "ip -o link show podagent0-vx").hasPrefix("\(link):"), "the link stays")
        #expect(
            try !shell(node, "ip neigh show dev podagent0-vx; bridge fdb show dev podagent0-vx").contains(
                ":03:00"
            )
        )
        node.killAgent()

        try configure(1, 2)
        try node.startAgent()
        #expect(try shell(node, "ip route show proto 110").contains("10.88.2.0/24 via 192.0.2.2 dev eth0"))
        #expect(try !shell(node, "ip -o link").contains("podagent0-vx"))
        try node.end()
    }

    @Test("Routes and links of others are left alone, and their going is noticed")
    func others() throws {
        try configure(1, 2, backend: "vxlan")
        let node = try start(
            PeerCluster.setUp(1) + "\nip link add podagent0-vx type veth peer name other"
                + "\nip route add 10.88.3.0/24 via 192.0.2.9 proto static"
        )
        #expect(
            node.agentLog.contains(
                "TunnelLost: the Pods of other nodes cannot be reached: there is a network link podagent0-vx that is not"
            )
        )
        #expect(try routes(node) == [])
        try shell(node, "ip link del podagent0-vx")
        try eventually("there is a tunnel") { try routes(node) == Self.node2 }

        try configure(1, 2, 3, backend: "vxlan")
        try reload(
            node,
            until: "PeerUnreachable: no route to 10.88.3.0/24 of node3 by 10.88.3.0: there is one that is not"
        )
        #expect(try shell(node, "ip route show 10.88.3.0/24").contains("via 192.0.2.9"))
        try shell(node, "ip route del 10.88.3.0/24")
        try eventually("the route is ours") { try routes(node).contains("10.88.3.0/24") }
        try node.end()
    }

    @Test("When the agent ends and there are no Pods, its routes and its tunnel go, and those of others stay")
    func ends() throws {
        try configure(1, 2, backend: "vxlan")
        let node = try start()
        try shell(node, "ip route add 10.99.0.0/16 via 192.0.2.9 proto 110")
        node.endAgent(by: SIGTERM)
        #expect(try routes(node) == ["10.99.0.0/16"])
        #expect(try !shell(node, "ip -o link").contains("podagent0"))
        try node.end()
    }
}

extension String {
    /// How many parts there are around a text.
    fileprivate func components(around text: String) -> Int {
        split(separator: text, omittingEmptySubsequences: false).count
    }
}

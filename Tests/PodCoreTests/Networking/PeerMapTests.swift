import Testing

@testable import PodCore

/// The entries of the configuration: how each is written, and what all of them together must be.
@Suite struct PeerMapTests {
    @Test("An entry is read with the white space and the order that people use")
    func entry() throws {
        let peer = try Peer(
            name: "Node-2",
            parsing: " fd00:88:2::/64, 10.88.2.0/24  via 2001:db8::2 ,192.0.2.2 "
        )
        #expect(peer.name == "node-2")
        #expect(peer.subnets.map(\.description) == ["10.88.2.0/24", "fd00:88:2::/64"])
        #expect(peer.addresses.map(\.description) == ["192.0.2.2", "2001:db8::2"])
    }

    @Test(
        "An entry that is wrong is refused by what is wrong in it",
        arguments: [
            ("node_2", "10.0.0.0/24 via 192.0.2.2", #""node_2" is no name of a node, such as node-2"#),
            ("n", "10.0.0.0/24", #""10.0.0.0/24" must be like 10.88.2.0/24 via 192.0.2.2"#),
            ("n", "via 192.0.2.2", #""via 192.0.2.2" must be like 10.88.2.0/24 via 192.0.2.2"#),
            ("n", "10.0.0.0/24 via", #""10.0.0.0/24 via" must be like 10.88.2.0/24 via 192.0.2.2"#),
            ("n", "10.0.0.0 via 192.0.2.2", #""10.0.0.0" is no network such as 10.88.0.0/16"#),
            (
                "n", "10.0.0.1/24 via 192.0.2.2",
                #""10.0.0.1/24" is an address in a network; did you mean 10.0.0.0/24?"#
            ),
            ("n", "10.0.0.0/31 via 192.0.2.2", "10.0.0.0/31 has no room for Pods"),
            (
                "n", "10.0.0.0/24,10.0.1.0/24 via 192.0.2.2",
                #""10.0.0.0/24,10.0.1.0/24" has two of one family; there can be one of IPv4 and one of IPv6"#
            ),
            ("n", "10.0.0.0/24 via 192.0.2", #""192.0.2" is no address that a node can be reached by"#),
            ("n", "10.0.0.0/24 via 127.0.0.1", #""127.0.0.1" is no address that a node can be reached by"#),
            ("n", "10.0.0.0/24 via 224.0.0.1", #""224.0.0.1" is no address that a node can be reached by"#),
            ("n", "10.0.0.0/24 via fe80::1", #""fe80::1" is no address that a node can be reached by"#),
            ("n", "10.0.0.0/24 via ff02::1", #""ff02::1" is no address that a node can be reached by"#),
            ("n", "10.0.0.0/24 via ::", #""::" is no address that a node can be reached by"#),
            ("n", "10.0.0.0/24 via 192.0.2.2,", #""" is no address that a node can be reached by"#),
            (
                "n", "10.0.0.0/24 via 192.0.2.2,192.0.2.3",
                #""192.0.2.2,192.0.2.3" has two of one family; there can be one of IPv4 and one of IPv6"#
            ),
        ]
    )
    func badEntry(name: String, text: String, problem: String) {
        let failure = #expect(throws: Peer.Failure.self) { try Peer(name: name, parsing: text) }
        #expect(failure?.description == problem)
    }

    @Test("A flag has all entries, with semicolons between them")
    func list() throws {
        let peers = try Peer.list(parsing: "a = 10.0.1.0/24 via 192.0.2.1; b=10.0.2.0/24 via 192.0.2.2;")
        #expect(peers.map(\.name) == ["a", "b"])
        #expect(try Peer.list(parsing: " ") == [])
        #expect(throws: Peer.Failure.nodeTwice("a")) {
            try Peer.list(parsing: "a=10.0.1.0/24 via 192.0.2.1;A=10.0.2.0/24 via 192.0.2.2")
        }
        #expect(throws: Peer.Failure.form("10.0.1.0/24 via 192.0.2.1")) {
            try Peer.list(parsing: "10.0.1.0/24 via 192.0.2.1")
        }
    }

    static let two = "node1=10.0.1.0/24 via 192.0.2.1;node2=10.0.2.0/24 via 192.0.2.2"

    private func map(
        _ entries: String,
        node: String = "node1",
        subnets: [String] = [],
        _ backend: PeerMap.Backend = .hostGateway
    ) throws -> PeerMap {
        let subnets = try subnets.map { try Subnet(parsing: $0) }
        return try PeerMap(
            entries: try Peer.list(parsing: entries),
            nodeName: node,
            subnets: subnets,
            backend: backend
        )
    }

    @Test(
        "A node takes its own entry for its own network, if it is given none, and the others for peers",
        arguments: [
            ("node1", [], ["10.0.1.0/24"], ["node2"]),
            ("node2", [], ["10.0.2.0/24"], ["node1"]),
            ("node1", ["10.0.1.0/24"], ["10.0.1.0/24"], ["node2"]),
            ("node3", ["10.0.3.0/24"], ["10.0.3.0/24"], ["node1", "node2"]),
        ] as [(String, [String], [String], [String])]
    )
    func own(node: String, given: [String], subnets: [String], peers: [String]) throws {
        let map = try map(Self.two, node: node, subnets: given)
        #expect(map.subnets.map(\.description) == subnets)
        #expect(map.peers.map(\.name) == peers)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String { "\(node) \(backend.rawValue) \(entries)" }
        var entries: String
        var node = "node1"
        var subnets: [String] = []
        var backend = PeerMap.Backend.hostGateway
        var problem: String
    }

    @Test(
        "A map that does not hold together is refused in one line that names both sides",
        arguments: [
            Refusal(
                entries: two,
                node: "node3",
                problem:
                    "peers: this node needs a network for its own Pods; give it by --pod-cidr, or as the entry of node3"
            ),
            Refusal(
                entries: two,
                subnets: ["10.0.9.0/24"],
                problem:
                    "peers: the entry of this node, node1, has 10.0.1.0/24, but --pod-cidr is 10.0.9.0/24; "
                    + "make them the same on all nodes"
            ),
            Refusal(
                entries: two,
                node: "node3",
                subnets: ["10.0.0.0/16"],
                problem: "peers: 10.0.0.0/16 of this node, node3 and 10.0.1.0/24 of node1 overlap; "
                    + "give each node a network of its own"
            ),
            Refusal(
                entries: two + ";node3=10.0.2.128/25 via 192.0.2.3",
                problem: "peers: 10.0.2.0/24 of node2 and 10.0.2.128/25 of node3 overlap; "
                    + "give each node a network of its own"
            ),
            Refusal(
                entries: two + ";node3=10.0.3.0/24 via 192.0.2.1",
                problem: "peers: node1 and node3 cannot both have the address 192.0.2.1"
            ),
            Refusal(
                entries: two + ";node3=10.0.3.0/24 via 10.0.2.7",
                problem:
                    "peers: the address 10.0.2.7 of node3 is in 10.0.2.0/24, which is for the Pods of node2"
            ),
            Refusal(
                entries: two + ";node3=fd00:3::/64 via 192.0.2.3",
                problem:
                    "peers: node3 needs an address of the family of fd00:3::/64 for --backend host-gw; add one after via"
            ),
            Refusal(
                entries: two + ";node3=10.0.3.0/24 via 2001:db8::3",
                backend: .vxlan,
                problem:
                    "peers: --backend vxlan needs an IPv4 address of every node, or an IPv6 address of every node"
            ),
        ]
    )
    func refused(_ refusal: Refusal) {
        let failure = #expect(throws: PeerMap.Failure.self) {
            try map(refusal.entries, node: refusal.node, subnets: refusal.subnets, refusal.backend)
        }
        #expect(failure?.description == refusal.problem)
    }

    @Test("Without peers any network of this node will do, or none")
    func alone() throws {
        #expect(try map("", subnets: []).peers == [])
        #expect(try map("node1=10.0.1.0/24 via 192.0.2.1").subnets.map(\.description) == ["10.0.1.0/24"])
    }
}

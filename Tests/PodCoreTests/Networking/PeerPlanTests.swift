import Testing

@testable import PodCore

/// What the kernel is to have for the peers, and what is to be done for it.
@Suite struct PeerPlanTests {
    static let both: String = """
        node1=10.0.1.0/24,fd00:1::/64 via 192.0.2.1,2001:db8::1;\
        node2=10.0.2.0/24,fd00:2::/64 via 192.0.2.2,2001:db8::2
        """

    private func plan(
        _ backend: PeerMap.Backend,
        entries: String = Self.both,
        subnets: [String] = []
    ) throws -> PeerPlan {
        let subnets = try subnets.map { try Subnet(parsing: $0) }
        let peers = try Peer.list(parsing: entries)
        return PeerPlan(try PeerMap(entries: peers, nodeName: "node1", subnets: subnets, backend: backend))
    }

    private func subnet(_ text: String) throws -> Subnet { try Subnet(parsing: text) }

    @Test("By host-gw a peer's networks are behind its own addresses, and Pods' packets keep their size")
    func hostGateway() throws {
        let plan = try plan(.hostGateway)
        #expect(plan.routes.map(\.destination.description) == ["10.0.2.0/24", "fd00:2::/64"])
        #expect(plan.routes.map(\.gateway.description) == ["192.0.2.2", "2001:db8::2"])
        #expect(plan.routes.map(\.source.description) == ["10.0.1.1", "fd00:1::1"])
        #expect(plan.tunnel == nil)
        #expect(plan.podMTU(onLinkOf: 1500) == 1500)
    }

    @Test(
        "By VXLAN they are behind the tunnel's neighbours, whose hardware address follows from the network",
        arguments: [
            (both, [0x0e, 4, 10, 0, 1, 0], [0x0e, 4, 10, 0, 2, 0], "192.0.2.2", 1450),
            (
                "node1=10.0.1.0/24,fd00:1::/64 via 2001:db8::1;node2=10.0.2.0/24,fd00:2::/64 via 2001:db8::2",
                [0x0e, 6, 10, 0, 1, 0], [0x0e, 6, 10, 0, 2, 0], "2001:db8::2", 1430
            ),
        ] as [(String, [UInt8], [UInt8], String, UInt32)]
    )
    func vxlan(entries: String, own: [UInt8], other: [UInt8], remote: String, mtu: UInt32) throws {
        let plan = try plan(.vxlan, entries: entries)
        #expect(plan.routes.map(\.gateway.description) == ["10.0.2.0", "fd00:2::"])
        #expect(plan.tunnel?.hardware == own)
        #expect(plan.tunnelPeers.map(\.hardware) == [other])
        #expect(plan.tunnelPeers.map(\.remote.description) == [remote])
        #expect(plan.podMTU(onLinkOf: 1500) == mtu)
        #expect(plan.podMTU(onLinkOf: 1000) == 1280, "IPv6 has to fit")
    }

    @Test("Two nodes with networks of IPv6 alone have different hardware addresses, each the same on both")
    func hardwareOfIPv6() throws {
        let entries = "node1=fd00:1::/64 via 2001:db8::1;node2=fd00:2::/64 via 2001:db8::2"
        let plan = try plan(.vxlan, entries: entries)
        let peers = try Peer.list(parsing: entries)
        let other = PeerPlan(try PeerMap(entries: peers, nodeName: "node2", subnets: [], backend: .vxlan))
        #expect(plan.tunnel?.hardware == other.tunnelPeers.first?.hardware)
        #expect(other.tunnel?.hardware == plan.tunnelPeers.first?.hardware)
        #expect(plan.tunnel?.hardware != other.tunnel?.hardware)
    }

    @Test("A family that this node's Pods do not have gets no route")
    func oneFamily() throws {
        let entries = "node2=10.0.2.0/24,fd00:2::/64 via 192.0.2.2,2001:db8::2"
        let plan = try plan(.hostGateway, entries: entries, subnets: ["10.0.1.0/24"])
        #expect(plan.routes.map(\.destination.description) == ["10.0.2.0/24"])
    }

    // MARK: From what the kernel has

    private func found(
        _ destination: String,
        by gateway: String,
        from source: String?,
        link: Int32 = 3,
        protocolNumber: UInt8 = NetlinkRoute.ourProtocol,
        table: UInt8 = NetlinkRoute.mainTable,
        flags: UInt32 = 0
    ) throws -> NetlinkRoute {
        NetlinkRoute(
            destination: try subnet(destination),
            gateway: IPAddress(gateway),
            source: source.flatMap { IPAddress($0) },
            outgoing: link,
            table: table,
            protocolNumber: protocolNumber,
            flags: flags
        )
    }

    struct Found: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var route: NetlinkRoute?
        /// `make`, `replace` and `remove`, with the network.
        var changes: [String]
    }

    private static func route(_ change: (inout NetlinkRoute) -> Void = { _ in }) -> NetlinkRoute {
        var route = NetlinkRoute(
            destination: Subnet(containing: .v4(0x0a00_0200), prefixLength: 24),
            gateway: IPAddress("192.0.2.2"),
            source: IPAddress("10.0.1.1"),
            outgoing: 3,
            table: 254,
            protocolNumber: 110,
            flags: 0
        )
        change(&route)
        return route
    }

    static let observations: [Found] = [
        Found(testDescription: "nothing", route: nil, changes: ["make 10.0.2.0/24"]),
        Found(testDescription: "what is wanted", route: route(), changes: []),
        Found(
            testDescription: "another next hop",
            route: route { $0.gateway = IPAddress("192.0.2.9") },
            changes: ["replace 10.0.2.0/24"]
        ),
        Found(
            testDescription: "another link than the one by which the peer is reached",
            route: route { $0.outgoing = 4 },
            changes: ["replace 10.0.2.0/24"]
        ),
        Found(
            testDescription: "a dead next hop",
            route: route { $0.flags = 1 },
            changes: ["replace 10.0.2.0/24"]
        ),
        Found(
            testDescription: "a network of nobody any more",
            route: route { $0.destination = Subnet(containing: .v4(0x0a00_0900), prefixLength: 24) },
            changes: ["remove 10.0.9.0/24", "make 10.0.2.0/24"]
        ),
        Found(
            testDescription: "one of another maker",
            route: route { $0.protocolNumber = 4 },
            changes: ["make 10.0.2.0/24"]
        ),
        Found(
            testDescription: "one of another podagent with another network",
            route: route { $0.source = IPAddress("10.9.9.1") },
            changes: ["make 10.0.2.0/24"]
        ),
        Found(
            testDescription: "one in another table",
            route: route { $0.table = 100 },
            changes: ["make 10.0.2.0/24"]
        ),
    ]

    @Test(
        "What the kernel has decides what is done, and only what is ours is touched",
        arguments: observations
    )
    func changes(_ found: Found) throws {
        let plan = try plan(
            .hostGateway,
            entries: "node1=10.0.1.0/24 via 192.0.2.1;node2=10.0.2.0/24 via 192.0.2.2"
        )
        let there = [found.route].compactMap(\.self)
        let changes = plan.changes(from: there, tunnel: nil, outgoing: [.v4(0xc000_0202): 3])
        #expect(changes.map(text) == found.changes)
    }

    private func text(_ change: PeerPlan.Change) -> String {
        switch change {
        case .make(let route): "make \(route.destination)"
        case .replace(let route): "replace \(route.destination)"
        case .remove(let route): "remove \(route.destination)"
        }
    }

    @Test("A peer that is not reached now keeps the route that it has")
    func unknownLink() throws {
        let plan = try plan(.hostGateway)
        let there = [
            Self.route(), try found("fd00:2::/64", by: "2001:db8::2", from: "fd00:1::1"),
        ]
        #expect(plan.changes(from: there, tunnel: nil, outgoing: [:]) == [])
    }

    @Test("A route into a tunnel that has been made again is replaced")
    func newTunnel() throws {
        let plan = try plan(.vxlan)
        let there = [
            try found("10.0.2.0/24", by: "10.0.2.0", from: "10.0.1.1", link: 7),
            try found("fd00:2::/64", by: "fd00:2::", from: "fd00:1::1", link: 7),
        ]
        #expect(plan.changes(from: there, tunnel: 7, outgoing: [:]) == [])
        #expect(plan.changes(from: there, tunnel: 8, outgoing: [:]).count == 2)
    }

    @Test(
        "The tunnel's link is made, kept, brought up, made anew, removed, or left to its owner",
        arguments: [
            (nil, .vxlan, .make(removing: nil)),
            (nil, .hostGateway, .none),
            (tunnel(), .vxlan, .none),
            (tunnel { $0.isUp = false }, .vxlan, .adjust(7)),
            (tunnel { $0.mtu = 1500 }, .vxlan, .adjust(7)),
            (tunnel { $0.vxlan = VXLANParameters(identifier: 2) }, .vxlan, .make(removing: 7)),
            (tunnel { $0.hardware[1] = 6 }, .vxlan, .make(removing: 7)),
            (tunnel { $0.hardware[5] = 9 }, .vxlan, .refuse),
            (tunnel { $0.kind = "bridge" }, .vxlan, .refuse),
            (tunnel(), .hostGateway, .remove(7)),
            (tunnel { $0.hardware = [] }, .hostGateway, .none),
        ] as [(NetlinkLink?, PeerMap.Backend, PeerPlan.TunnelChange)]
    )
    func tunnelChange(link: NetlinkLink?, backend: PeerMap.Backend, change: PeerPlan.TunnelChange) throws {
        #expect(try plan(backend).tunnelChange(from: link, mtu: 1450) == change)
    }

    private static func tunnel(_ change: (inout NetlinkLink) -> Void = { _ in }) -> NetlinkLink {
        var link = NetlinkLink(index: 7, isUp: true)
        (link.name, link.mtu, link.kind) = ("podagent0-vx", 1450, "vxlan")
        (link.hardware, link.vxlan) = ([0x0e, 4, 10, 0, 1, 0], VXLANParameters())
        change(&link)
        return link
    }

    @Test("The tunnel is told of peers that it does not know, and forgets those that are gone")
    func neighbours() throws {
        let plan = try plan(.vxlan)
        let all = plan.neighbourChanges(from: [], link: 7).add
        #expect(
            all.map(\.description) == ["neighbour 10.0.2.0", "neighbour fd00:2::", "forwarding to 192.0.2.2"]
        )
        var gone = try #require(all.first)
        gone.address = .v4(0x0a00_0300)
        var elsewhere = gone
        elsewhere.link = 8
        let changes = plan.neighbourChanges(from: all.dropLast() + [gone, elsewhere], link: 7)
        #expect(changes.add == all.suffix(1))
        #expect(changes.remove == [gone])
    }

    @Test(
        "A tunnel's name fits an interface, and differs where bridges do",
        arguments: ["podagent0", "a", "pods-of-node", "exactly13byte", "fifteen-bytes-0", "fifteen-bytes-1"]
    )
    func name(bridge: String) {
        let name = Tunnel.name(besideBridge: bridge)
        #expect((1...15).contains(name.utf8.count))
        #expect(name != bridge)
        #expect(name != Tunnel.name(besideBridge: "fifteen-bytes-2"))
    }

    // MARK: News

    struct News: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var news: NetlinkNews
        var concerns: Bool
        var concernsWaiting = true
    }

    private static func link(_ index: Int32, _ name: String) -> NetlinkLink {
        var link = NetlinkLink(index: index, isUp: false)
        link.name = name
        return link
    }

    @Test(
        "What does not concern a peer begins no pass, unless one is waited for",
        arguments: [
            News(testDescription: "our route goes", news: .routeGone(route()), concerns: true),
            News(
                testDescription: "somebody's route to a peer's network comes",
                news: .route(route { $0.protocolNumber = 4 }),
                concerns: true
            ),
            News(
                testDescription: "a way to a peer's address changes",
                news: .route(
                    route {
                        $0.destination = Subnet(containing: .v4(0xc000_0200), prefixLength: 24)
                        $0.protocolNumber = 2
                    }
                ),
                concerns: true
            ),
            News(
                testDescription: "a route elsewhere comes",
                news: .route(
                    route {
                        $0.destination = Subnet(containing: .v4(0x0a63_0000), prefixLength: 16)
                        $0.protocolNumber = 2
                    }
                ),
                concerns: false
            ),
            News(
                testDescription: "a route of a table of others",
                news: .route(route { $0.table = 255 }),
                concerns: false,
                concernsWaiting: false
            ),
            News(
                testDescription: "a Pod's link comes",
                news: .link(link(9, "pod1234")),
                concerns: false
            ),
            News(
                testDescription: "the link to the peers goes down",
                news: .link(link(3, "eth0")),
                concerns: true
            ),
            News(
                testDescription: "the tunnel goes",
                news: .linkGone(link(9, "podagent0-vx")),
                concerns: true
            ),
            News(testDescription: "something else", news: .other, concerns: false, concernsWaiting: false),
        ]
    )
    func news(_ news: News) throws {
        let plan = try plan(.hostGateway)
        for (isWaiting, expected) in [(false, news.concerns), (true, news.concernsWaiting)] {
            let concerns = plan.isConcerned(
                by: news.news,
                tunnelName: "podagent0-vx",
                underlay: [3],
                isWaiting: isWaiting
            )
            #expect(concerns == expected, "waiting: \(isWaiting)")
        }
    }
}

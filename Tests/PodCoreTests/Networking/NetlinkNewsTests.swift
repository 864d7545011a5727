import Testing

@testable import PodCore

/// What the kernel tells, as bytes.
@Suite struct NetlinkNewsTests {
    /// A message with its header.
    private static func message(_ kind: UInt16, _ body: [UInt8], flags: UInt16 = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: UInt32(16 + body.count)) { bytes += $0 }
        withUnsafeBytes(of: kind) { bytes += $0 }
        withUnsafeBytes(of: flags) { bytes += $0 }
        return bytes + [UInt8](repeating: 0, count: 8) + body
    }

    private static func attribute(_ kind: UInt16, _ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: UInt16(4 + content.count)) { bytes += $0 }
        withUnsafeBytes(of: kind) { bytes += $0 }
        return bytes + content + [UInt8](repeating: 0, count: (4 - content.count % 4) % 4)
    }

    private static let route: [UInt8] =
        [2, 24, 0, 0, 254, 110, 0, 1, 1, 0, 0, 0]
        + attribute(1, [10, 0, 2, 0]) + attribute(5, [192, 0, 2, 2]) + attribute(7, [10, 0, 1, 1])
        + attribute(4, [3, 0, 0, 0])

    private static let link: [UInt8] =
        [0, 0, 1, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        + attribute(3, Array("vx0\0".utf8)) + attribute(4, [0xaa, 5, 0, 0])
        + attribute(1, [14, 4, 10, 0, 1, 0])
        + attribute(
            18 | 0x8000,
            attribute(1, Array("vxlan\0".utf8))
                + attribute(2, attribute(1, [1, 0, 0, 0]) + attribute(15, [0x12, 0xb5]))
        )

    private static let neighbour: [UInt8] =
        [7, 0, 0, 0, 7, 0, 0, 0, 0x80, 0, 2, 0] + attribute(1, [192, 0, 2, 2])
        + attribute(2, [14, 4, 10, 0, 2, 0])

    @Test("A route is read with what decides whose it is and whether it works")
    func readRoute() throws {
        let news = NetlinkDatagram(Self.message(24, Self.route) + Self.message(25, Self.route)).news
        guard case .route(let route)? = news.first else { return #expect(Bool(false), "\(news)") }
        #expect(route.destination == (try Subnet(parsing: "10.0.2.0/24")))
        #expect(route.gateway == IPAddress("192.0.2.2"))
        #expect(route.source == IPAddress("10.0.1.1"))
        #expect((route.outgoing, route.table, route.protocolNumber) == (3, 254, 110))
        #expect(route.isDead)
        #expect(news == [.route(route), .routeGone(route)])
    }

    @Test("A link is read with its kind, and of VXLAN what its packets bear")
    func readLink() {
        var expected = NetlinkLink(index: 7, isUp: true)
        (expected.name, expected.mtu, expected.kind) = ("vx0", 1450, "vxlan")
        (expected.hardware, expected.vxlan) = (
            [14, 4, 10, 0, 1, 0], VXLANParameters(identifier: 1, port: 4789)
        )
        #expect(NetlinkDatagram(Self.message(16, Self.link)).news == [.link(expected)])
        #expect(NetlinkDatagram(Self.message(17, Self.link)).news == [.linkGone(expected)])
    }

    @Test("A permanent neighbour is read; one that comes and goes by itself is not")
    func readNeighbour() {
        let expected = NetlinkNeighbour(
            link: 7,
            isForwarding: true,
            address: .v4(0xc000_0202),
            hardware: [14, 4, 10, 0, 2, 0]
        )
        #expect(NetlinkDatagram(Self.message(28, Self.neighbour)).news == [.neighbour(expected)])
        var stale = Self.neighbour
        stale[8] = 4
        #expect(NetlinkDatagram(Self.message(28, stale)).news == [.other])
    }

    @Test(
        "An answer ends with an acknowledgement, a failure, or the end of a list",
        arguments: [
            (UInt16(2), [0, 0, 0, 0], Int32(0)),
            (2, [0x9b, 0xff, 0xff, 0xff], 101),
            (3, [0, 0, 0, 0], 0),
            (3, [], 0),
            (3, [0xfc, 0xff, 0xff, 0xff], 4),
            (2, [0, 0, 0, 0x80], .max),
        ] as [(UInt16, [UInt8], Int32)]
    )
    func ends(kind: UInt16, body: [UInt8], errno: Int32) {
        let news = NetlinkDatagram(Self.message(kind, body)).news
        #expect(news == [.failure(errno: errno)])
    }

    @Test("A list that changed while it was told says so")
    func interrupted() {
        #expect(!NetlinkDatagram(Self.message(24, Self.route, flags: 2)).isInterrupted)
        #expect(NetlinkDatagram(Self.message(24, Self.route, flags: 0x12)).isInterrupted)
    }

    @Test(
        "What is not what it says is left out",
        arguments: [
            ("nothing", [], []),
            ("half a header", [UInt8](repeating: 1, count: 9), []),
            ("a length of nothing", [UInt8](repeating: 0, count: 32), []),
            ("a length beyond the end", [200, 0, 0, 0] + message(24, route).dropFirst(4), []),
            ("a route of no family", message(24, [99] + route.dropFirst()), [.other]),
            ("a prefix longer than an address", message(24, [2, 33] + route.dropFirst(2)), [.other]),
            ("a route without its body", message(24, [2, 24]), [.other]),
            ("an error without its number", message(2, [0]), [.other]),
        ] as [(String, [UInt8], [NetlinkNews])]
    )
    func garbage(_: String, bytes: [UInt8], news: [NetlinkNews]) {
        #expect(NetlinkDatagram(bytes).news == news)
    }

    @Test("No change of bytes makes the reader go beyond them", arguments: 0..<50)
    func mutations(seed: UInt64) {
        var random = SplitMix(state: seed)
        let whole =
            Self.message(24, Self.route) + Self.message(16, Self.link) + Self.message(28, Self.neighbour)
        for _ in 0..<200 {
            var bytes = Array(whole.prefix(Int.random(in: 0...whole.count, using: &random)))
            for _ in 0..<Int.random(in: 0...6, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0 ... .max, using: &random)
            }
            // Each message has a header of its own.
            #expect(NetlinkDatagram(bytes).news.count <= bytes.count / 16)
        }
    }

    @Test("The kernel is asked in the order of its structures, for routes of ours alone")
    func questions() {
        #expect(
            NetlinkMessage.listRoutes(family: .v4(0)).bytes == [
                28, 0, 0, 0, 26, 0, 0x05, 0x03, 0, 0, 0, 0, 0, 0, 0, 0,  // RTM_GETROUTE
                2, 0, 0, 0, 0, 110, 0, 0, 0, 0, 0, 0,
            ]
        )
        #expect(
            NetlinkMessage.findRoute(to: .v4(0xc000_0202)).bytes.suffix(20) == [
                2, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 1, 0, 192, 0, 2, 2,
            ]
        )
    }

    @Test("A route of a plan bears our protocol and source, and into a tunnel its link and the word onlink")
    func routes() throws {
        let entries = try Peer.list(
            parsing: "node1=10.0.1.0/24 via 192.0.2.1;node2=10.0.2.0/24 via 192.0.2.2"
        )
        for (backend, tunnel) in [(PeerMap.Backend.hostGateway, nil), (.vxlan, Int32(7))] {
            let map = try PeerMap(entries: entries, nodeName: "node1", subnets: [], backend: backend)
            let route = try #require(PeerPlan(map).routes.first)
            var bytes = NetlinkMessage.peerRoute(route, tunnel: tunnel, replaces: false).bytes
            // What is sent is what the kernel would tell, but for the header.
            bytes.removeFirst(16)
            let told = NetlinkDatagram(Self.message(24, bytes)).news
            guard case .route(let read)? = told.first else { return #expect(Bool(false), "\(told)") }
            #expect(read.destination == route.destination)
            #expect((read.gateway, read.source) == (route.gateway, IPAddress("10.0.1.1")))
            #expect((read.protocolNumber, read.table, read.outgoing) == (110, 254, tunnel))
            #expect(read.flags == (tunnel == nil ? 0 : 4))
        }
    }
}

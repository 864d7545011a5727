import Testing

@testable import PodCore

@Suite struct NetlinkMessageTests {
    private static let address = IPAddress("10.88.0.2") ?? .v4(0)

    @Test("An address is asked for byte by byte as rtnetlink(7) has it")
    func address() {
        let message = NetlinkMessage.addAddress(Self.address, prefixLength: 16, link: 2)
        #expect(
            message.bytes == [
                40, 0, 0, 0, 20, 0, 0x05, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,  // RTM_NEWADDR
                2, 16, 0, 0, 2, 0, 0, 0,  // AF_INET, /16, of link 2
                8, 0, 2, 0, 10, 88, 0, 2,  // IFA_LOCAL
                8, 0, 1, 0, 10, 88, 0, 2,  // IFA_ADDRESS
            ]
        )
        #expect(message.namespacePosition == nil)
    }

    @Test(
        "A default route has no destination, another one has",
        arguments: [("0.0.0.0/0", "10.88.0.1", 44), ("10.0.0.0/8", "10.88.0.1", 52), ("::/0", "fd00::1", 56)]
    )
    func routes(subnet: String, gateway: String, size: Int) throws {
        let gateway = try #require(IPAddress(gateway))
        let message = NetlinkMessage.addRoute(to: try Subnet(parsing: subnet), by: gateway, link: 2)
        #expect(message.bytes.count == size)
        #expect(try Attributes(message.bytes[28...]).map(\.kind).last == 4)
    }

    @Test("The other end of a pair is described inside, and its namespace goes where the message says")
    func pair() throws {
        let message = NetlinkMessage.addPair(
            "veth0",
            master: 7,
            group: 9,
            peer: "eth0",
            peerIndex: 2,
            peerAddress: [1, 2, 3, 4, 5, 6],
            mtu: 1450
        )
        let outer = try Attributes(message.bytes[32...])
        #expect(outer.map(\.kind) == [3, 4, 10, 27, 18])
        let info = try Attributes(try #require(outer.last).content)
        #expect(info.map(\.kind) == [1, 2])
        #expect(Array(info[0].content) == Array("veth\0".utf8))
        let peer = try #require(try Attributes(info[1].content).first)
        #expect(Array(peer.content.prefix(8).suffix(4)) == [2, 0, 0, 0])
        let inner = try Attributes(peer.content.dropFirst(16))
        #expect(inner.map(\.kind) == [3, 4, 1, 28])
        #expect(inner.last?.content.startIndex == message.namespacePosition)
    }

    @Test("A bridge's port is told to have no address as rtnetlink(7) and linux/if_link.h have it")
    func unaddressed() throws {
        let message = NetlinkMessage.leaveUnaddressed(port: "veth0")
        let outer = try Attributes(message.bytes[32...])
        #expect(outer.map(\.kind) == [3, 26])
        let family = try #require(try Attributes(outer[1].content).first)
        #expect(family.kind == 10)
        let mode = try #require(try Attributes(family.content).first)
        #expect(mode.kind == 8 && Array(mode.content) == [1])
    }

    /// Attributes one after another, each padded to four bytes, that fill the bytes exactly.
    private struct Attributes: RandomAccessCollection {
        private var list: [(kind: UInt16, content: ArraySlice<UInt8>)] = []
        var startIndex: Int { list.startIndex }
        var endIndex: Int { list.endIndex }
        subscript(index: Int) -> (kind: UInt16, content: ArraySlice<UInt8>) { list[index] }

        init(_ bytes: ArraySlice<UInt8>) throws {
            var rest = bytes
            while !rest.isEmpty {
                try #require(rest.count >= 4)
                func number(_ offset: Int) -> UInt16 {
                    UInt16(rest[rest.startIndex + offset]) | UInt16(rest[rest.startIndex + offset + 1]) << 8
                }
                let length = Int(number(0))
                try #require(length >= 4 && length <= rest.count)
                list.append((number(2), rest.dropFirst(4).prefix(length - 4)))
                rest = rest.dropFirst((length + 3) / 4 * 4)
            }
        }
    }
}

import PodCore
import Testing

struct NetfilterTests {
    private let source = FirewallElement.source(
        link: "podabd",
        hardware: [0x0a, 0x58, 0x0a, 0x58, 0, 3],
        .v4(0x0a58_0003)
    )
    private let forward = FirewallElement.forward(.tcp, at: nil, 8091, to: .v4(0x0a58_0002), 80)

    /// As nft 1.0.6 sends it for `add element bridge podagent0 source4 { "podabd" . 0a:58:0a:58:00:03 . 10.88.0.3 }`.
    @Test("A set's element is what nft(8) sends for it")
    func setElement() {
        let batch = NetfilterBatch(.add, [source], table: "podagent0")
        let expected: [UInt8] =
            [20, 0, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
            + [92, 0, 0, 0, 12, 10, 5, 4, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0]
            + [14, 0, 1, 0] + Array("podagent0".utf8) + [0, 0, 0]
            + [12, 0, 2, 0] + Array("source4".utf8) + [0]
            + [44, 0, 3, 0x80, 40, 0, 1, 0x80, 36, 0, 1, 0x80, 32, 0, 1, 0]
            + Array("podabd".utf8) + [UInt8](repeating: 0, count: 10)
            + [0x0a, 0x58, 0x0a, 0x58, 0, 3, 0, 0, 0x0a, 0x58, 0, 3]
            + [20, 0, 0, 0, 17, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
        #expect(batch.bytes == expected)
        #expect(batch.lastSequence == 1)
    }

    /// As nft 1.0.6 sends it for `add element inet podagent0 port4 { tcp . 8091 : 10.88.0.2 . 80 }`.
    @Test("A map's element has a key and a value; the value is left out when the element goes")
    func mapElement() {
        let key: [UInt8] = [6, 0, 0, 0, 0x1f, 0x9b, 0, 0]
        let value: [UInt8] = [0x0a, 0x58, 0, 2, 0, 0x50, 0, 0]
        let added = NetfilterBatch(.add, [forward], table: "podagent0").bytes
        let element: [UInt8] =
            [40, 0, 3, 0x80, 36, 0, 1, 0x80, 16, 0, 1, 0x80, 12, 0, 1, 0] + key
            + [16, 0, 2, 0x80, 12, 0, 1, 0] + value
        #expect(Array(added.dropLast(20).suffix(element.count)) == element)
        let removed = NetfilterBatch(.remove, [forward], table: "podagent0").bytes
        #expect(removed.dropLast(20).suffix(key.count).elementsEqual(key))
        #expect(removed[24...27].elementsEqual([14, 10, 5, 0]), "DELSETELEM, request, acknowledge")
    }

    @Test("Only the last message of a transaction asks to be acknowledged")
    func acknowledgement() {
        let batch = NetfilterBatch(.add, [source, forward], table: "t")
        var flags: [UInt8] = []
        var rest = batch.bytes[...]
        while rest.count > 7 {
            flags.append(rest[rest.startIndex + 6])
            rest = rest.dropFirst(Int(rest[rest.startIndex]))
        }
        #expect(flags == [1, 1, 5, 1])
        #expect(batch.lastSequence == 2)
    }

    /// `struct nlmsghdr`, `struct nfgenmsg`, and attributes.
    private func message(_ kind: UInt16, port: UInt32, _ attributes: [(UInt16, String)]) -> [UInt8] {
        var body: [UInt8] = []
        for (number, text) in attributes {
            let content = Array(text.utf8) + [0]
            body += [UInt8(4 + content.count), 0, UInt8(number), 0] + content
            while body.count % 4 != 0 { body.append(0) }
        }
        let size = UInt8(20 + body.count)
        let sender = withUnsafeBytes(of: port) { Array($0) }
        return [size, 0, 0, 0, UInt8(kind & 0xff), UInt8(kind >> 8), 0, 0, 0, 0, 0, 0] + sender + [
            1, 0, 0, 0,
        ] + body
    }

    @Test("A notice says which table has changed, and by whom")
    func notices() {
        let datagram =
            message(0x0a02, port: 77, [(1, "podagent")])
            + message(0x0a0f, port: 77, [(1, "\u{1}"), (3, "nft")])
        #expect(
            NetfilterNotice.parse(datagram) == [
                NetfilterNotice(subject: .table("podagent"), port: 77),
                NetfilterNotice(subject: .transaction(by: "nft"), port: 77),
            ]
        )
    }

    @Test("A notice that is cut off anywhere, or lies about its sizes, is read as far as it makes sense")
    func damaged() {
        let whole = message(0x0a02, port: 77, [(1, "podagent")])
        for count in 0..<whole.count { #expect(NetfilterNotice.parse(Array(whole.prefix(count))).isEmpty) }
        for position in whole.indices {
            var bytes = whole
            bytes[position] = 0xff
            #expect(NetfilterNotice.parse(bytes).count <= 1)
            bytes[position] = 0
            #expect(NetfilterNotice.parse(bytes).count <= 1)
        }
        #expect(
            NetfilterNotice.parse(message(0x0b02, port: 1, [(1, "podagent")])).isEmpty,
            "another subsystem"
        )
    }
}

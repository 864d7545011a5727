import Testing

@testable import PodCore

@Suite struct IPAddressTests {
    @Test(
        "Addresses are read in every form and written in one",
        arguments: [
            ("10.0.0.1", "10.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::0001", "2001:db8::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("fe80:0:0:0:0:0:0:a", "fe80::a"),
        ]
    )
    func forms(text: String, written: String) throws {
        let address = try #require(IPAddress(text))
        #expect("\(address)" == written)
        #expect(IPAddress(written) == address)
    }

    @Test(
        "What is no address is refused",
        arguments: [
            "", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.01", "010.0.0.1", "10.0.0.-1", "10.0.0.1 ",
            " ::1", ":", ":::",
            "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "12345::", "g::", "::1%eth0",
            "[::1]",
            "::10.0.0", "10.0.0.1::", "::10.0.0.1:1", "+1::", "١.0.0.1", "::１",
        ]
    )
    func refused(text: String) { #expect(IPAddress(text) == nil) }

    @Test("Whatever is written is read as the same", arguments: UInt64(0)..<4)
    func roundTrip(seed: UInt64) {
        var random = SplitMix(state: seed)
        for _ in 0..<500 {
            // With many zero groups, where the rules are.
            let groups = (0..<8).map { _ in UInt128(Bool.random(using: &random) ? 0 : random.next() & 0xffff)
            }
            let address = IPAddress.v6(IPv6Bits(groups.reduce(0) { $0 << 16 | $1 }))
            #expect(IPAddress("\(address)") == address)
            #expect(address.bytes.count == 16)
        }
    }

    @Test(
        "Networks",
        arguments: [
            ("10.88.0.0/16", 65_534, "10.88.0.1"), ("192.168.1.0/30", 2, "192.168.1.1"),
            ("192.168.1.4/31", 0, ""),
            ("192.168.1.4/32", 0, ""), ("0.0.0.0/0", 4_294_967_294, "0.0.0.1"),
            ("fd00::/64", .max, "fd00::1"),
            ("fd00::10/124", 15, "fd00::11"), ("::/0", .max, "::1"),
        ] as [(String, UInt64, String)]
    )
    func subnets(text: String, count: UInt64, first: String) throws {
        let subnet = try Subnet(parsing: text)
        #expect("\(subnet)" == text)
        #expect(subnet.hostCount == count)
        if count > 0 { #expect("\(subnet.host(0))" == first) }
    }

    @Test(
        "What is no network is refused, and what was meant is named",
        arguments: [
            ("10.88.0.0", "\"10.88.0.0\" is no network such as 10.88.0.0/16"),
            ("10.88.0.0/33", "\"10.88.0.0/33\" is no network such as 10.88.0.0/16"),
            ("10.88.0.0/+8", "\"10.88.0.0/+8\" is no network such as 10.88.0.0/16"),
            ("10.88.0.0/08", "\"10.88.0.0/08\" is no network such as 10.88.0.0/16"),
            ("10.88.3.1/16", "\"10.88.3.1/16\" is an address in a network; did you mean 10.88.0.0/16?"),
            ("fd00::1/64", "\"fd00::1/64\" is an address in a network; did you mean fd00::/64?"),
        ]
    )
    func refusedSubnets(text: String, message: String) {
        let failure = #expect(throws: Subnet.Failure.self) { try Subnet(parsing: text) }
        #expect(failure.map { "\($0)" } == message)
    }

    @Test(
        "Networks overlap when one contains the other",
        arguments: [
            ("10.0.0.0/8", "10.88.0.0/16", true), ("10.88.0.0/16", "10.89.0.0/16", false),
            ("0.0.0.0/0", "::/0", false),
            ("fd00::/48", "fd00:0:0:1::/64", true),
        ]
    )
    func overlaps(a: String, b: String, overlap: Bool) throws {
        let (a, b) = (try Subnet(parsing: a), try Subnet(parsing: b))
        #expect(a.overlaps(b) == overlap)
        #expect(b.overlaps(a) == overlap)
    }
}

struct PodSubnetTests {
    @Test(
        "Networks that are something else by themselves are not for Pods",
        arguments: [
            ("10.88.0.0/16", true), ("100.64.0.0/10", true), ("fd00::/64", true), ("2001:db8::/64", true),
            ("0.0.0.0/0", false), ("127.0.0.0/8", false), ("169.254.0.0/16", false), ("224.0.0.0/16", false),
            ("240.0.0.0/8", false), ("fe80::/64", false), ("ff00::/8", false), ("::ffff:0:0/96", false),
            ("::/0", false),
        ]
    )
    func forPods(text: String, canBe: Bool) throws {
        #expect(try Subnet(parsing: text).canBeForPods == canBe)
    }
}

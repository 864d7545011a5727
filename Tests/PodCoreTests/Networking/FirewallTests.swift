import PodCore
import Testing

/// What a Pod is to the node's firewall; that the kernel takes the text, and what becomes of packets then, is tested with
/// Pods that run.
struct FirewallTests {
    private func link(_ addresses: String...) throws -> PodLink {
        let subnets = [try Subnet(parsing: "10.88.0.0/16"), try Subnet(parsing: "fd00:88::/64")]
        let given = try addresses.map { text in
            let address = try #require(IPAddress(text))
            let subnet = try #require(subnets.first { $0.contains(address) })
            return PodLink.Address(address, in: subnet, by: subnet.host(0))
        }
        return PodLink(name: "pod1", bridge: 3, group: 7, addresses: given)
    }

    private func port(_ hostIP: String, _ transport: PortProtocol = .tcp) throws -> HostPort {
        var port = ContainerPort()
        (port.hostIP, port.hostPort, port.containerPort, port.protocol) = (hostIP, 8080, 80, transport)
        return try #require(HostPort(port))
    }

    private func texts(_ elements: [FirewallElement]) -> [String] {
        elements.flatMap { element in element.containers.map { "\($0.name) \(element.text(in: $0))" } }
    }

    @Test("A Pod may send as itself: by its addresses, and with IPv6 by the one that every link has")
    func sources() throws {
        #expect(
            try texts(link("10.88.0.2", "fd00:88::2").firewallElements([])) == [
                #"source4 "pod1" . 0a:58:0a:58:00:02 . 10.88.0.2"#,
                #"source6 "pod1" . 0a:58:0a:58:00:02 . fd00:88::2"#,
                #"target6 "pod1" . 0a:58:0a:58:00:02 . 0xfd000088000000000000000000000002"#,
                #"source6 "pod1" . 0a:58:0a:58:00:02 . fe80::858:aff:fe58:2"#,
                #"target6 "pod1" . 0a:58:0a:58:00:02 . 0xfe8000000000000008580afffe580002"#,
            ]
        )
        #expect(try link("10.88.0.2").firewallElements([]).count == 1)
    }

    @Test(
        "A port of the node is an element for each family that it is reached by",
        arguments: [
            ("", ["port4 6 . 8080 : 10.88.0.2 . 80", "port6 6 . 8080 : fd00:88::2 . 80"]),
            ("0.0.0.0", ["port4 6 . 8080 : 10.88.0.2 . 80"]),
            ("::", ["port6 6 . 8080 : fd00:88::2 . 80"]),
            ("127.0.0.1", ["address4 127.0.0.1 . 6 . 8080 : 10.88.0.2 . 80"]),
            ("2001:db8::1", ["address6 2001:db8::1 . 6 . 8080 : fd00:88::2 . 80"]),
        ]
    )
    func forwards(hostIP: String, expected: [String]) throws {
        let elements = try link("10.88.0.2", "fd00:88::2").firewallElements([port(hostIP)])
        #expect(texts(elements).filter { !$0.contains("pod1") } == expected)
    }

    @Test("A port on an address of a family that the Pod has none of is an error, which says what to do")
    func unreachable() throws {
        let link = try link("10.88.0.2")
        let wanted = [try port("fd00::1")]
        let failure = #expect(throws: UnreachableHostPort.self) { try link.firewallElements(wanted) }
        #expect(failure?.description.contains("hostPort 8080") == true)
        #expect(
            try texts(link.firewallElements([port("", .sctp)])).last == "port4 132 . 8080 : 10.88.0.2 . 80"
        )
    }

    @Test("Of two that would have one key only the first counts, so that a map never has two values for it")
    func sameKey() throws {
        var second = ContainerPort()
        (second.hostPort, second.containerPort) = (8080, 81)
        let ports = [try port(""), try #require(HostPort(second))]
        let forwards = try texts(link("10.88.0.2").firewallElements(ports)).filter { $0.hasPrefix("port4") }
        #expect(forwards == ["port4 6 . 8080 : 10.88.0.2 . 80"])
    }

    @Test(
        "A port that another Pod still has is taken over, and what that one gives back later is not the new one's"
    )
    func holdings() throws {
        let (old, new) = (try link("10.88.0.2"), try link("10.88.0.3"))
        let (had, has) = (try old.firewallElements([port("")]), try new.firewallElements([port("")]))
        var holdings = FirewallHoldings()
        #expect(holdings.give(had, to: "old") == ([], Set(had)))
        #expect(holdings.give(had, to: "old") == ([], []), "the same again")
        #expect(holdings.isReachedFromLoopback)
        let taken = holdings.give(has, to: "new")
        // The links' names are the same here, so only the ports are in each other's way.
        #expect(taken.gone == [had[1]])
        #expect(taken.new == Set(has))
        #expect(Set(holdings.all) == Set([had[0]] + has))
        #expect(holdings.give([], to: "old") == ([had[0]], []))
        #expect(Set(holdings.all) == Set(has))
        #expect(holdings.give([], to: "new") == (Set(has), []))
        #expect(Array(holdings.all).isEmpty)
        #expect(!holdings.isReachedFromLoopback)
    }

    @Test("The table's text lists what is in it, and does not depend on the order in which that came")
    func text() throws {
        let subnets = [try Subnet(parsing: "10.88.0.0/16"), try Subnet(parsing: "fd00:88::/64")]
        let table = FirewallTable(
            bridge: "br0",
            subnets: subnets,
            peers: [try Subnet(parsing: "10.89.0.0/16")]
        )
        let elements = try link("10.88.0.2").firewallElements([port(""), port("127.0.0.1")])
        let text = table.text(elements)
        #expect(text == table.text(elements.reversed()))
        #expect(text.hasPrefix("add table bridge podagent-br0\ndelete table bridge podagent-br0\n"))
        #expect(text.contains("elements = { 6 . 8080 : 10.88.0.2 . 80 }"))
        #expect(
            text.contains(
                "ip saddr 10.88.0.0/16 ip daddr != { 10.88.0.0/16, 10.89.0.0/16, 224.0.0.0/4 } masquerade"
            )
        )
        #expect(text.contains("ip6 saddr fd00:88::/64 ip6 daddr != { fd00:88::/64, ff00::/8 } masquerade"))
        #expect(FirewallTable(bridge: "podagent0", subnets: subnets).name == "podagent")
        #expect(!text.contains("udp dport"))
        let tunnelled = FirewallTable(bridge: "br0", subnets: subnets, tunnelPort: 4789)
        #expect(tunnelled.text([]).contains(#"iifname "br0" udp dport 4789 drop"#))
        #expect(table.linkGroup != FirewallTable.linkGroup("br1"))
    }

    @Test(
        "Routes to the same addresses clash, but not those that lead further out",
        arguments: [
            ("10.88.0.0/16", false, true), ("10.88.3.0/24", true, true), ("10.0.0.0/8", false, true),
            ("10.0.0.0/8", true, false), ("0.0.0.0/0", true, false), ("10.89.0.0/16", false, false),
            ("fd00::/8", false, false),
        ]
    )
    func routes(destination: String, hasGateway: Bool, clashes: Bool) throws {
        let route = KernelRoute(
            destination: try Subnet(parsing: destination),
            link: "eth0",
            hasGateway: hasGateway
        )
        #expect(route.clashes(with: try Subnet(parsing: "10.88.0.0/16")) == clashes)
    }

    @Test("The kernel's lists of routes are read; what is on every link is left out")
    func lists() throws {
        let v4 = """
            Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
            eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
            eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
            garbage

            """
        #expect(
            KernelRoute.parse4(v4) == [
                KernelRoute(destination: try Subnet(parsing: "0.0.0.0/0"), link: "eth0", hasGateway: true),
                KernelRoute(destination: try Subnet(parsing: "10.0.2.0/24"), link: "eth0", hasGateway: false),
            ]
        )
        let zero = String(repeating: "0", count: 32)
        let v6 = """
            20010db8\(zero.dropLast(8)) 20 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001     eth0
            fe80\(zero.dropLast(4)) 40 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001     eth0
            ff00\(zero.dropLast(4)) 08 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001     eth0
            \(zero) 00 \(zero) 00 \(zero) ffffffff 00000001 00000000 00200200       lo
            short

            """
        #expect(
            KernelRoute.parse6(v6) == [
                KernelRoute(
                    destination: try Subnet(parsing: "2001:db8::/32"),
                    link: "eth0",
                    hasGateway: false
                )
            ]
        )
    }
}

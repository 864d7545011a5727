import Testing

@testable import PodCore

struct HostPortTests {
    private func port(_ hostIP: String, _ number: Int32 = 80, _ transport: PortProtocol = .tcp) -> HostPort? {
        var port = ContainerPort()
        (port.hostIP, port.hostPort, port.containerPort, port.protocol) = (hostIP, number, 8080, transport)
        return HostPort(port)
    }

    @Test(
        "Two claims conflict when there is traffic that would be for both",
        arguments: [
            ("", "", true), ("", "10.0.0.1", true), ("", "0.0.0.0", true), ("", "::", true),
            ("0.0.0.0", "10.0.0.1", true), ("0.0.0.0", "::", false), ("0.0.0.0", "::1", false),
            ("::", "fd00::1", true), ("::", "10.0.0.1", false), ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.1", "10.0.0.1", true), ("fd00::1", "fd00:0::1", true),
        ]
    )
    func places(a: String, b: String, conflicts: Bool) throws {
        let (a, b) = (try #require(port(a)), try #require(port(b)))
        #expect(a.conflicts(with: b) == conflicts)
        #expect(b.conflicts(with: a) == conflicts)
    }

    @Test(
        "A hostIP that can be no node's is refused",
        arguments: [
            ("", true), ("0.0.0.0", true), ("::", true), ("127.0.0.2", true), ("192.0.2.1", true),
            ("fd00::1", true),
            ("::1", false), ("::ffff:127.0.0.1", false), ("fe80::1", false), ("ff02::1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false), ("0.0.0.1", false),
        ]
    )
    func ofNode(hostIP: String, isOfNode: Bool) throws {
        #expect(try #require(HostPort.Place(hostIP)).isOfNode == isOfNode)
    }

    @Test("Ports of different protocols, and different ports, never conflict")
    func others() throws {
        let tcp = try #require(port(""))
        #expect(try !tcp.conflicts(with: #require(port("", 80, .udp))))
        #expect(try !tcp.conflicts(with: #require(port("", 81))))
    }

    @Test(
        "What is no port or no address is no claim",
        arguments: [("", 0), ("", 65536), ("", -1), ("node", 80)]
    )
    func none(hostIP: String, number: Int32) {
        #expect(port(hostIP, number) == nil)
    }
}

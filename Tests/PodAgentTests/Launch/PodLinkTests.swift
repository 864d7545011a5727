import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Pods on a bridge. One sandbox stands for the node: the bridge is in its network namespace, and nothing is made in the
/// machine's own.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .blocking)
struct PodLinkTests {
    /// The network namespace of a process, from a thread that visits it.
    private struct Visit {
        let namespace: SharedDescriptor

        init(_ pid: pid_t) throws {
            let path = "/proc/\(pid)/ns/net"
            namespace = SharedDescriptor(
                Descriptor(adopting: try check("open", path) { cns_openat(AT_FDCWD, path, O_RDONLY, 0) })
            )
        }

        /// The suite has a thread of its own, and nothing here waits for another one.
        func callAsFunction<Result>(_ body: () throws -> Result) throws -> Result {
            let path = "/proc/thread-self/ns/net"
            let home = Descriptor(
                adopting: try check("open", path) { cns_openat(AT_FDCWD, path, O_RDONLY, 0) }
            )
            try check("setns", "test") { cns_setns(namespace.raw, Int32(Namespaces.network.rawValue)) }
            defer { _ = cns_setns(home.raw, Int32(Namespaces.network.rawValue)) }
            return try body()
        }
    }

    /// The sandbox that stands for the node, with a bridge in it.
    private struct Node {
        let socket: SharedDescriptor
        let bridge: Int32
        let visit: Visit

        init(_ pid: pid_t) throws {
            let visit = try Visit(pid)
            self.visit = visit
            socket = try visit {
                SharedDescriptor(Descriptor(adopting: try check("socket", "netlink") { cns_netlink_open() }))
            }
            try Self.send(.addBridge("br0", address: [0x0a, 0x58, 10, 88, 0, 1]), socket)
            bridge = try visit { Int32(if_nametoindex("br0")) }
            for (address, length) in [("10.88.0.1", 16), ("fd00:88::1", 64)] {
                let address = try #require(IPAddress(address))
                try Self.send(.addAddress(address, prefixLength: length, link: bridge), socket)
            }
        }

        static func send(_ message: NetlinkMessage, _ socket: SharedDescriptor) throws(SystemFailure) {
            let bytes = message.bytes
            try check("netlink", message.summary) { cns_netlink(socket.raw, bytes, bytes.count) }
        }
    }

    private func link(_ name: String, _ host: Int, on bridge: Int32) throws -> PodLink {
        func address(_ text: String, _ subnet: String, _ gateway: String) throws -> PodLink.Address {
            PodLink.Address(
                try #require(IPAddress(text)),
                in: try Subnet(parsing: subnet),
                by: try #require(IPAddress(gateway))
            )
        }
        return PodLink(
            name: name,
            bridge: bridge,
            group: 7,
            addresses: [
                try address("10.88.0.\(host)", "10.88.0.0/16", "10.88.0.1"),
                try address("fd00:88::\(host)", "fd00:88::/64", "fd00:88::1"),
            ]
        )
    }

    @Test(
        "Pods on the bridge reach each other and the node by both families, and know no way around the gateway"
    )
    func reach() throws {
        let shims = try (0..<3).map { _ in try ShimHarness() }
        let node = try Node(try shims[0].startPause())
        try shims[1].startPause(link: try link("vetha", 2, on: node.bridge), over: node.socket)
        let second = try shims[2].startPause(link: try link("vethb", 3, on: node.bridge), over: node.socket)

        let outcome = try shims[1].run(
            """
            for a in 10.88.0.1 10.88.0.3 fd00:88::1 fd00:88::3; do ping -c 1 -W 5 $a >/dev/null && echo reached $a; done
            ip -o -4 addr show eth0 | grep -o 'inet [^ ]*'; ip -o link show eth0 | grep -o 'mtu [0-9]*'
            cat /sys/class/net/eth0/address; ip route | grep default; ip -6 route | grep default | grep -o 'via [^ ]*'
            """
        ) { $0.process.capabilities = CapabilitySet(bits: $0.process.capabilities.bits | 1 << 13) }
        let lines = outcome.text.split(separator: "\n").map { line in
            line.split(separator: " ").joined(separator: " ")
        }
        #expect(
            lines == [
                "reached 10.88.0.1", "reached 10.88.0.3", "reached fd00:88::1", "reached fd00:88::3",
                "inet 10.88.0.2/16", "mtu 1500", "0a:58:0a:58:00:02", "default via 10.88.0.1 dev eth0",
                "via fd00:88::1",
            ],
            "\(outcome)"
        )

        // Its end goes with its namespace, and the node's end with that.
        kill(second, SIGKILL)
        try eventually("the link is gone") { try node.visit { if_nametoindex("vethb") } == 0 }
        #expect(try node.visit { if_nametoindex("vetha") } != 0)
        for shim in shims { try shim.end() }
    }

    @Test("A link that cannot be made is a failed sandbox, and names what was asked for")
    func refused() throws {
        let shims = try (0..<3).map { _ in try ShimHarness() }
        let node = try Node(try shims[0].startPause())
        try shims[1].startPause(link: try link("vetha", 2, on: node.bridge), over: node.socket)
        let taken = try link("vetha", 3, on: node.bridge)
        let plan = PauseLaunch(namespaces: [.network], hostname: "pod", link: taken, emptyDirectory: "/").plan
        #expect(throws: SystemFailure.self) { try Node.send(.addBridge("br0", address: []), node.socket) }
        let failure = try shims[2].failPause(plan, over: node.socket)
        #expect(failure.error == EEXIST)
        #expect(
            launchFailure(failure, plan).contains("add link vetha to eth0"),
            "\(launchFailure(failure, plan))"
        )
        for shim in shims { try shim.end() }
    }
}

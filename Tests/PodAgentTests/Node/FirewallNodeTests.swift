import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What becomes of packets: between Pods, from the world to ports of the node, and of those that pretend. The node has a
/// network namespace of its own, and a neighbour that is connected to it alone.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking
)
struct FirewallNodeTests {
    private let node: TestNode
    private let neighbour: Neighbour

    init() throws {
        node = try TestNode(
            images: ["busybox"],
            flags: ["--pod-cidr", "10.88.0.0/24,fd00:88::/64"],
            ownNetwork: true
        )
        neighbour = try Neighbour(of: node)
    }

    /// A web server that answers with the address that it was asked from, on port 80 of the Pod.
    private func putServer(_ name: String, ports: [String]) throws {
        try node.put(
            "\(name).yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: \(name)}
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: c
                image: busybox:1.36
                command: ["/bin/sh", "-c", "mkdir -p /www/cgi-bin; printf '#!/bin/sh\\\\necho; echo $REMOTE_ADDR\\\\n' >/www/cgi-bin/from; chmod +x /www/cgi-bin/from; exec httpd -f -h /www"]
                ports: [\(ports.map { "{containerPort: 80, \($0)}" }.joined(separator: ", "))]
            """
        )
        try node.wait(name, for: "condition=Ready")
    }

    /// Who the server at this address says has asked, or nil if it cannot be reached.
    private func asked(_ place: String, from network: [String]) throws -> String? {
        let outcome = try Subprocess.run(
            network + ["/usr/bin/curl", "-gsS", "--max-time", "2", "http://\(place)/cgi-bin/from"],
            scratch: "\(node.directory)/scratch"
        )
        guard outcome.code == 0 else { return nil }
        let text = outcome.output.filter { !"[]\n".contains($0) }
        return text.hasPrefix("::ffff:") ? String(text.dropFirst(7)) : text
    }

    private func expect(
        _ client: String?,
        at place: String,
        from network: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let answer = try asked(place, from: network)
        #expect(answer == client, "\(network) to \(place)", sourceLocation: sourceLocation)
    }

    private func inPod(_ name: String) throws -> [String] {
        let sandbox = try #require(try node.pause(of: name))
        return ["/usr/bin/nsenter", "--net=/proc/\(sandbox)/ns/net"]
    }

    private var inNode: [String] { node.inNetwork([]) }

    private func run(_ network: [String], _ command: String) throws -> Subprocess.Outcome {
        try Subprocess.run(network + ["/bin/sh", "-c", command], scratch: "\(node.directory)/scratch")
    }

    private func must(_ network: [String], _ command: String) throws {
        let outcome = try run(network, command)
        try #require(outcome.code == 0, "\(command): \(outcome)")
    }

    @Test(
        "A port of the node leads to its Pod from everywhere, and the Pod sees who has asked wherever it can answer"
    )
    func hostPort() throws {
        try putServer("web", ports: ["hostPort: 8080"])
        try putServer("other", ports: [])
        try eventually("the server answers") { try asked("10.88.0.2", from: inNode) != nil }
        // From outside, to each of the node's addresses, as whoever asks.
        try expect("192.0.2.2", at: "192.0.2.1:8080", from: neighbour.enter)
        try expect("2001:db8::2", at: "[2001:db8::1]:8080", from: neighbour.enter)
        // From the node itself, also by its loopback.
        try expect("192.0.2.1", at: "192.0.2.1:8080", from: inNode)
        try expect("10.88.0.1", at: "127.0.0.1:8080", from: inNode)
        try expect("2001:db8::1", at: "[2001:db8::1]:8080", from: inNode)
        // What comes from ::1 cannot leave the node, so its ports stay the node's: nobody listens, which is said at once.
        let own = try run(inNode, "curl -sS --max-time 5 'http://[::1]:8080/'")
        #expect(own.code == 7, "\(own)")
        // From the Pod itself, and from another on the same bridge.
        for pod in ["web", "other"] {
            try expect("10.88.0.1", at: "192.0.2.1:8080", from: inPod(pod))
            try expect("fd00:88::1", at: "[2001:db8::1]:8080", from: inPod(pod))
        }
        // What is for somebody else passes by.
        try must(neighbour.enter, "ip route add 203.0.113.7 via 192.0.2.1")
        try expect(nil, at: "203.0.113.7:8080", from: neighbour.enter)
        node.remove("web.yaml")
        try node.wait("web", for: "delete")
        try expect(nil, at: "192.0.2.1:8080", from: neighbour.enter)
        try finish()
    }

    @Test("A port on the node's loopback, or on one address, is closed to everybody else")
    func hostIP() throws {
        try putServer("local", ports: ["hostPort: 8080, hostIP: 127.0.0.1"])
        try putServer("one", ports: ["hostPort: 8081, hostIP: 192.0.2.1"])
        try eventually("the server answers") { try asked("127.0.0.1:8080", from: inNode) != nil }
        try expect(nil, at: "192.0.2.1:8080", from: inNode)
        try expect("192.0.2.2", at: "192.0.2.1:8081", from: neighbour.enter)
        try expect(nil, at: "127.0.0.1:8081", from: inNode)
        // The neighbour sends what is for 127.0.0.1 over the wire.
        try must(neighbour.enter, neighbour.makesLoopbackRemote(by: "192.0.2.1", over: "out"))
        try expect(nil, at: "127.0.0.1:8080", from: neighbour.enter)
        try finish()
    }

    /// Answers each datagram with the address that it came from.
    private static let echoes = """
        import socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("", 5353))
        while True:
            sender = s.recvfrom(100)[1]
            s.sendto(sender[0].encode(), sender)
        """
    private static let asksEcho = """
        import socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(1)
        s.sendto(b"hello", ("192.0.2.1", 53))
        text, sender = s.recvfrom(100)
        print((text.decode(), sender))
        """

    @Test("UDP and SCTP are forwarded too")
    func transports() throws {
        let kernelHasSCTP = try run(inNode, "cat /proc/sys/net/sctp/max_burst").code == 0
        try node.put(
            "echo.yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: echo}
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: c
                image: busybox:1.36
                command: ["sleep", "1000"]
                ports:
                - {containerPort: 5353, hostPort: 53, protocol: UDP}
                - {containerPort: 99, hostPort: 99, protocol: SCTP}
            """
        )
        try node.wait("echo", for: "condition=Ready")
        try neighbour.start(["/usr/bin/python3", "-c", Self.echoes], in: inPod("echo"))
        try eventually("the echo comes back, from whom it was asked for") {
            try run(neighbour.enter, "python3 -c '\(Self.asksEcho)'").output
                == "('192.0.2.2', ('192.0.2.1', 53))\n"
        }
        let listed = try run(inNode, "nft list map inet podagent port4").output
        #expect(listed.contains("sctp . 99 : 10.88.0.2 . 99"), "\(listed), kernel has SCTP: \(kernelHasSCTP)")
        try finish()
    }

    /// From one port, so that all of it is one flow; prints who answers whenever that changes.
    private static let keepsAsking = """
        import socket, sys, time
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(0.1)
        heard = ""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            s.sendto(b"hello", ("192.0.2.1", 53))
            try:
                text = s.recvfrom(100)[0].decode()
            except OSError:
                text = "nobody"
            if text != heard:
                heard = text
                print(text, flush=True)
            time.sleep(0.02)
        """

    @Test("A flow that goes on finds the Pod that has come, and the one that has taken its place")
    func flows() throws {
        let client = try neighbour.start(["/usr/bin/python3", "-c", Self.keepsAsking], in: neighbour.enter)
        for name in ["first", "second"] {
            try node.put(
                "dns.yaml",
                """
                apiVersion: v1
                kind: Pod
                metadata: {name: dns}
                spec:
                  terminationGracePeriodSeconds: 0
                  containers:
                  - {name: \(name), image: "busybox:1.36", command: ["sleep", "1000"], ports: [{containerPort: 5353, hostPort: 53, protocol: UDP}]}
                """
            )
            try eventually("\(name) runs") {
                try node.toldPods().first?.status.containerStatuses.first { $0.name == name }?.ready == true
            }
            let says = Self.echoes.replacing("sender[0].encode()", with: "b\"\(name)\"")
            try neighbour.start(["/usr/bin/python3", "-c", says], in: inPod("dns"))
            try eventually("\(name) is heard") { client.output.contains(name) }
        }
        try finish()
    }

    @Test("Pods reach the world as the node, each other as themselves, and a Pod cannot be another")
    func sources() throws {
        try putServer("a", ports: [])
        try putServer("b", ports: [])
        try neighbour.serve()
        try eventually("the servers answer") {
            try asked("10.88.0.2", from: inNode) != nil && asked("10.88.0.3", from: inNode) != nil
        }
        try expect("192.0.2.1", at: "192.0.2.2:8000", from: inPod("a"))
        try expect("2001:db8::1", at: "[2001:db8::2]:8000", from: inPod("a"))
        try expect("10.88.0.2", at: "10.88.0.3", from: inPod("a"))
        try expect("fd00:88::2", at: "[fd00:88::3]", from: inPod("a"))
        try expect("10.88.0.3", at: "10.88.0.2", from: inPod("b"))

        // By ARP, as a source address, and as a hardware address: with b's, or one that nobody has.
        let a = try inPod("a")
        try must(a, "ip address add 10.88.0.3/32 dev eth0; ip address add 10.88.0.99/32 dev eth0")
        try must(
            a,
            "ip address add fd00:88::3/128 dev eth0 nodad; ip address add fd00:88::99/128 dev eth0 nodad"
        )
        for (from, to) in [
            ("10.88.0.3", "10.88.0.1"), ("10.88.0.99", "10.88.0.1"), ("fd00:88::3", "fd00:88::1"),
            ("fd00:88::99", "fd00:88::1"),
        ] {
            #expect(try run(a, "busybox ping -c 1 -W 1 -I \(from) \(to)").code != 0, "\(from) to \(to)")
        }
        try must(inNode, "ip neighbour flush dev podagent0; ip -6 neighbour flush dev podagent0")
        try expect("10.88.0.1", at: "10.88.0.3", from: inNode)
        try expect("fd00:88::1", at: "[fd00:88::3]", from: inNode)
        let before = try run(a, "cat /sys/class/net/eth0/statistics/tx_packets").output
        try must(a, "ip address del 10.88.0.3/32 dev eth0; ip address del 10.88.0.99/32 dev eth0")
        #expect(try asked("10.88.0.1:1", from: a) == nil && !before.isEmpty)
        try must(a, "ip link set eth0 address 0a:58:0a:58:00:03")
        #expect(try run(a, "busybox ping -c 1 -W 1 10.88.0.1").code != 0)
        try must(a, "ip link set eth0 address 0a:58:0a:58:00:02")
        try must(a, "busybox ping -c 1 -W 5 10.88.0.1")
        try finish()
    }

    /// Sends frames of LLDP, which a bridge keeps to itself, in the name of another.
    private static let posesByLLDP = """
        import socket
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(("eth0", 0))
        for _ in range(20):
            s.send(bytes.fromhex("0180c200000e" + "0a580a580003" + "88cc") + bytes(46))
        """

    @Test("A Pod cannot have another's frames sent to itself")
    func stolenFrames() throws {
        for name in ["a", "b"] { try putServer(name, ports: []) }
        let a = try inPod("a")
        try eventually("b answers a") { try asked("10.88.0.3", from: a) == "10.88.0.2" }
        let look = "bridge fdb show br podagent0 | grep -i 0a:58:0a:58:00:03 | grep -v permanent"
        let before = try run(inNode, look).output
        #expect(before.contains("pod"), "the bridge knows where b is: \(before)")
        try must(a, "python3 -c '\(Self.posesByLLDP)'")
        #expect(try run(inNode, look).output == before)
        try expect("10.88.0.2", at: "10.88.0.3", from: a)
        try expect("10.88.0.1", at: "10.88.0.3", from: inNode)
        try finish()
    }

    @Test("Two ports of a Pod that are in each other's way are refused, and nothing of the node is disturbed")
    func doublePort() throws {
        try node.put(
            "double.yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: double}
            spec:
              containers:
              - name: c
                image: "busybox:1.36"
                ports: [{containerPort: 80, hostPort: 9000}, {containerPort: 81, hostPort: 9000, hostIP: 0.0.0.0}]
            """
        )
        try eventually("it is refused") {
            try node.ask("events").contains("ports[1].hostPort: Duplicate value")
        }
        #expect(try node.toldPods().isEmpty)
        node.remove("double.yaml")
        try finish()
    }

    @Test("Much at once is no reason to make the table again and again")
    func manyElements() throws {
        let ports = (0..<1_500).map { "{containerPort: \($0 + 1), hostPort: \($0 + 20_000)}" }
        try node.put(
            "many.yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: many}
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: c
                image: "busybox:1.36"
                command: ["sleep", "1000"]
                ports: [\(ports.joined(separator: ", "))]
            """
        )
        try node.wait("many", for: "condition=Ready")
        try must(inNode, "nft flush ruleset")
        try eventually("the rules are back") {
            try run(inNode, "nft list map inet podagent port4").output.contains("21499")
        }
        // Longer than the rest between two looks.
        usleep(1_500_000)
        func toldOnce() throws {
            let told = try node.ask("events").split(separator: "\n").filter {
                $0.contains("FirewallRestored")
            }
            #expect(told.count == 1 && !told.joined().contains("(x"), "\(told)")
        }
        try toldOnce()
        node.killAgent()
        try node.startAgent()
        usleep(1_500_000)
        try toldOnce()
        try finish()
    }

    @Test(
        "A Pod does not get at the node's loopback, nor can it pose as a router, also after the rules have been restored"
    )
    func loopback() throws {
        // With a port for the node's loopback, for which that is opened a little.
        try putServer("a", ports: ["hostPort: 8080"])
        try neighbour.serve(in: inNode, at: "127.0.0.1:8001")
        try eventually("the node's own server answers") { try asked("127.0.0.1:8001", from: inNode) != nil }
        try putServer("b", ports: [])
        let (a, b) = (try inPod("a"), try inPod("b"))
        // An advertisement counts only from an address of the link, which the kernel takes a second to make sure of.
        try eventually("both have an address of the link") {
            try [a, b].allSatisfy { pod in
                let told = try run(pod, "ip -6 -o address show dev eth0 scope link").output
                return told.contains("fe80:") && !told.contains("tentative")
            }
        }
        try must(a, neighbour.makesLoopbackRemote(by: "10.88.0.1", over: "eth0"))
        for round in ["at first", "after a flush"] {
            try expect(nil, at: "127.0.0.1:8001", from: a)
            try expect(nil, at: "127.0.0.1:8080", from: a)
            try must(a, Self.advertisesRouter)
            for network in [inNode, b] {
                let known = try run(network, "ip -6 route; ip -6 address").output
                #expect(!known.contains("2001:db8:666:"), "\(round), in \(network): \(known)")
            }
            try must(inNode, "nft flush ruleset")
            try eventually("the rules are back") {
                try run(inNode, "nft list table inet podagent && nft list table bridge podagent").code == 0
            }
        }
        try finish()
    }

    /// A router advertisement (RFC 4861 §4.2) with a prefix, sent as ICMPv6 by python's raw socket.
    private static let advertisesRouter = """
        python3 -c '
        import socket, struct
        s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xc0, 3600, 3600, 0, socket.inet_pton(socket.AF_INET6, "2001:db8:666::"))
        s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))'
        """

    @Test(
        "What somebody else does to the rules is undone within a second, and told",
        arguments: [
            "nft flush ruleset", "nft delete table inet podagent", "nft delete table bridge podagent",
            "nft flush chain inet podagent ports", "nft flush map inet podagent port4",
            "nft add rule inet podagent ports accept",
            "nft 'flush ruleset; add table inet filter; add chain inet filter input { type filter hook input priority 0; }'",
        ]
    )
    func restored(command: String) throws {
        try putServer("web", ports: ["hostPort: 8080"])
        try eventually("the server answers") { try asked("192.0.2.1:8080", from: neighbour.enter) != nil }
        let whole = try run(inNode, "nft list table inet podagent; nft list table bridge podagent").output
        for _ in 0..<3 {
            try must(inNode, command)
            try eventually("the rules are back", seconds: 60) {
                try run(inNode, "nft list table inet podagent; nft list table bridge podagent").output
                    == whole
            }
        }
        try expect("192.0.2.2", at: "192.0.2.1:8080", from: neighbour.enter)
        try expect("10.88.0.1", at: "127.0.0.1:8080", from: inNode)
        #expect(try node.ask("events").contains("nft had changed podagent's nftables table"))
        #expect(try node.ask("events").contains("FirewallRestored"))
        try finish()
    }

    @Test("A restart of the agent changes no rule, and what happened to them meanwhile is undone")
    func restart() throws {
        try putServer("web", ports: ["hostPort: 8080"])
        let whole = try run(inNode, "nft list ruleset").output
        node.killAgent()
        try expect("192.0.2.2", at: "192.0.2.1:8080", from: neighbour.enter)
        try must(inNode, "nft flush ruleset")
        try node.startAgent()
        #expect(try run(inNode, "nft list ruleset").output == whole)
        try expect("192.0.2.2", at: "192.0.2.1:8080", from: neighbour.enter)
        try finish()
    }

    @Test("A Pod that has run to its end gives back its address and its ports")
    func finished() throws {
        try node.put(
            "job.yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: job}
            spec:
              restartPolicy: Never
              containers:
              - {name: c, image: "busybox:1.36", command: ["true"], ports: [{containerPort: 80, hostPort: 8080}]}
            """
        )
        try node.wait("job", for: "phase=Succeeded")
        try eventually("its rules are gone") {
            try !run(inNode, "nft list table inet podagent").output.contains("8080")
        }
        try putServer("web", ports: ["hostPort: 8080"])
        try expect("192.0.2.2", at: "192.0.2.1:8080", from: neighbour.enter)
        try finish()
    }

    @Test("A network that the node has a route to already is refused, and nothing is left of it")
    func overlap() throws {
        node.endAgent(by: SIGTERM)
        try must(inNode, "ip route add 10.88.0.128/25 via 192.0.2.2")
        try node.spawnAgent()
        #expect(node.waitForAgent() == 1)
        #expect(
            node.agentLog.contains(
                "the node has a route to 10.88.0.128/25 by out, which 10.88.0.0/24 overlaps: choose another network"
            )
        )
        #expect(try run(inNode, "ip link show podagent0").code != 0)
        #expect(try run(inNode, "nft list ruleset").output.isEmpty)
        try must(inNode, "ip route del 10.88.0.128/25")
        try finish()
    }

    private func finish() throws {
        neighbour.end()
        try node.end()
    }
}

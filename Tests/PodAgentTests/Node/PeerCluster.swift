import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Nodes on one wire: each with a network namespace, an agent and directories of its own, and all connected to a bridge in
/// a namespace of the test. Node N has 192.0.2.N and 2001:db8::N, and 10.88.N.0/24 and fd00:88:N::/64 for its Pods.
final class PeerCluster {
    private(set) var nodes: [TestNode] = []
    private let wire: Subprocess
    private let scratch: String

    /// - Parameters:
    ///   - count: of nodes, named node1 and so on.
    ///   - addresses: of a node, as its entry has them after `via`.
    ///   - flags: of every agent.
    init(_ count: Int, images: [String], addresses: (Int) -> String, flags: [String]) throws {
        var template = Array("/tmp/podagent-test-XXXXXX".utf8CString)
        scratch = try #require(mkdtemp(&template).map { String(cString: $0) })
        wire = try Subprocess(
            ["/usr/bin/unshare", "--net", "sleep", "infinity"],
            output: "\(scratch)/wire.out",
            errors: "\(scratch)/wire.out"
        )
        let wirePid = wire.pid
        try eventually("the wire is there") { readText("/proc/\(wirePid)/comm") == "sleep\n" }
        try shell(wirePid, "ip link add wire0 type bridge; ip link set wire0 up")
        // The same for all of them: a node finds itself by its name.
        let peers = (1...count).map { "node\($0)=\(Self.entry($0, addresses($0)))" }.joined(separator: ";")
        for number in 1...count {
            let node = try TestNode(
                name: "node\(number)",
                images: images,
                flags: ["--peers", peers] + flags,
                ownNetwork: true
            ) { node in
                try self.connect(#require(node.networkPid), number)
            }
            nodes.append(node)
        }
    }

    /// What the configuration says of a node.
    static func entry(_ number: Int, _ addresses: String) -> String {
        "10.88.\(number).0/24,fd00:88:\(number)::/64 via \(addresses)"
    }

    private func connect(_ node: pid_t, _ number: Int) throws {
        try shell(
            wire.pid,
            """
            ip link add port\(number) type veth peer name eth0 netns \(node)
            ip link set port\(number) master wire0 up
            """
        )
        try shell(node, Self.setUp(number))
    }

    /// Gives a node its address on the link eth0, which keeps it when it goes down and up.
    static func setUp(_ number: Int) -> String {
        """
        echo 1 >/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down
        ip link set lo up
        ip link set eth0 up
        ip address add 192.0.2.\(number)/24 dev eth0
        ip address add 2001:db8::\(number)/64 dev eth0 nodad
        """
    }

    /// Runs lines of a shell, each of which must succeed, in a network namespace.
    @discardableResult
    private func shell(_ namespace: pid_t, _ script: String) throws -> String {
        let outcome = try Subprocess.run(
            ["/usr/bin/nsenter", "--net=/proc/\(namespace)/ns/net", "/bin/sh", "-ec", script],
            scratch: scratch
        )
        try #require(outcome.code == 0, "\(script): \(outcome)")
        return outcome.output
    }

    /// Runs lines of a shell in the network of a node, counted from 1.
    @discardableResult
    func onNode(_ number: Int, _ script: String) throws -> String {
        try shell(#require(nodes[number - 1].networkPid), script)
    }

    /// Ends every node and looks for what is left.
    func end() throws {
        for node in nodes { try node.end() }
        wipe()
    }

    private func wipe() {
        if kill(wire.pid, 0) == 0 {
            kill(wire.pid, SIGKILL)
            wire.wait()
        }
        unlink("\(scratch)/wire.out")
        rmdir(scratch)
    }

    private var isWiped: Bool { access(scratch, F_OK) != 0 }

    deinit { if !isWiped { wipe() } }
}

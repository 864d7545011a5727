import Glibc
import Testing

@testable import PodAgent

/// Another machine on the node's wire, 192.0.2.2 and 2001:db8::2; the node has 192.0.2.1 and 2001:db8::1 there. The
/// wire's ends are both called `out`.
final class Neighbour {
    private let node: TestNode
    private let holder: Subprocess
    private var servers: [Subprocess] = []
    private var hasEnded = false

    init(of node: TestNode) throws {
        self.node = node
        let holder = try Subprocess(
            ["/usr/bin/unshare", "--net", "sleep", "infinity"],
            output: "\(node.directory)/neighbour.out",
            errors: "\(node.directory)/neighbour.out"
        )
        self.holder = holder
        try eventually("the neighbour is there") { readText("/proc/\(holder.pid)/comm") == "sleep\n" }
        let wire = """
            ip link add out type veth peer name out netns /proc/\(holder.pid)/ns/net
            ip address add 192.0.2.1/24 dev out; ip address add 2001:db8::1/64 dev out nodad
            ip link set out up; ip link set lo up
            """
        let own = """
            ip address add 192.0.2.2/24 dev out; ip address add 2001:db8::2/64 dev out nodad
            ip link set out up; ip link set lo up
            """
        for (network, commands) in [(node.inNetwork([]), wire), (enter, own)] {
            let outcome = try Subprocess.run(
                network + ["/bin/sh", "-ec", commands],
                scratch: "\(node.directory)/scratch"
            )
            try #require(outcome.code == 0, "\(outcome)")
        }
    }

    /// The beginning of a command line for the neighbour's network.
    var enter: [String] { ["/usr/bin/nsenter", "--net=/proc/\(holder.pid)/ns/net"] }

    /// A web server that answers with the address that it was asked from; on port 8000 of the neighbour if nothing else is
    /// said.
    func serve(in network: [String]? = nil, at place: String = "8000") throws {
        let root = "\(node.directory)/www"
        mkdir(root, 0o755)
        mkdir("\(root)/cgi-bin", 0o755)
        let raw = open("\(root)/cgi-bin/from", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o755)
        try #require(raw >= 0)
        try writeAll(
            Descriptor(adopting: raw),
            Array("#!/bin/sh\necho; echo $REMOTE_ADDR\n".utf8),
            subject: "script"
        )
        try start(["/usr/bin/busybox", "httpd", "-f", "-p", place, "-h", root], in: network ?? enter)
    }

    /// What has been started, and the file that it prints to.
    struct Started {
        fileprivate let path: String
        var output: String { readText(path) }
    }

    /// Starts what runs until the end, in a network.
    @discardableResult
    func start(_ arguments: [String], in network: [String]) throws -> Started {
        let output = "\(node.directory)/started-\(servers.count).out"
        servers.append(try Subprocess(network + arguments, output: output, errors: output))
        return Started(path: output)
    }

    /// Commands after which 127.0.0.1 is somebody else, behind a gateway.
    func makesLoopbackRemote(by gateway: String, over link: String) -> String {
        """
        set -e; echo 1 >/proc/sys/net/ipv4/conf/\(link)/route_localnet
        ip address del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via \(gateway) dev \(link)
        """
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        for process in servers + [holder] {
            kill(process.pid, SIGKILL)
            process.wait()
        }
    }

    deinit { end() }
}

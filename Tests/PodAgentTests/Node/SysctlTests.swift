import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Kernel parameters of Pods on a real kernel. Nothing of the machine's own may change.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking
)
struct SysctlTests {
    private func manifest(_ name: String, _ sysctls: [(name: String, value: String)], spec: String = "")
        -> String
    {
        let list = sysctls.map { "    - {name: \($0.name), value: \"\($0.value)\"}\n" }.joined()
        return """
            apiVersion: v1
            kind: Pod
            metadata: {name: \(name)}
            spec:
              terminationGracePeriodSeconds: 0
              \(spec)
              containers: [{name: c, image: "busybox:1.36", command: [sleep, "1000"]}]
              securityContext:
                sysctls:
            \(list)
            """
    }

    /// What a Pod may set of these, and what others.
    private static let watched = [
        "kernel/shm_rmid_forced", "kernel/msgmax", "kernel/core_pattern", "net/ipv4/ip_local_port_range",
        "net/ipv4/tcp_fin_timeout", "net/ipv4/ip_unprivileged_port_start", "net/ipv4/conf/lo/rp_filter",
    ]

    private func machine() -> [String] { Self.watched.map { readText("/proc/sys/\($0)") } }

    @Test("What a Pod sets holds in all of its containers, and nowhere else")
    func set() throws {
        let before = machine()
        let flags = [
            "--allowed-unsafe-sysctls", "kernel.msgmax,net.ipv4.conf.*", "--pod-cidr", "10.88.0.0/24",
        ]
        let node = try TestNode(images: ["busybox"], flags: flags, ownNetwork: true)
        let wanted = [
            ("kernel.shm_rmid_forced", "1"), ("net.ipv4.ip_local_port_range", "20000 30000"),
            ("net/ipv4/tcp_fin_timeout", "17"), ("kernel/msgmax", "16384"),
            ("net.ipv4.conf.eth0.rp_filter", "1"), ("net.ipv4.ip_unprivileged_port_start", "512"),
        ]
        try node.put("tuned.yaml", manifest("tuned", wanted))
        try node.put("plain.yaml", manifest("plain", [("net.ipv4.tcp_syncookies", "1")]))
        for name in ["tuned", "plain"] { try node.wait(name, for: "condition=Ready") }
        let files = wanted.map { "/proc/sys/" + $0.0.replacing(".", with: "/") }.joined(separator: " ")
        func seen(_ name: String) throws -> String {
            try node.ask("exec", name, "--", "/bin/sh", "-c", "cat \(files)").replacing("\t", with: " ")
        }
        #expect(try seen("tuned") == "1\n20000 30000\n17\n16384\n1\n512\n")
        #expect(try seen("plain").hasSuffix("\n0\n"))
        #expect(try seen("plain").hasPrefix("1\n") == before[0].hasPrefix("1"))
        #expect(machine() == before)
        try node.end()
        #expect(machine() == before)
    }

    @Test(
        "A value that the kernel does not take keeps the sandbox from being made, and the event names the parameter",
        arguments: [
            ("net.ipv4.ip_local_port_range", "many"),
            ("kernel.shm_rmid_forced", "1+kernel.core_pattern=|/bin/false"),
            ("net.ipv4.conf.nosuch0.rp_filter", "1"),
        ]
    )
    func refusedByTheKernel(name: String, value: String) throws {
        let before = machine()
        let node = try TestNode(images: ["busybox"], flags: ["--allowed-unsafe-sysctls", "net.*"])
        try node.put("bad.yaml", manifest("bad", [(name, value)]))
        try eventually("the event names it") {
            let events = try node.ask("events")
            return events.contains("FailedCreatePodSandBox")
                && events.contains("sysctl \(name) cannot be set to \"\(value)\": ")
        }
        #expect(machine() == before)
        try node.end()
    }

    @Test(
        "What is the node's own is not a Pod's to set",
        arguments: [
            "kernel.core_pattern", "kernel/core_pattern", "vm.swappiness", "net.core.somaxconn",
            "kernel.msgmax",
        ]
    )
    func forbidden(name: String) throws {
        let before = machine()
        let node = try TestNode(images: ["busybox"])
        try node.put("bad.yaml", manifest("bad", [(name, "1")]))
        try node.wait("bad", for: "phase=Failed")
        let status = try #require(node.toldPods().first).status
        #expect(status.reason == "SysctlForbidden")
        let dotted = name.replacing("/", with: ".")
        #expect(status.message == "Pod was rejected: forbidden sysctl: \"\(dotted)\" not allowlisted")
        #expect(machine() == before)
        try node.end()
    }
}

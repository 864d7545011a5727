import Testing

@testable import PodCore

@Suite struct SysctlsTests {
    private func pod(_ names: String...) -> Pod {
        var pod = Pod()
        pod.spec.securityContext.sysctls = names.map { name in
            var sysctl = Sysctl()
            (sysctl.name, sysctl.value) = (name, "1")
            return sysctl
        }
        return pod
    }

    @Test(
        "A name in either form leads to its file",
        arguments: [
            ("kernel.shm_rmid_forced", "/proc/sys/kernel/shm_rmid_forced"),
            ("kernel/shm_rmid_forced", "/proc/sys/kernel/shm_rmid_forced"),
            ("net.ipv4.conf.eth0/5.rp_filter", "/proc/sys/net/ipv4/conf/eth0.5/rp_filter"),
            ("net/ipv4/conf/eth0.5/rp_filter", "/proc/sys/net/ipv4/conf/eth0.5/rp_filter"),
        ]
    )
    func path(name: String, path: String) throws {
        var sysctl = Sysctl()
        (sysctl.name, sysctl.value) = (name, "1")
        let own = try #require(PodSysctl(sysctl))
        #expect(own.path == path)
        #expect(PodSysctl.name(ofFile: path) == own.name)
    }

    @Test(
        "What belongs to no namespace is never set",
        arguments: [
            "kernel.core_pattern", "vm.swappiness", "fs.file-max", "kernel.sem_next_id", "net", "kernel",
        ]
    )
    func isTheNodes(name: String) {
        var sysctl = Sysctl()
        sysctl.name = name
        #expect(PodSysctl(sysctl) == nil)
        let rules = SysctlRules(allowedUnsafe: [name])
        #expect(rules.rejection(of: pod(name))?.reason == "SysctlForbidden")
    }

    @Test(
        "Safe ones are allowed, others by name or by their beginning",
        arguments: [
            ("kernel.shm_rmid_forced", [], true), ("net/ipv4/tcp_rmem", [], true),
            ("net.ipv4.tcp_rmem2", [], false), ("kernel.msgmax", [], false),
            ("kernel.msgmax", ["kernel.msgmax"], true), ("kernel/msgmax", ["kernel.msgmax"], true),
            ("kernel.msgmax", ["kernel.msg*"], true), ("kernel.msgmax", ["kernel.msg"], false),
            ("net.core.somaxconn", ["kernel.msg*", "net.core.*"], true),
        ] as [(String, [String], Bool)]
    )
    func allowed(name: String, allowed: [String], isAllowed: Bool) {
        #expect((SysctlRules(allowedUnsafe: allowed).rejection(of: pod(name)) == nil) == isAllowed)
    }

    @Test("The first one that is not allowed is named, in the form with dots")
    func text() {
        let rejection = SysctlRules().rejection(of: pod("kernel.shm_rmid_forced", "kernel/msgmax", "vm.x"))
        #expect(
            rejection == Rejection("SysctlForbidden", "forbidden sysctl: \"kernel.msgmax\" not allowlisted")
        )
    }

    @Test(
        "What a node may allow reaches no further than what Pods have to themselves",
        arguments: [
            ("net.*", true), ("kernel.shm*", true), ("kernel.msgmax", true), ("kernel.sem", true),
            ("fs.mqueue.*", true), ("*", false), ("", false), ("kernel.*", false), ("kernel.sem*", false),
            ("net*", false), ("kernel.core_pattern", false), ("net.a b", false), ("net.*.x", false),
        ]
    )
    func patterns(pattern: String, isFine: Bool) { #expect(SysctlRules.isPattern(pattern) == isFine) }

    @Test(
        "The sandbox sets what the Pod asks for behind its link, and what is usual unless the Pod wants otherwise"
    )
    func plan() throws {
        let subnet = try Subnet(parsing: "10.88.0.0/24")
        func steps(_ names: String...) -> [String] {
            var launch = PauseLaunch(namespaces: [.network, .ipc], hostname: "h", emptyDirectory: "/e")
            launch.sysctls = names.compactMap { name in
                var sysctl = Sysctl()
                (sysctl.name, sysctl.value) = (name, "7")
                return PodSysctl(sysctl)
            }
            launch.link = PodLink(
                name: "veth",
                bridge: 3,
                group: 7,
                addresses: [
                    .init(.v4(0x0a58_0002), in: subnet, by: .v4(0x0a58_0001))
                ]
            )
            return launch.plan.steps.map(\.description)
        }
        let usual = steps()
        #expect(usual.contains("write 0 to /proc/sys/net/ipv4/ip_unprivileged_port_start (if possible)"))
        #expect(usual.contains("write 0 2147483647 to /proc/sys/net/ipv4/ping_group_range (if possible)"))
        let own = steps("net.ipv4.ip_unprivileged_port_start", "kernel.shm_rmid_forced")
        #expect(!own.contains("write 0 to /proc/sys/net/ipv4/ip_unprivileged_port_start (if possible)"))
        let place = try #require(
            own.firstIndex(of: "write 7 to /proc/sys/net/ipv4/ip_unprivileged_port_start")
        )
        #expect(own[place + 1] == "write 7 to /proc/sys/kernel/shm_rmid_forced")
        #expect(place > (own.lastIndex { $0.hasPrefix("netlink") } ?? own.count))
        #expect(place < (own.firstIndex { $0.hasPrefix("mount") } ?? 0))
    }
}

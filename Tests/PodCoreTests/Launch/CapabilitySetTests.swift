import Testing

@testable import PodCore

/// Reference §11.2.
struct CapabilitySetTests {
    @Test("the default set is the documented fourteen and no other, by the kernel's numbers")
    func standard() {
        // linux/capability.h: CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, KILL 5, SETGID 6, SETUID 7, SETPCAP 8,
        // NET_BIND_SERVICE 10, NET_RAW 13, SYS_CHROOT 18, MKNOD 27, AUDIT_WRITE 29, SETFCAP 31. The number that
        // `capsh --decode` and `docker run alpine grep Cap /proc/self/status` show for it everywhere.
        #expect(CapabilitySet.standard.bits == 0xa804_25fb)
        #expect(CapabilitySet.standard.names.count == 14)
    }

    @Test("every name stands at its kernel number")
    func numbers() {
        #expect(CapabilitySet.all.bits == (1 << 41) - 1)
        let some: [(String, UInt64)] = [
            ("CHOWN", 0), ("NET_ADMIN", 12), ("SYS_MODULE", 16), ("SYS_PTRACE", 19), ("SYS_ADMIN", 21),
            ("SYS_RESOURCE", 24),
            ("SYS_TIME", 25), ("LEASE", 28), ("SYSLOG", 34), ("WAKE_ALARM", 35), ("PERFMON", 38), ("BPF", 39),
            ("CHECKPOINT_RESTORE", 40),
        ]
        for (name, number) in some {
            #expect(CapabilitySet(bits: 1 << number).names == [name])
        }
    }

    struct Wish: CustomTestStringConvertible {
        var add: [String] = []
        var drop: [String] = []
        var expected: UInt64
        var testDescription: String { "add \(add) drop \(drop)" }
    }

    static let wishes = [
        Wish(expected: 0xa804_25fb),
        Wish(drop: ["ALL"], expected: 0),
        Wish(add: ["NET_ADMIN"], drop: ["ALL"], expected: 1 << 12),
        Wish(add: ["ALL"], expected: (1 << 41) - 1),
        Wish(add: ["ALL"], drop: ["ALL"], expected: (1 << 41) - 1),
        Wish(add: ["ALL"], drop: ["CHOWN"], expected: (1 << 41) - 2),
        Wish(add: ["SYS_TIME"], drop: ["SYS_TIME"], expected: 0xa804_25fb),
        Wish(drop: ["MKNOD", "NET_RAW"], expected: 0xa804_25fb & ~(1 << 27 | 1 << 13)),
        Wish(add: ["cap_sys_admin", "Net_Admin"], drop: ["all"], expected: 1 << 21 | 1 << 12),
        Wish(add: ["CHOWN"], expected: 0xa804_25fb),
    ]

    @Test("what a Pod adds and drops", arguments: wishes)
    func wish(_ wish: Wish) throws {
        #expect(try CapabilitySet.standard(adding: wish.add, dropping: wish.drop).get().bits == wish.expected)
    }

    @Test(
        "a name that no kernel knows is said",
        arguments: [(["SYS_MAGIC"], []), ([], ["cap_sys_magic"]), (["ALL"], [" SYS_MAGIC "])]
    )
    func unknown(_ add: [String], _ drop: [String]) {
        guard case .failure(let unknown) = CapabilitySet.standard(adding: add, dropping: drop) else {
            Issue.record("taken")
            return
        }
        #expect(unknown.description.contains("SYS_MAGIC"))
    }
}

/// A set of capabilities(7), one bit each.
public struct CapabilitySet: Hashable, Sendable {
    /// Bit N is the capability with number N in `linux/capability.h`.
    public var bits: UInt64

    /// Makes a set from its bits.
    public init(bits: UInt64) { self.bits = bits }

    /// No capability.
    public static let empty = CapabilitySet(bits: 0)

    /// Every capability that has a name here.
    public static let all = CapabilitySet(bits: (1 << UInt64(names.count)) - 1)

    /// What a container has when its spec says nothing: the set that containerd and Docker give.
    public static let standard = CapabilitySet(names: [
        "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
        "SETPCAP",
        "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
    ])

    /// What it takes to make files as a layer has them: of any owner, with setuid bits and file capabilities. A whiteout
    /// takes none (mknod(2), since Linux 5.8).
    public static let unpacking = CapabilitySet(names: [
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP",
    ])

    private init(names: [String]) {
        bits = names.reduce(0) { $0 | (Self.bit(named: $1) ?? 0) }
    }

    /// The set after a Pod's wishes: `ALL` dropped first, then added, then the single names (reference §11.2).
    ///
    /// Names are accepted with and without `CAP_` and in any case, as runtimes accept them. The first name that no
    /// kernel knows is returned instead of a set.
    public static func standard(
        adding added: [String],
        dropping dropped: [String]
    ) -> Result<CapabilitySet, UnknownCapability> {
        var set = standard
        let drops = dropped.map(normalized)
        let adds = added.map(normalized)
        if drops.contains("ALL") { set = .empty }
        if adds.contains("ALL") { set = .all }
        for name in adds where name != "ALL" {
            guard let bit = bit(named: name) else { return .failure(UnknownCapability(name: name)) }
            set.bits |= bit
        }
        for name in drops where name != "ALL" {
            guard let bit = bit(named: name) else { return .failure(UnknownCapability(name: name)) }
            set.bits &= ~bit
        }
        return .success(set)
    }

    private static func normalized(_ name: String) -> String {
        let upper = name.uppercased()
        return upper.hasPrefix("CAP_") ? String(upper.dropFirst(4)) : upper
    }

    private static func bit(named name: String) -> UInt64? {
        names.firstIndex(of: name).map { 1 << UInt64($0) }
    }

    /// The names of the capabilities in the set, in the kernel's order.
    public var names: [String] {
        Self.names.enumerated().filter { bits & (1 << UInt64($0.offset)) != 0 }.map(\.element)
    }

    /// In the order of `linux/capability.h`, Linux 5.9 and later.
    private static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]
}

/// A capability name that no kernel knows.
public struct UnknownCapability: Error, Hashable, Sendable, CustomStringConvertible {
    /// As given, upper case and without `CAP_`.
    public let name: String

    /// The problem for people.
    public var description: String { "unknown capability \"\(name)\" to add or drop" }
}

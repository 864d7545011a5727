/// A kernel parameter of namespaces that a Pod has to itself, sysctl(8).
public struct PodSysctl: Hashable, Sendable {
    /// Whose namespace has it.
    enum Owner: Hashable, Sendable {
        case network, ipc
    }

    /// With dots between its parts; a `/` is a dot within one, as in sysctl(8).
    public let name: String
    /// The text that is written.
    public let value: String
    let owner: Owner

    /// A parameter as a Pod has it; nil when no namespace has it and setting it would change the node.
    public init?(_ sysctl: Sysctl) {
        name = Self.withDots(sysctl.name)
        value = sysctl.value
        guard let owner = Self.owner(of: name) else { return nil }
        self.owner = owner
    }

    /// Its file; relative to it the process that opens it sees its own namespaces' parameters (proc(5)).
    var path: String { Self.directory + Self.swapped(name) }

    private static let directory = "/proc/sys/"

    /// The name of the parameter that a launch plan's step sets, if it sets one.
    public static func name(ofFile path: String) -> String? {
        path.hasPrefix(directory) ? swapped(String(path.dropFirst(directory.utf8.count))) : nil
    }

    /// In the form with dots: whichever of `.` and `/` comes first is what separates the parts.
    static func withDots(_ name: String) -> String {
        name.first { $0 == "." || $0 == "/" } == "/" ? swapped(name) : name
    }

    private static func swapped(_ name: String) -> String {
        String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
    }

    /// Reference §7.6: what else there is is the node's.
    static func owner(of name: String) -> Owner? {
        if name.hasPrefix("net.") { return .network }
        let isIPC = ["kernel.shm", "kernel.msg", "fs.mqueue."].contains { name.hasPrefix($0) }
        return isIPC || name == "kernel.sem" ? .ipc : nil
    }
}

/// Which kernel parameters the Pods of a node may set (reference §7.6).
public struct SysctlRules: Hashable, Sendable {
    /// Beside the safe ones: names, or beginnings of names with a `*` at their end.
    public var allowedUnsafe: [String]

    /// Makes the rules.
    public init(allowedUnsafe: [String] = []) { self.allowedUnsafe = allowedUnsafe }

    /// What Pods may set on every node: it can do no harm to another Pod. Some of these belong to a namespace only since
    /// a Linux that is older than any that podagent runs on.
    static let safe: Set<String> = [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    ]

    /// Whether `pattern` can be allowed: it must not reach beyond what Pods can have to themselves.
    public static func isPattern(_ pattern: String) -> Bool {
        let isPrefix = pattern.hasSuffix("*")
        let name = isPrefix ? String(pattern.dropLast()) : pattern
        let isPlain = name.utf8.allSatisfy {
            $0.isLowercaseAlphanumeric || [.dot, .dash, .underscore, UInt8(ascii: "/")].contains($0)
        }
        guard isPlain, PodSysctl.owner(of: name) != nil else { return false }
        // kernel.sem* would be kernel.sem_next_id, too, which is no more the Pod's than the node's.
        return !(isPrefix && name == "kernel.sem")
    }

    /// Why the Pod is not admitted, if one of its parameters is not allowed.
    func rejection(of pod: Pod) -> Rejection? {
        for sysctl in pod.spec.securityContext.sysctls {
            let name = PodSysctl.withDots(sysctl.name)
            if PodSysctl.owner(of: name) != nil, Self.safe.contains(name) || isAllowed(name) { continue }
            return Rejection("SysctlForbidden", "forbidden sysctl: \(name.quoted) not allowlisted")
        }
        return nil
    }

    private func isAllowed(_ name: String) -> Bool {
        allowedUnsafe.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
    }
}

import CNamespaces
import Glibc

/// One fact for the service manager, as sd_notify(3) names them.
enum ServiceNotification: Hashable, Sendable {
    /// The service has started, or has read its configuration again.
    case ready
    /// The configuration is being read. The time, in microseconds of CLOCK_MONOTONIC, tells the manager which of several
    /// reloads it is that begins.
    case reloading(monotonicMicroseconds: UInt64)
    /// The service is about to end.
    case stopping
    /// One line for people, which `systemctl status` shows.
    case status(String)
    /// The service still does its work.
    case watchdog

    /// As it stands in a datagram.
    var assignment: String {
        switch self {
        case .ready: "READY=1"
        case .reloading(let time): "RELOADING=1\nMONOTONIC_USEC=\(time)"
        case .stopping: "STOPPING=1"
        // A line break would begin another assignment.
        case .status(let text): "STATUS=" + text.split(whereSeparator: \.isNewline).joined(separator: " ")
        case .watchdog: "WATCHDOG=1"
        }
    }

    /// A reload that begins now.
    static var reloadingNow: ServiceNotification {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .reloading(
            monotonicMicroseconds: UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
        )
    }
}

/// What is told at one time, in one datagram.
struct ServiceMessage: Hashable, Sendable {
    let facts: [ServiceNotification]

    var bytes: [UInt8] { Array(facts.map(\.assignment).joined(separator: "\n").utf8) }

    /// Whether nobody needs to hear this one any more when `newer` comes after it.
    func isOvertaken(by newer: ServiceMessage) -> Bool {
        guard facts.count == 1, newer.facts.count == 1 else { return false }
        switch (facts[0], newer.facts[0]) {
        case (.status, .status), (.watchdog, .watchdog): return true
        default: return false
        }
    }
}

/// The service manager's socket, as NOTIFY_SOCKET names it: a path, or a name in the abstract namespace (unix(7)) with
/// an `@` for the NUL byte that it begins with. (The third kind, AF_VSOCK, is for a virtual machine's PID 1.)
struct ServiceSocket: Hashable, Sendable {
    let name: String
    /// A `sockaddr_un` of exactly the name's length: an abstract name has no end but that.
    private let address: [UInt8]

    /// Nil for anything else, and for a name that is too long.
    init?(_ name: String) {
        var path = Array(name.utf8)
        switch path.first {
        case UInt8(ascii: "/"): path.append(0)
        case UInt8(ascii: "@"): path[0] = 0
        default: return nil
        }
        guard (2...MemoryLayout.size(ofValue: sockaddr_un().sun_path)).contains(path.count) else {
            return nil
        }
        self.name = name
        address = withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) } + path
    }

    /// A socket for what there is to say now. Each message has its own, as the manager may have made a new one since the
    /// last; SCM_CREDENTIALS, by which it knows who speaks, the kernel adds for a receiver that asked for them.
    func connect() throws(SystemFailure) -> SharedDescriptor {
        let socket = Descriptor(adopting: try check("socket", name) { cns_unix_datagram_socket() })
        let raw = socket.raw
        try check("connect", name) {
            address.withUnsafeBytes { bytes in
                // A sockaddr_un is made to be passed as a sockaddr, whose alignment, of two bytes, an array's storage has.
                Glibc.connect(
                    raw,
                    bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
                    socklen_t(bytes.count)
                )
            }
        }
        return SharedDescriptor(socket)
    }
}

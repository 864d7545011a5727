import Glibc
import PodCore

/// A file below /proc/sys.
struct KernelSetting {
    private let path: String

    /// - Parameter name: below /proc/sys, as `net/ipv4/ip_forward`.
    init(_ name: String) { path = "/proc/sys/\(name)" }

    /// What it is, without the line's end.
    func get() throws(SystemFailure) -> String {
        let file = Descriptor(adopting: try check("open", path) { open(path, O_RDONLY | O_CLOEXEC) })
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = try check("read", path) { read(file.raw, &buffer, buffer.count) }
        return String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// Changes it; false when it was so already.
    @discardableResult
    func set(_ value: String) throws(SystemFailure) -> Bool {
        if try get() == value { return false }
        let file = Descriptor(adopting: try check("open", path) { open(path, O_WRONLY | O_CLOEXEC) })
        let bytes = Array(value.utf8)
        try check("write", path) { write(file.raw, bytes, bytes.count) }
        return true
    }
}

/// The node as a router for its Pods.
enum Forwarding {
    /// Has the kernel forward packets of that family. Returns what has been changed, in words.
    ///
    /// A kernel that forwards IPv6 no longer listens to routers, unless an interface is told to do so nevertheless, by
    /// accept_ra = 2 (Documentation/networking/ip-sysctl.rst): a node that has its own default route from a router would
    /// lose it.
    static func enable(forFamilyOf address: IPAddress) throws -> String? {
        switch address {
        case .v4: return try KernelSetting("net/ipv4/ip_forward").set("1") ? "IPv4 forwarding" : nil
        case .v6:
            let forwarding = KernelSetting("net/ipv6/conf/all/forwarding")
            if try forwarding.get() == "1" { return nil }
            let interfaces = try RootedDirectory(hostPath: "/proc/sys/net/ipv6/conf").entries()
            for interface in interfaces where interface != "all" {
                let advertisements = KernelSetting("net/ipv6/conf/\(interface)/accept_ra")
                // Gone again, or without IPv6.
                guard let known = try? advertisements.get(), known == "1" else { continue }
                try advertisements.set("2")
            }
            try forwarding.set("1")
            return "IPv6 forwarding"
        }
    }
}

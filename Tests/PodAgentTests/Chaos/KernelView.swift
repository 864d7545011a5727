import Glibc
import PodCore

@testable import PodAgent

/// What the kernel has of one node: its cgroup tree and the processes in it.
struct KernelView {
    struct Process {
        let pid: pid_t
        let name: String
        /// 1 for the first process of its innermost PID namespace.
        let innermostPID: Int
        /// When it began, by the wall clock.
        let startedAt: Timestamp
        /// `net`, `ipc`, `uts`, `pid`, `mnt`, as /proc/<pid>/ns has them.
        let namespaces: [String: String]
    }

    /// By Pod UID, then by the name of the leaf, what is in it.
    let pods: [String: [String: [Process]]]

    init(of node: TestNode) {
        guard let mount = try? Cgroups.mountPoint() else {
            pods = [:]
            return
        }
        let base = "\(mount)/\(node.cgroup)"
        var pods: [String: [String: [Process]]] = [:]
        for name in Self.directories(base) {
            let uid = name.hasPrefix("pod") ? String(name.dropFirst(3)) : name
            pods[uid] = Self.leaves("\(base)/\(name)", prefix: "")
        }
        self.pods = pods
    }

    /// Every cgroup beneath a Pod's, by its path: containers may have made some of their own.
    private static func leaves(_ path: String, prefix: String) -> [String: [Process]] {
        var found: [String: [Process]] = [:]
        for name in directories(path) {
            let members = readText("\(path)/\(name)/cgroup.procs").split(separator: "\n")
            found[prefix + name] = members.compactMap { pid_t($0) }.compactMap(process)
            found.merge(leaves("\(path)/\(name)", prefix: "\(prefix)\(name)/")) { first, _ in first }
        }
        return found
    }

    private static func directories(_ path: String) -> [String] {
        let entries = (try? RootedDirectory(hostPath: path).entries()) ?? []
        return entries.filter { (try? RootedDirectory(hostPath: "\(path)/\($0)")) != nil }
    }

    /// Nil for one that is gone or a zombie: that one does not run.
    static func process(_ pid: pid_t) -> Process? {
        let stat = readText("/proc/\(pid)/stat")
        // The name stands in parentheses and may hold anything; the fields count from behind it (proc_pid_stat(5)).
        let fields = stat.split(separator: ")").last.map { $0.split(separator: " ") } ?? []
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let ticks = Int64(fields[19]) else {
            return nil
        }
        let status = readText("/proc/\(pid)/status").split(separator: "\n")
        let numbers = status.first { $0.hasPrefix("NSpid:") }?.split(whereSeparator: \.isWhitespace)
        var namespaces: [String: String] = [:]
        for kind in ["net", "ipc", "uts", "pid", "mnt"] { namespaces[kind] = link("/proc/\(pid)/ns/\(kind)") }
        return Process(
            pid: pid,
            name: String(readText("/proc/\(pid)/comm").dropLast()),
            innermostPID: numbers?.last.flatMap { Int($0) } ?? 0,
            startedAt: bootedAt + .milliseconds(ticks * 1000 / Int64(sysconf(Int32(_SC_CLK_TCK)))),
            namespaces: namespaces
        )
    }

    /// When the machine was booted, as the clocks are now.
    private static var bootedAt: Timestamp {
        Timestamp(nanoseconds: Clock.wall().nanoseconds - Clock.tick().nanoseconds)
    }

    static func link(_ path: String) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = readlink(path, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
    }

    /// The mounts below `directory` in the mount namespace of `pid`.
    static func mounts(below directory: String, of pid: pid_t) -> [String] {
        readText("/proc/\(pid)/mountinfo").split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[4].hasPrefix(directory) else { return nil }
            return String(fields[4])
        }
    }

    /// The network interfaces in the network namespace of `pid`: two lines of headings, then a line for each.
    static func links(of pid: pid_t) -> [String] {
        readText("/proc/\(pid)/net/dev").split(separator: "\n").dropFirst(2).compactMap { line in
            line.split(separator: ":").first.map { $0.filter { $0 != " " } }
        }.sorted()
    }

    /// The children of `pid` that have ended and wait to be collected.
    static func zombies(of pid: pid_t) -> [String] {
        readText("/proc/\(pid)/task/\(pid)/children").split(separator: " ").filter { child in
            readText("/proc/\(child)/status").contains("State:\tZ")
        }.map(String.init)
    }

    /// Namespaces that a process keeps alive by a descriptor.
    static func heldNamespaces(of pid: pid_t) -> [String] {
        let descriptors = (try? RootedDirectory(hostPath: "/proc/\(pid)/fd").entries()) ?? []
        return descriptors.map { link("/proc/\(pid)/fd/\($0)") }.filter {
            $0.contains(":[") && isNamespace($0)
        }
    }

    private static func isNamespace(_ target: String) -> Bool {
        ["net:", "ipc:", "uts:", "pid:", "mnt:", "user:", "cgroup:"].contains { target.hasPrefix($0) }
    }
}

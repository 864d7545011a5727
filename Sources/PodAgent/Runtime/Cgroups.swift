import CNamespaces
import Glibc
import PodCore

/// The cgroup v2 subtree that the node's Pods live in:
///
///     <base>/pod<uid>/shim            podshim and pause
///     <base>/pod<uid>/<container>-<n> one for each container instance; execs join it, probes and hooks one within it
///
/// Controllers are enabled from the mount down to each Pod's directory, as far as the node has them; what is written to
/// their files stands in CgroupLimits.swift. `<base>` is a directory of its own at the mount of cgroup v2, and not below the unit of systemd: see what
/// packaging/podagent.service says about Delegate.
/// cgroups(7): processes live in leaves only, so that controllers can be enabled above them.
final class Cgroups: Sendable {
    let base: RootedDirectory
    private let basePath: String
    /// Why controllers that Pods' limits need cannot be used; those that are not in it can.
    let missing: [CgroupController: String]

    /// Makes the base. `name` is its directory beneath the cgroup2 mount.
    init(name: String) throws(SystemFailure) {
        let mount = try Self.mountPoint()
        basePath = "\(mount)/\(name)"
        let root = try RootedDirectory(hostPath: mount)
        base = try root.makeDirectory(name, mode: 0o755)
        missing = CgroupDelegation(root: root, base: name).enableAll()
        CrashPoint.arm(cgroups: basePath)
    }

    /// Where cgroup2 is mounted, from /proc/self/mountinfo (proc_pid_mountinfo(5)): on a machine that still has cgroup
    /// v1 it is not at /sys/fs/cgroup.
    static func mountPoint() throws(SystemFailure) -> String {
        let file = "/proc/self/mountinfo"
        let raw = try check("open", file) { cns_openat(AT_FDCWD, file, O_RDONLY, 0) }
        let bytes = try readRegularFile(Descriptor(adopting: raw), subject: file, limit: 16 << 20)
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let halves = line.split(separator: " ").split(separator: "-", maxSplits: 1)
            guard halves.count == 2, halves[1].first == "cgroup2", let fields = halves.first, fields.count > 4
            else { continue }
            return String(fields[fields.startIndex + 4])
        }
        throw SystemFailure(call: "find a cgroup2 mount", subject: file, errno: ENOENT)
    }

    /// The cgroup of one leaf of a Pod, made if missing, as a descriptor that a process can be born into.
    func leaf(_ name: String, pod uid: String) throws(SystemFailure) -> Descriptor {
        let directory = try base.makeDirectory("pod\(uid)/\(name)", mode: 0o755)
        return try directory.open(".", flags: O_RDONLY | O_DIRECTORY)
    }

    /// A cgroup within a leaf, made if missing: what runs there can be killed without the rest of the leaf. No controllers
    /// are enabled in it, so that it may be beside processes. Fails when the leaf is gone.
    func inner(_ name: String, of leaf: String, pod uid: String) throws(SystemFailure) -> Descriptor {
        let directory = try base.directory("pod\(uid)/\(leaf)").makeDirectory(name, mode: 0o755)
        return try directory.open(".", flags: O_RDONLY | O_DIRECTORY)
    }

    /// Kills every process of a Pod, whoever its parent is. cgroup.kill, cgroups(7).
    func kill(pod uid: String) { write("1", "pod\(uid)/cgroup.kill") }

    /// Kills what is left in one leaf and removes it.
    func removeLeaf(_ name: String, pod uid: String) throws(SystemFailure) {
        write("1", "pod\(uid)/\(name)/cgroup.kill")
        try remove("pod\(uid)/\(name)")
    }

    /// Kills what is left of a Pod and removes its whole subtree. Blocks until the kernel has let go: worker queues only.
    func remove(pod uid: String) throws(SystemFailure) {
        kill(pod: uid)
        try remove("pod\(uid)")
    }

    /// The names of a Pod's leaves.
    func leaves(pod uid: String) throws(SystemFailure) -> [String] {
        let directory = try base.directory("pod\(uid)")
        return try directory.entries().filter { isDirectory($0, in: directory) }
    }

    /// The Pods that have a cgroup.
    func pods() throws(SystemFailure) -> [String] {
        try base.entries().filter { $0.hasPrefix("pod") }.map { String($0.dropFirst(3)) }
    }

    /// Removes the base when no Pod is left in it.
    func removeBaseIfEmpty() { rmdir(basePath) }

    private func write(_ text: String, _ path: String) {
        // What is not there any more has nobody left to kill.
        guard let file = try? base.open(path, flags: O_WRONLY) else { return }
        try? writeAll(file, Array(text.utf8), subject: path)
    }

    private func remove(_ path: String) throws(SystemFailure) {
        guard let directory = try? base.directory(path) else { return }
        do throws(SystemFailure) {
            for entry in try directory.entries() where isDirectory(entry, in: directory) {
                try remove("\(path)/\(entry)")
            }
            try waitUntilEmpty(directory)
        } catch {
            // A container's clean-up and its Pod's may meet here; who comes second finds it gone.
            guard error.errno == ENOENT || error.errno == ENODEV else { throw error }
        }
        guard unlinkat(base.raw, path, AT_REMOVEDIR) == 0 || errno == ENOENT else {
            throw .current("rmdir", "\(basePath)/\(path)")
        }
    }

    private func isDirectory(_ name: String, in directory: RootedDirectory) -> Bool {
        var status = stat()
        return fstatat(directory.raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0
            && status.st_mode & S_IFMT == S_IFDIR
    }

    /// cgroup.events announces a change of `populated` by POLLPRI. Killed processes are gone within milliseconds; one
    /// that hangs in the kernel is given five seconds, and then reported.
    private func waitUntilEmpty(_ directory: RootedDirectory) throws(SystemFailure) {
        let events = try directory.open("cgroup.events", flags: O_RDONLY)
        for _ in 0..<50 {
            var buffer = [UInt8](repeating: 0, count: 256)
            let file = events.raw
            // ENODEV: somebody else has removed the cgroup meanwhile. Its file would be ready for ever.
            let count = try check("pread", directory.name) { pread(file, &buffer, buffer.count, 0) }
            if String(decoding: buffer[..<count], as: UTF8.self).contains("populated 0") { return }
            var poll = pollfd(fd: events.raw, events: Int16(POLLPRI), revents: 0)
            _ = Glibc.poll(&poll, 1, 100)
        }
        throw SystemFailure(call: "kill", subject: directory.name, errno: EBUSY)
    }
}

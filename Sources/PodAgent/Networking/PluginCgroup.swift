import Glibc
import PodCore

/// Where the CNI plugins of one Pod run: a cgroup beside the Pod's, whose limits are not theirs.
///
///     <base>/plugins-<uid>   while a command is carried out; what an agent that died has left running is found in it
///     <base>/plugins         what plugins have left running on purpose
///
/// A plugin that is killed in the middle may leave what no later `DEL` finds: Debian's bridge forgets a rule of iptables
/// once the Pod's link is gone. So an agent's death is none of its plugins', and whoever comes next waits for them.
struct PluginCgroup: Sendable {
    private let base: RootedDirectory
    private let leaf: String

    private static let daemons = "plugins"
    /// What was killed is gone within milliseconds; one that hangs in the kernel is reported.
    private static let deathLimit = Duration.seconds(5)

    init(_ cgroups: Cgroups, pod uid: String) {
        base = cgroups.base
        leaf = "plugins-\(uid)"
    }

    /// Waits for the plugins of an earlier podagent, and kills those that take longer than `limit`. A descriptor of the
    /// cgroup, for plugins to be born into.
    func enter(limit: Duration) throws(SystemFailure) -> SharedDescriptor {
        if let left = try? base.directory(leaf), try !isEmpty(left, within: limit) {
            Log.warning("\(left.name): what an earlier podagent has started takes too long, and is killed")
            let file = try left.open("cgroup.kill", flags: O_WRONLY)
            try writeAll(file, Array("1".utf8), subject: left.name)
            guard try isEmpty(left, within: Self.deathLimit) else {
                throw SystemFailure(call: "kill", subject: left.name, errno: EBUSY)
            }
        }
        let directory = try base.makeDirectory(leaf, mode: 0o755)
        return SharedDescriptor(try directory.open(".", flags: O_RDONLY | O_DIRECTORY))
    }

    /// All commands are done, and nobody waits for what they have left running.
    func leave() {
        do throws(SystemFailure) {
            if unlinkat(base.raw, leaf, AT_REMOVEDIR) != 0 {
                let directory = try base.directory(leaf)
                try release(directory)
                // What was killed with its plugin may still be on its way out.
                _ = try isEmpty(directory, within: Self.deathLimit)
                try check("rmdir", directory.name) { unlinkat(base.raw, leaf, AT_REMOVEDIR) }
            }
        } catch {
            Log.warning("a cgroup of CNI plugins stays: \(error)")
        }
        // Refused while there are any.
        unlinkat(base.raw, Self.daemons, AT_REMOVEDIR)
    }

    private func release(_ directory: RootedDirectory) throws(SystemFailure) {
        let others = try base.makeDirectory(Self.daemons, mode: 0o755)
        let members = String(decoding: try directory.read("cgroup.procs", limit: 1 << 20), as: UTF8.self)
        for pid in members.split(separator: "\n") {
            let file = try others.open("cgroup.procs", flags: O_WRONLY)
            // One that has ended meanwhile cannot be moved, and need not be.
            try? writeAll(file, Array(pid.utf8), subject: others.name)
        }
    }

    /// cgroup.events announces a change of `populated` by POLLPRI, cgroups(7). A cgroup that is gone is empty.
    private func isEmpty(_ directory: RootedDirectory, within limit: Duration) throws(SystemFailure) -> Bool {
        let deadline = Clock.tick() + limit
        let events: Descriptor
        do throws(SystemFailure) {
            events = try directory.open("cgroup.events", flags: O_RDONLY)
        } catch {
            if error.errno == ENOENT || error.errno == ENODEV { return true }
            throw error
        }
        while true {
            var buffer = [UInt8](repeating: 0, count: 256)
            let file = events.raw
            let count = try check("pread", directory.name) { pread(file, &buffer, buffer.count, 0) }
            if String(decoding: buffer[..<count], as: UTF8.self).contains("populated 0") { return true }
            let left = deadline - Clock.tick()
            if left <= .zero { return false }
            var polled = pollfd(fd: file, events: Int16(POLLPRI), revents: 0)
            _ = poll(&polled, 1, Int32(clamping: left.wholeNanoseconds / 1_000_000 + 1))
        }
    }
}

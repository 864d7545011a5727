import CNamespaces
import Glibc
import PodCore

/// The network namespace of a Pod, by its pause process.
struct PauseNamespace: Sendable {
    /// Nil when it is not known; it is found among the Pod's processes then.
    let pid: Int32?
    let uid: String
    let cgroups: Cgroups

    /// The path that plugins are given; nil when pause is gone.
    ///
    /// A plugin that is told the namespace of somebody else would take that one's links away, so the number is looked up
    /// at the last moment: it must be of a process of the Pod's sandbox, and in another namespace than podagent.
    var path: String? {
        guard let listed = try? cgroups.base.read("pod\(uid)/shim/cgroup.procs", limit: 1 << 20) else {
            return nil
        }
        let members = String(decoding: listed, as: UTF8.self).split(separator: "\n").compactMap { Int32($0) }
        // The other one is the shim, in podagent's own.
        return members.filter { pid == nil || pid == $0 }.map { "/proc/\($0)/ns/net" }.first(where: isAnother)
    }

    private func isAnother(_ path: String) -> Bool {
        var (own, other) = (stat(), stat())
        guard stat("/proc/self/ns/net", &own) == 0, stat(path, &other) == 0 else { return false }
        return FileIdentity(own) != FileIdentity(other)
    }

    /// Keeps the namespace from going with pause; nil when that is gone.
    func hold() -> HeldNamespace? {
        guard let path else { return nil }
        let raw = cns_openat(AT_FDCWD, path, O_RDONLY, 0)
        guard raw >= 0 else { return nil }
        let held = HeldNamespace(descriptor: SharedDescriptor(Descriptor(adopting: raw)))
        // Of pause, if that has been there since before it was opened.
        return self.path == nil ? nil : held
    }
}

/// A namespace that is there for as long as podagent has it open. Plugins find in it what they have to undo elsewhere, so
/// that pause may die before their DEL.
struct HeldNamespace: Sendable {
    let descriptor: SharedDescriptor

    /// For programs that podagent runs; it is no path that anybody should remember.
    var path: String { "/proc/\(getpid())/fd/\(descriptor.raw)" }
}

/// `memory.events` of a cgroup: how often something has happened in it and below it; cgroups(7) and the kernel's
/// Documentation/admin-guide/cgroup-v2.rst.
public struct MemoryEvents: Hashable, Sendable {
    /// How many of its processes any kind of OOM killer has killed. Counted before the process gets the signal, so that
    /// whoever has seen its end finds it counted.
    public var oomKills: Int

    /// Reads the file, lines of a key and a number. A kernel that does not count OOM kills has seen none.
    public init(parsing text: String) {
        let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
        let count = lines.first { $0.count == 2 && $0[0] == "oom_kill" }.flatMap { Int($0[1]) }
        oomKills = count ?? 0
    }
}

import Glibc
import Synchronization

/// The named steps of a Pod's start and stop at which a test can let something die.
///
/// A debug build reads `PODAGENT_CRASH_AT=<point>[:<n>][=<victim>][+<ms>]` and kills the victim when the point is passed
/// for the n-th time (the first if not given) by a Pod that has such a victim; what has passed goes on so many
/// milliseconds later, for points that are on a worker. In release builds passing a point is nothing.
enum CrashPoint: String, CaseIterable, Sendable {
    // Coming up.
    case beforeVolumes, afterVolumes
    case afterFirewall, beforeShim, afterShim
    case shimConnected, sandboxRequested, pauseStarted
    case beforeContainer, duringContainer, afterContainer, containerRequested, containerStarted
    // The record on disk: pod.json once, then machine.json again and again, each by a rename.
    case beforeRecord, betweenRecords, beforeRename, afterRecord
    // An instance has ended.
    case exitHeard, exitTaken, beforeForget, afterForget
    case beforeInstanceRemoved, afterInstanceRemoved
    // Going down.
    case beforeTerminate, afterTerminate
    case beforeKill, afterKill
    case beforeLastRecord, beforeShimEnd, afterShimEnd
    case beforeCgroupRemoved, afterCgroupRemoved, afterRunDirectoryRemoved, afterLinkRemoved
    case beforeVolumesRemoved, afterVolumesRemoved, afterWritableLayersRemoved
    case beforeLogsRemoved, afterLogsRemoved, afterStateRemoved
    case finished
    // Not of a Pod: an archive is loaded at the agent's start, and remembered.
    case beforePreload, afterPreload, afterPreloadRecord
    // Nor these: an image comes into the store.
    case pullResolved, beforeLayer, layerUnpacked, layerMoved
    case beforeImageRecord, afterImageRecord, imageVisible

    /// Those that every image passes on its way into the store, but for the first, which is of pulls alone.
    static let ofImages: [CrashPoint] = [
        .pullResolved, .beforeLayer, .layerUnpacked, .layerMoved, .beforeImageRecord, .afterImageRecord,
        .imageVisible,
    ]

    /// What dies. Whatever is not the agent is the Pod's that passes the point.
    enum Victim: String, CaseIterable, Sendable {
        case agent, shim, pause
        /// All processes of one container: of the last by name that has any.
        case container
    }

    /// The Pod with this UID passes the point.
    @inline(__always)
    func pass(_ uid: @autoclosure () -> String) {
        #if DEBUG
            if let planned = PlannedCrash.planned, planned.point == self { planned.strike(uid()) }
        #endif
    }

    /// The agent passes the point on nobody's behalf.
    @inline(__always)
    func pass() { pass("none") }

    /// A file of the directory `path` is passing the point. Only records count; their directory bears the Pod's UID.
    @inline(__always)
    func pass(writing leaf: String, in path: String) {
        #if DEBUG
            guard leaf == "pod.json" || leaf == "machine.json" else { return }
            pass(String(path.split(separator: "/").last ?? ""))
        #endif
    }

    /// Says where the Pods' cgroups are. A plan that cannot be understood ends the agent, so that no test passes by a
    /// slip of the pen.
    @inline(__always)
    static func arm(cgroups path: String) {
        #if DEBUG
            PlannedCrash.arm(path)
        #endif
    }
}

#if DEBUG
    /// What `PODAGENT_CRASH_AT` asks for.
    private struct PlannedCrash: Sendable {
        let point: CrashPoint
        let passing: Int
        let victim: CrashPoint.Victim
        let delayMilliseconds: UInt32

        static let text = getenv("PODAGENT_CRASH_AT").map { String(cString: $0) }
        static let planned = text.flatMap(PlannedCrash.init(parsing:))
        private static let passings = Mutex(0)
        private static let cgroups = Mutex("")

        init?(parsing text: String) {
            let plan = text.split(separator: "+", maxSplits: 1).map(String.init)
            let halves = (plan.first ?? "").split(separator: "=", maxSplits: 1).map(String.init)
            let parts = (halves.first ?? "").split(separator: ":", maxSplits: 1).map(String.init)
            guard let point = parts.first.flatMap(CrashPoint.init(rawValue:)),
                let passing = Int(parts.count > 1 ? parts[1] : "1"), passing > 0,
                let victim = CrashPoint.Victim(rawValue: halves.count > 1 ? halves[1] : "agent"),
                let delay = UInt32(plan.count > 1 ? plan[1] : "0")
            else { return nil }
            delayMilliseconds = delay
            self.point = point
            self.passing = passing
            self.victim = victim
        }

        static func arm(_ path: String) {
            if let text, planned == nil {
                Log.error("PODAGENT_CRASH_AT=\(text) names no crash point: <point>[:<n>][=<victim>][+<ms>]")
                exit(2)
            }
            cgroups.withLock { $0 = path }
        }

        /// Kills the victim, and says so first: the agent itself has no time for it afterwards.
        func strike(_ uid: String) {
            let victims = processes(uid)
            guard !victims.isEmpty else { return }
            let count = Self.passings.withLock { passings in
                passings += 1
                return passings
            }
            guard count == passing else { return }
            let numbers = victims.map(String.init).joined(separator: " ")
            Log.notice("crash point \(point.rawValue): Pod \(uid): killing \(victim.rawValue) \(numbers)")
            for pid in victims { kill(pid, SIGKILL) }
            usleep(delayMilliseconds * 1000)
        }

        private func processes(_ uid: String) -> [pid_t] {
            if victim == .agent { return [getpid()] }
            // A Pod whose cgroup is not there has no processes.
            let path = Self.cgroups.withLock { "\($0)/pod\(uid)" }
            guard let pod = try? RootedDirectory(hostPath: path) else { return [] }
            switch victim {
            case .agent: return [getpid()]
            case .shim: return members(pod, "shim").filter { name($0) == "podshim" }
            case .pause: return members(pod, "shim").filter { name($0) == "pause" }
            case .container:
                let leaves = ((try? pod.entries()) ?? []).filter { $0 != "shim" }
                return leaves.map { members(pod, $0) }.last { !$0.isEmpty } ?? []
            }
        }

        /// cgroup.procs of a leaf, cgroups(7); an entry that is no leaf has none.
        private func members(_ pod: RootedDirectory, _ leaf: String) -> [pid_t] {
            let bytes = (try? pod.read("\(leaf)/cgroup.procs", limit: 1 << 20)) ?? []
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { pid_t($0) }
        }

        private func name(_ pid: pid_t) -> String {
            let bytes = (try? RootedDirectory(hostPath: "/proc/\(pid)").read("comm", limit: 4096)) ?? []
            return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
        }
    }
#endif

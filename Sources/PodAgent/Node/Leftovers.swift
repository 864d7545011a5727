import Glibc
import PodCore

/// What an earlier podagent left of its Pods: records to go on from, and remains to end.
///
/// Blocks, which it may: it runs before the node does anything else. That also keeps a Pod that its manifest asks for
/// again from meeting the remains of its predecessor, which has the same UID.
@NodeActor
struct Leftovers {
    let context: NodeContext

    /// How the names begin of records that were set aside, of Pods that have been ended.
    nonisolated static let unreadable = "unreadable-"

    /// What is known of a Pod.
    struct Record {
        let pod: Pod
        let file: PodRecordFile
    }

    /// The Pods that have a record, in the order in which they were made. Those that have none, or one that cannot be
    /// understood, are ended, for nobody could say what they were.
    ///
    /// - Throws: when it cannot be seen which Pods there are. To begin without them would start each a second time.
    func records() throws(SystemFailure) -> [Record] {
        let pods = try context.directories.state.directory("pods")
        var records: [Record] = []
        for uid in try pods.entries() where !uid.hasPrefix(Self.unreadable) {
            do {
                let directory = try pods.directory(uid)
                let file = try PodRecordFile.read(from: directory)
                let pod = try PodFile.read(from: directory)
                guard pod.metadata.uid == uid else {
                    throw CommandFailure("it is of a Pod with the UID \(pod.metadata.uid.quoted)")
                }
                records.append(Record(pod: pod, file: file))
            } catch let failure as SystemFailure where failure.errno == ENOENT {
                // Ended before its first record, when nothing of it ran yet, though its first container may have been
                // prepared.
                let context = context
                remove("unfinished Pod \(uid)", uid) { namespace in
                    try context.detachNetwork(of: uid, namespace: namespace)
                    let logs = try context.directories.logs()
                    for name in try logs.entries() where name.hasSuffix("_\(uid)") {
                        try logs.removeTree(name)
                    }
                    try pods.removeTree(uid)
                }
            } catch {
                try setAside(uid, pods, "\(error)")
            }
        }
        try endUnknown(except: Set(records.map(\.pod.metadata.uid)))
        return records.sorted {
            ($0.pod.metadata.creationTimestamp?.seconds ?? 0)
                < ($1.pod.metadata.creationTimestamp?.seconds ?? 0)
        }
    }

    /// What cannot be understood is kept under a name that says so, and what runs of it is ended.
    private func setAside(
        _ uid: String,
        _ pods: RootedDirectory,
        _ why: String
    ) throws(SystemFailure) {
        // By nanoseconds: a name that is there already would be another's, of the same Pod.
        let name = "\(Self.unreadable)\(uid)-\(Clock.wall().nanoseconds)"
        try check("renameat", "\(pods.name)/\(uid)") { renameat(pods.raw, uid, pods.raw, name) }
        let message =
            "the record of Pod \(uid) cannot be read (\(why)): set aside as \(pods.name)/\(name), and the Pod is ended"
        context.events.recordNode(PodRecord(.warning, "UnreadableRecord", message))
        Log.warning(message)
        let (cni, cgroup) = (context.cni, context.pluginCgroup(of: uid))
        remove("remains of Pod \(uid)", uid) { namespace in
            let state = try pods.directory(name)
            try NodeCNI.detach(uid, in: state, namespace: namespace, cgroup: cgroup, otherwise: cni)
        }
    }

    /// Somebody has removed their records while they ran.
    private func endUnknown(except known: Set<String>) throws(SystemFailure) {
        let uids = try Set(context.cgroups.pods()).union(
            context.directories.run.directory("pods").entries()
        )
        for uid in uids.subtracting(known).sorted() {
            Log.warning("Pod \(uid) has no record any more; what is left of it is ended")
            let (cni, cgroup) = (context.cni, context.pluginCgroup(of: uid))
            remove("remains of Pod \(uid)", uid) { namespace in
                try cni?.detachUnknown(uid, namespace: namespace, cgroup: cgroup)
            }
        }
    }

    /// At once if it can be; what resists is tried again while the node begins its work.
    /// `more` is given the path of the Pod's network namespace, which is held until it has gone through.
    private func remove(
        _ subject: String,
        _ uid: String,
        _ more: @escaping @Sendable (_ namespace: String?) throws -> Void
    ) {
        let context = context
        let held = PauseNamespace(pid: nil, uid: uid, cgroups: context.cgroups).hold()
        let body: @Sendable () throws -> Void = {
            try context.cgroups.remove(pod: uid)
            try context.directories.run.directory("pods").removeTree(uid)
            try more(held?.path)
            withExtendedLifetime(held) {}
        }
        do {
            try body()
        } catch {
            Log.warning("cannot remove the \(subject): \(error); trying again")
            Task { await context.removal.run(subject, body) }
        }
    }
}

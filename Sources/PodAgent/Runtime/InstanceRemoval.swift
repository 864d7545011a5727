import Glibc
import PodCore

/// One start of a container, as its writable layer and its cgroup are named: `<container>-<restart count>`.
struct ContainerInstance: Hashable, Sendable, CustomStringConvertible {
    let container: String
    let restartCount: Int

    var description: String { "\(container)-\(restartCount)" }

    init(container: String, restartCount: Int) {
        self.container = container
        self.restartCount = restartCount
    }

    /// Reads a name; nil for any other.
    init?(_ name: String) {
        guard let dash = name.lastIndex(of: "-"), let count = Int(name[name.index(after: dash)...]),
            count >= 0
        else { return nil }
        container = String(name[..<dash])
        restartCount = count
    }
}

/// What an instance leaves when it has ended: its writable layer and its cgroup are of no more use.
extension PodWorker {
    /// Removes them; its log stays.
    func remove(_ instance: ContainerInstance) {
        let (uid, node) = (pod.metadata.uid, node)
        Task {
            // Only the cgroup knows of an OOM kill: it stays until that is recorded. A full disk must not keep it, though.
            try? await saved()
            // A Pod that is gone may have a successor with its UID, whose instance this would be.
            guard !alarm.isCancelled else { return }
            await node.removal.run("container \(instance) of \(pod.metadata.name)") {
                CrashPoint.beforeInstanceRemoved.pass(uid)
                try node.cgroups.removeLeaf(instance.description, pod: uid)
                // Absent after the Pod's own removal overtook this.
                guard let state = try? node.directories.state.directory("pods/\(uid)/containers") else {
                    return
                }
                try state.removeTree(instance.description)
                CrashPoint.afterInstanceRemoved.pass(uid)
            }
        }
    }

    /// The instances of which there is anything. Two short lists; to be asked before anything is started, for what is
    /// being started is among them.
    func instances() -> Set<ContainerInstance> {
        let uid = pod.metadata.uid
        // What is not there has no instances, and what cannot be read now is removed with the Pod.
        let layers = try? node.directories.state.directory("pods/\(uid)/containers").entries()
        let leaves = try? node.cgroups.leaves(pod: uid)
        return Set(((layers ?? []) + (leaves ?? [])).compactMap(ContainerInstance.init))
    }

    /// Removes what an earlier podagent had no time to: whatever neither runs nor is what is started next.
    func removeRemains(of found: Set<ContainerInstance>) {
        guard !found.isEmpty else { return }
        let wanted = machine.containers.map {
            ContainerInstance(container: $0.name, restartCount: $0.nextRestartCount)
        }
        for instance in found.subtracting(wanted) { remove(instance) }
    }
}

extension ContainerRecord {
    /// Of the instance that lives or, when none does, of the next one.
    fileprivate var nextRestartCount: Int {
        if case .ended(let end) = state { return end.restartCount + 1 }
        return restartCount
    }
}

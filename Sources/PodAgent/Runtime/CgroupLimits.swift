import Glibc
import PodCore

/// What requests and limits put into the cgroups of Pods and containers, and what these have counted.
extension Cgroups {
    /// Makes the directory of a Pod, limited as a whole, before anything of the Pod is in it.
    func make(_ pod: Pod) throws(SystemFailure) {
        let directory = try podDirectory(pod.metadata.uid)
        try write(CgroupValues(ofPod: pod.spec).settings, to: directory)
    }

    /// The cgroup of one container instance, made if missing and limited, as a descriptor that a process can be born
    /// into.
    func leaf(of container: Container, instance: String, in pod: Pod) throws(SystemFailure) -> Descriptor {
        let leaf = try podDirectory(pod.metadata.uid).makeDirectory(instance, mode: 0o755)
        try write(CgroupValues(of: container, in: pod.spec).settings, to: leaf)
        return try leaf.open(".", flags: O_RDONLY | O_DIRECTORY)
    }

    private func podDirectory(_ uid: String) throws(SystemFailure) -> RootedDirectory {
        let directory = try base.makeDirectory("pod\(uid)", mode: 0o755)
        // Also one that an earlier version of podagent has made.
        try directory.delegate(CgroupController.allCases.filter { missing[$0] == nil })
        return directory
    }

    /// What belongs to a controller that the node does not have is left out; the Pod's events tell of it.
    private func write(_ settings: [CgroupSetting], to directory: RootedDirectory) throws(SystemFailure) {
        for setting in settings where missing[setting.controller] == nil {
            do throws(SystemFailure) {
                try directory.write(setting.value, to: setting.file)
            } catch {
                guard setting.isOptional, error.errno == ENOENT else { throw error }
            }
        }
    }

    /// Whether the kernel has killed processes of an instance for want of memory. The answer is only there while the
    /// cgroup is; without one, or without its memory controller, nobody knows of any.
    func hasOOMKill(_ instance: String, pod uid: String) -> Bool {
        guard let bytes = try? base.read("pod\(uid)/\(instance)/memory.events", limit: 4096) else {
            return false
        }
        return MemoryEvents(parsing: String(decoding: bytes, as: UTF8.self)).oomKills > 0
    }
}

extension PodWorker {
    /// How a container's process has ended, with what its cgroup knows of it and what it has left to say. Asked before
    /// the cgroup goes.
    func exitStatus(of event: ShimEvent, instance: ContainerInstance?, message: String?) -> ExitStatus {
        var status = ExitStatus(waitStatus: event.status)
        status.message = message ?? ""
        if status.code == ExitStatus.killed, let instance {
            status.hasOOMKill = node.cgroups.hasOOMKill(instance.description, pod: pod.metadata.uid)
        }
        return status
    }
}

extension ContainerRecord {
    /// What directories and cgroup of the newest instance are called.
    var instance: ContainerInstance { ContainerInstance(container: name, restartCount: restartCount) }
}

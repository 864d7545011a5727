import Glibc
import PodCore

@testable import PodAgent

/// Compares three accounts of one node: what its manifests ask for, what its agent tells, and what the kernel and the
/// disk have. On a node that has settled they agree.
struct NodeAudit {
    let node: TestNode
    /// Pod directories that the test expects to have been set aside.
    var setAside: [String] = []

    /// Where the accounts differ, one sentence each; also when the agent does not answer, or a Pod is on its way.
    func differences() -> [String] {
        let told: [Pod]
        do { told = try node.toldPods() } catch { return ["the agent does not answer: \(error)"] }
        let kernel = KernelView(of: node)
        var found = manifests(told)
        for uid in kernel.pods.keys where !told.contains(where: { $0.metadata.uid == uid }) {
            found.append("cgroup pod\(uid) belongs to no Pod: \(kernel.pods[uid] ?? [:])")
        }
        for pod in told { found += compare(pod, kernel.pods[pod.metadata.uid]) }
        found += directories(told) + agentItself()
        // It takes two programs to look, so not as long as the rest is not settled.
        return found.isEmpty ? NetworkAudit(node: node, told: told).differences() : found
    }

    // MARK: Manifests

    private func manifests(_ told: [Pod]) -> [String] {
        var wanted: [String: Pod] = [:]
        var found: [String] = []
        for name in (try? RootedDirectory(hostPath: node.manifests).entries()) ?? [] {
            guard let pod = manifest(name) else {
                found.append("the manifest \(name) cannot be read")
                continue
            }
            wanted["\(pod.metadata.name)-node1"] = pod
        }
        for pod in told {
            guard let manifest = wanted.removeValue(forKey: pod.metadata.name) else {
                found.append("\(pod.metadata.name) is told and no manifest asks for it")
                continue
            }
            if pod.metadata.deletionTimestamp != nil { found.append("\(pod.metadata.name) is being deleted") }
            if commands(pod) != commands(manifest) {
                found.append("\(pod.metadata.name) is not what its manifest asks for")
            }
        }
        return found + wanted.keys.sorted().map { "\($0) is asked for and not told" }
    }

    private func manifest(_ name: String) -> Pod? {
        let parsed = ManifestParser.parse(guessing: Array(readText("\(node.manifests)/\(name)").utf8))
        var report = DecodeReport(checksSupport: false)
        return parsed.documents.first.flatMap { Pod.decode($0, at: .root, report: &report) }
    }

    private func commands(_ pod: Pod) -> [[String]] {
        (pod.spec.initContainers + pod.spec.containers).map { [$0.name, $0.image] + $0.command }
    }

    // MARK: Processes

    private func compare(_ pod: Pod, _ leaves: [String: [KernelView.Process]]?) -> [String] {
        let name = pod.metadata.name
        let statuses = pod.status.initContainerStatuses + pod.status.containerStatuses
        guard Self.hasSandbox(pod) else {
            return leaves == nil ? [] : ["\(name) is \(pod.status.phase) and has a cgroup"]
        }
        var found = statuses.filter(isOnItsWay).map { "\(name)/\($0.name) is on its way: \($0.state)" }
        var rest = leaves ?? [:]
        let sandbox = rest.removeValue(forKey: "shim") ?? []
        if sandbox.map(\.name).sorted() != ["pause", "podshim"] {
            found.append("the sandbox of \(name) has \(sandbox.map(\.name))")
        }
        let pause = sandbox.first { $0.name == "pause" }
        let links = pause.map { KernelView.links(of: $0.pid) } ?? []
        if pause != nil, links != ["eth0", "lo"] { found.append("\(name) has the links \(links)") }
        for status in statuses {
            guard let running = status.state.running else { continue }
            let members = rest.removeValue(forKey: "\(status.name)-\(status.restartCount)") ?? []
            found += container("\(name)/\(status.name)", running, members, pause)
        }
        for (leaf, members) in rest {
            found.append("\(leaf) of \(name) is not told to run: \(members.map(\.name))")
        }
        return found
    }

    /// A Pod that has come to its end has no sandbox; every other has one, also while all of it waits.
    static func hasSandbox(_ pod: Pod) -> Bool {
        pod.status.phase != .succeeded && pod.status.phase != .failed
    }

    private func isOnItsWay(_ status: ContainerStatus) -> Bool {
        switch status.state {
        case .empty: true
        case .waiting(let waiting): waiting.reason != "CrashLoopBackOff"
        case .running, .terminated: false
        }
    }

    private func container(
        _ name: String,
        _ running: ContainerStateRunning,
        _ members: [KernelView.Process],
        _ pause: KernelView.Process?
    ) -> [String] {
        let first = members.filter { $0.innermostPID == 1 }
        guard first.count == 1, let process = first.first else {
            return ["\(name) is told to run and has \(first.count) first processes among \(members)"]
        }
        var found: [String] = []
        let told = running.startedAt?.nanoseconds ?? 0
        // The status has whole seconds, and the process is born a little before it is what it is to be.
        if !(-1_500_000_000...1_500_000_000).contains(process.startedAt.nanoseconds - told) {
            let since = process.startedAt.rfc3339Nano
            found.append("\(name) is told to run since \(told), its process \(process.pid) since \(since)")
        }
        for kind in ["net", "ipc", "uts"] where process.namespaces[kind] != pause?.namespaces[kind] {
            found.append("\(name) is not in the \(kind) namespace of its Pod")
        }
        for member in members where member.namespaces["mnt"] == pause?.namespaces["mnt"] {
            found.append("\(name) has process \(member.pid) in the mount namespace of pause")
        }
        return found
    }

    // MARK: What lies about

    private func directories(_ told: [Pod]) -> [String] {
        let uids = Set(told.map(\.metadata.uid))
        let standing = Set(told.filter(Self.hasSandbox).map(\.metadata.uid))
        let logNames = Set(told.map(NodeDirectories.logName))
        let state = entries("state/pods").subtracting(setAside)
        var found = state.symmetricDifference(uids).map { "state/pods/\($0) and the Pods told differ" }
        found += entries("run/pods").symmetricDifference(standing).map {
            "run/pods/\($0) and the sandboxes differ"
        }
        found += entries("log").subtracting(logNames).map { "log/\($0) belongs to no Pod" }
        for pod in told { found += stateDirectory(of: pod) + logs(of: pod) }
        return found
    }

    private func stateDirectory(of pod: Pod) -> [String] {
        let path = "state/pods/\(pod.metadata.uid)"
        let statuses = pod.status.initContainerStatuses + pod.status.containerStatuses
        let live = statuses.filter { $0.state.running != nil }.map { "\($0.name)-\($0.restartCount)" }
        let known = [
            "pod.json", "machine.json", "etc-hosts", "hostname", "resolv.conf", "containers", "volumes",
        ]
        return entries(path).subtracting(known).map { "\(path)/\($0) is nothing of a Pod's" }
            + entries("\(path)/containers").symmetricDifference(live).map {
                "\(path)/containers/\($0) and what runs differ"
            }
    }

    /// Of each container the logs of the newest instance that has begun and of the one before it.
    private func logs(of pod: Pod) -> [String] {
        let statuses = pod.status.initContainerStatuses + pod.status.containerStatuses
        return statuses.flatMap { status in
            let path = "log/\(NodeDirectories.logName(pod))/\(status.name)"
            return entries(path).filter { entry in
                guard let name = LogFileName(entry) else { return true }
                return name.restartCount < Int(status.restartCount) - 2
            }.map { "\(path)/\($0) is older than the log before the newest" }
        }
    }

    private func entries(_ path: String) -> Set<String> {
        Set((try? RootedDirectory(hostPath: "\(node.directory)/\(path)").entries()) ?? [])
    }

    private func agentItself() -> [String] {
        guard let agent = node.agent?.pid else { return ["there is no agent"] }
        let mounts = KernelView.mounts(below: node.directory, of: agent).filter {
            !node.ownMounts.contains($0)
        }
        return mounts.map { "the agent has the mount \($0)" }
            + KernelView.zombies(of: agent).map { "the agent has not collected its child \($0)" }
            + KernelView.heldNamespaces(of: agent).map { "the agent holds \($0) by a descriptor" }
    }
}

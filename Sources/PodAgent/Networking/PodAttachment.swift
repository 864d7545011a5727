import Glibc
import PodCore

/// One Pod's attachment to the network by CNI plugins: what is done about it one after the other, as the specification
/// demands, however the Pod's life goes on meanwhile.
@NodeActor
final class PodAttachment {
    private let pod: Pod
    private let node: NodeContext
    /// What is under way.
    private var work: Task<Void, Never>?
    /// Of an ADD that is under way.
    private var adding: CommandRun.Cancellation?
    private var held: HeldNamespace?
    /// As an earlier podagent has left it.
    private var recovered: CNIRecord?

    init(pod: Pod, node: NodeContext) {
        self.pod = pod
        self.node = node
    }

    /// Whether the Pod's network is made by plugins.
    var isWanted: Bool { node.cni != nil && !pod.spec.hostNetwork }

    /// Attaches the Pod, whose pause process runs; `outcome` is called with its addresses, or why it has none.
    func add(pause pid: Int32, _ outcome: @escaping @NodeActor (Result<[String], any Error>) async -> Void) {
        guard let cni = node.cni else { return }
        let (pod, directories, namespace) = (pod, node.directories, namespace(pid))
        let cgroup = node.pluginCgroup(of: pod.metadata.uid)
        held = namespace.hold()
        let cancellation = CommandRun.Cancellation()
        adding = cancellation
        follow { [self] in
            defer { adding = nil }
            do {
                let record = try await Worker.attempt {
                    guard let path = namespace.path else { throw CommandFailure("pause has ended") }
                    let state = try directories.podState(pod.metadata.uid)
                    return try cni.attach(
                        pod,
                        in: state,
                        namespace: path,
                        cgroup: cgroup,
                        cancellation: cancellation
                    )
                }
                tellUnmapped(record.network)
                await outcome(.success(record.addresses))
            } catch {
                await outcome(.failure(error))
            }
        }
    }

    /// The Pod is to end: an ADD that is under way is not waited for.
    func giveUp() { adding?.cancel() }

    /// A port of the node that leads nowhere is no reason not to run the Pod, and none to be silent.
    private func tellUnmapped(_ network: CNINetwork) {
        let ports = pod.spec.hostPorts.map { "\($0.port)" }
        if ports.isEmpty || network.hasCapability(CNIAttachment.portMappingsCapability) { return }
        let message =
            "the network \(network.name.quoted) has no plugin with the capability portMappings: hostPort "
            + "\(ports.joined(separator: ", ")) leads nowhere"
        node.events.record(PodRecord(.warning, "HostPortNotMapped", message), about: pod)
    }

    /// Frees what the Pod has; returns when that is done, at once when it has nothing. What fails is told, and tried again.
    func remove(pause pid: Int32?) async {
        let (pod, node, namespace, held) = (pod, node, namespace(pid), held)
        let removal = follow {
            await node.removal.run("network of \(pod.metadata.name)") {
                do {
                    let path = namespace.path ?? held?.path
                    try node.detachNetwork(of: pod.metadata.uid, namespace: path)
                    // Held until here at least, by its number.
                    withExtendedLifetime(held) {}
                } catch {
                    let text = "error killing pod: \(error)"
                    Task { @NodeActor in
                        node.events.record(PodRecord(.warning, "FailedKillPod", text), about: pod)
                    }
                    throw error
                }
            }
        }
        await removal.value
        recovered = nil
        self.held = nil
    }

    private func namespace(_ pid: Int32?) -> PauseNamespace {
        PauseNamespace(pid: pid, uid: pod.metadata.uid, cgroups: node.cgroups)
    }

    @discardableResult
    private func follow(_ body: @escaping @NodeActor () async -> Void) -> Task<Void, Never> {
        let earlier = work
        let task = Task { @NodeActor in
            await earlier?.value
            await body()
        }
        work = task
        return task
    }

    // MARK: After a restart

    /// Reads what an earlier podagent has left; the Pod's addresses if it was attached. Blocks, which the start may.
    func recover() -> [String]? {
        do {
            let state = try node.directories.podState(pod.metadata.uid)
            recovered = try CNIRecordFile.read(from: state)
        } catch {
            Log.warning("the network of Pod \(pod.metadata.name): \(error)")
        }
        return recovered.flatMap { $0.result == nil ? nil : $0.addresses }
    }

    /// Whether a sandbox that an earlier podagent has made has its network: one that died while plugins ran has left half
    /// of it.
    var isWhole: Bool { recovered.map { $0.result != nil } ?? !isWanted }

    /// Pause is alive, and its network is to be undone some day.
    func takeOver(pause pid: Int32) {
        if recovered != nil { held = namespace(pid).hold() }
    }

    /// Asks the plugins whether all is as they made it; `verdict` is called when it is not.
    func check(pause pid: Int32, _ verdict: @escaping @NodeActor (CNIFailure) -> Void) {
        guard let cni = node.cni, let recovered else { return }
        let (pod, node, namespace) = (pod, node, namespace(pid))
        follow {
            let failure: CNIFailure? = await Worker.run {
                guard let path = namespace.path else { return nil }
                do throws(CNIFailure) {
                    try cni.check(recovered, namespace: path, cgroup: node.pluginCgroup(of: pod.metadata.uid))
                    return nil
                } catch {
                    return error
                }
            }
            guard let failure else { return }
            if failure.isVerdict { return verdict(failure) }
            let message = "Unable to get pod sandbox status: \(failure)"
            node.events.record(PodRecord(.warning, "FailedPodSandBoxStatus", message), about: pod)
        }
    }
}

extension CNIRecord {
    /// Of the Pod, as its status has them; none before it is attached.
    var addresses: [String] { result?.addresses.map { "\($0)" } ?? [] }
}

extension NodeContext {
    /// Frees what CNI plugins have given a Pod, if its state directory tells of any; blocks.
    func detachNetwork(of uid: String, namespace: String?) throws {
        let state: RootedDirectory
        do throws(SystemFailure) {
            state = try directories.state.directory("pods/\(uid)")
        } catch {
            // Nothing of the Pod was ever written down.
            if error.errno == ENOENT { return }
            throw error
        }
        let cgroup = pluginCgroup(of: uid)
        try NodeCNI.detach(uid, in: state, namespace: namespace, cgroup: cgroup, otherwise: cni)
    }

    /// Where the plugins run.
    func pluginCgroup(of uid: String) -> PluginCgroup { PluginCgroup(cgroups, pod: uid) }
}

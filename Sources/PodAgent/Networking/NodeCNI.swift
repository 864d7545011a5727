import Glibc
import PodCore

/// The node's network when CNI plugins make it: which plugins, and where they are. Blocks; for workers.
struct NodeCNI: Sendable {
    let configurations: CNIDirectory
    let pluginDirectories: [String]
    let limit: Duration

    /// Where CNI's own project and Debian's package put plugins.
    private static let usualDirectories = ["/opt/cni/bin", "/usr/lib/cni"]

    /// Nil when the agent is not told to use CNI. Fails with one line when it is told to use two networks.
    init?(options: NodeOptions) throws(CommandFailure) {
        guard !options.cniConfigurations.isEmpty else { return nil }
        guard options.podSubnets.isEmpty else {
            throw CommandFailure(
                "--cni-conf-dir and --pod-cidr are two networks: give the one that the Pods are to have"
            )
        }
        var directory = options.cniPlugins
        if directory.isEmpty {
            let present = Self.usualDirectories.first { access($0, F_OK) == 0 }
            directory = present ?? Self.usualDirectories[0]
        }
        self.init(configurations: options.cniConfigurations, pluginDirectories: [directory])
    }

    init(
        configurations: String,
        pluginDirectories: [String],
        limit: Duration = CNIChain.standardLimit
    ) {
        self.configurations = CNIDirectory(path: configurations)
        self.pluginDirectories = pluginDirectories
        self.limit = limit
    }

    /// Attaches a Pod, and remembers how in its state directory: before, so that the ``detach(_:in:namespace:cgroup:otherwise:)`` that is
    /// owed from then on can be done by whoever comes after a crash, and after.
    ///
    /// - Parameters:
    ///   - namespace: the path of the Pod's network namespace.
    ///   - cancellation: by which this can be given up.
    func attach(
        _ pod: Pod,
        in state: RootedDirectory,
        namespace: String,
        cgroup: PluginCgroup,
        cancellation: CommandRun.Cancellation? = nil
    ) throws -> CNIRecord {
        // Left by a removal that has not come to its end.
        try Self.detach(pod.metadata.uid, in: state, namespace: nil, cgroup: cgroup, otherwise: self)
        let attachment = CNIAttachment(of: pod, pluginDirectories: pluginDirectories)
        var record = CNIRecord(
            network: try configurations.network(),
            attachment: attachment,
            state: .begun
        )
        try CNIRecordFile.write(record, to: state)
        let chain = CNIChain(
            network: record.network,
            attachment: attachment,
            cgroup: cgroup,
            limit: limit,
            cancellation: cancellation
        )
        record.state = .attached(try chain.add(namespace: namespace))
        try CNIRecordFile.write(record, to: state)
        return record
    }

    /// Takes back what the record in a Pod's state directory tells of, with the plugins and the configuration of then;
    /// nothing when there is no record.
    ///
    /// - Parameters:
    ///   - namespace: nil when it is gone.
    ///   - present: knows the network of now, the next best thing when the record cannot be understood.
    static func detach(
        _ uid: String,
        in state: RootedDirectory,
        namespace: String?,
        cgroup: PluginCgroup,
        otherwise present: NodeCNI?
    ) throws {
        let limit = present?.limit ?? CNIChain.standardLimit
        do {
            guard let record = try CNIRecordFile.read(from: state) else { return }
            let chain = CNIChain(
                network: record.network,
                attachment: record.attachment,
                cgroup: cgroup,
                limit: limit
            )
            try chain.delete(namespace: namespace, result: record.result)
        } catch let unreadable as CNIRecordFile.UnreadableRecord {
            let rest = present == nil ? "cannot be freed" : "is freed by its UID alone"
            Log.warning("\(unreadable): what CNI plugins keep of Pod \(uid) \(rest)")
            try present?.detachUnknown(uid, namespace: namespace, cgroup: cgroup)
            return try CNIRecordFile.setAside(in: state)
        }
        try CNIRecordFile.remove(from: state)
    }

    /// Frees what the present network keeps under the UID of a Pod of which nothing else is known.
    func detachUnknown(_ uid: String, namespace: String?, cgroup: PluginCgroup) throws {
        let attachment = CNIAttachment(unknownPod: uid, pluginDirectories: pluginDirectories)
        let chain = CNIChain(
            network: try configurations.network(),
            attachment: attachment,
            cgroup: cgroup,
            limit: limit
        )
        try chain.delete(namespace: namespace, result: nil)
    }

    /// Asks the plugins whether an attachment is as they have made it.
    func check(_ record: CNIRecord, namespace: String, cgroup: PluginCgroup) throws(CNIFailure) {
        guard let result = record.result else { return }
        let chain = CNIChain(
            network: record.network,
            attachment: record.attachment,
            cgroup: cgroup,
            limit: limit
        )
        try chain.check(namespace: namespace, result: result)
    }
}

/// A Pod's place in a network: what plugins are told besides their configuration, the same for `ADD`, `CHECK` and `DEL`.
public struct CNIAttachment: Hashable, Sendable {
    /// What a plugin is asked to do.
    public enum Command: String, Hashable, Sendable {
        case add = "ADD"
        case check = "CHECK"
        case delete = "DEL"
    }

    /// The Pod's UID: also a node that has lost its records can free what an earlier podagent was given for it.
    public let containerID: String
    /// Of the link inside the Pod.
    public let interface: String
    /// Key and value pairs of `CNI_ARGS`.
    public let arguments: String
    /// Directories of plugins, the first that has one counts.
    public let pluginDirectories: [String]
    /// What is told to plugins with the capability `portMappings`.
    public let portMappings: [HostPort]

    /// Makes it of its parts.
    public init(
        containerID: String,
        interface: String,
        arguments: String,
        pluginDirectories: [String],
        portMappings: [HostPort]
    ) {
        self.containerID = containerID
        self.interface = interface
        self.arguments = arguments
        self.pluginDirectories = pluginDirectories
        self.portMappings = portMappings
    }

    /// The place of a Pod: `eth0`, and the arguments that Kubernetes' runtimes give.
    public init(of pod: Pod, pluginDirectories: [String]) {
        let (metadata, id) = (pod.metadata, pod.metadata.uid)
        let arguments = [
            // Or a plugin refuses the keys that it does not know.
            "IgnoreUnknown=1", "K8S_POD_NAMESPACE=\(metadata.namespace)", "K8S_POD_NAME=\(metadata.name)",
            "K8S_POD_INFRA_CONTAINER_ID=\(id)", "K8S_POD_UID=\(id)",
        ]
        self.init(
            containerID: id,
            interface: Self.interfaceName,
            arguments: arguments.joined(separator: ";"),
            pluginDirectories: pluginDirectories,
            portMappings: pod.spec.hostPorts
        )
    }

    /// What is known of a Pod of which there is nothing but its UID.
    public init(unknownPod uid: String, pluginDirectories: [String]) {
        self.init(
            containerID: uid,
            interface: Self.interfaceName,
            arguments: "IgnoreUnknown=1;K8S_POD_INFRA_CONTAINER_ID=\(uid);K8S_POD_UID=\(uid)",
            pluginDirectories: pluginDirectories,
            portMappings: []
        )
    }

    private static let interfaceName = PodLink.inside.name

    /// The plugin's variables, `NAME=value`.
    ///
    /// - Parameter namespace: the path of the Pod's network namespace; nil once that is gone, which only `DEL` may meet.
    public func environment(_ command: Command, namespace: String?) -> [String] {
        [
            "CNI_COMMAND=\(command.rawValue)", "CNI_CONTAINERID=\(containerID)",
            "CNI_NETNS=\(namespace ?? "")",
            "CNI_IFNAME=\(interface)", "CNI_ARGS=\(arguments)",
            "CNI_PATH=\(pluginDirectories.joined(separator: ":"))",
        ]
    }

    /// What a plugin reads from its standard input (SPEC.md 1.0.0, section 3, "Deriving execution configuration from
    /// plugin configuration"): its own object with the network's name and version, without `capabilities`, and with what
    /// the runtime has of those.
    ///
    /// - Parameter previous: the result of the plugin before for `ADD`, of the last one for `CHECK` and `DEL`.
    public func configuration(
        of plugin: CNINetwork.Plugin,
        in network: CNINetwork,
        previous: Document?
    ) -> Document {
        let own: Set = [
            "cniVersion", "cniVersions", "name", "capabilities", "runtimeConfig", "prevResult",
            "disableCheck",
        ]
        var entries: [Document.Entry] = [
            .init("cniVersion", Document(.string(network.version.rawValue))),
            .init("name", Document(.string(network.name))),
        ]
        entries += plugin.configuration.filter { !own.contains($0.key) }
        let runtime = runtimeConfiguration(of: plugin)
        if !runtime.isEmpty { entries.append(.init("runtimeConfig", Document(.map(runtime)))) }
        if let previous { entries.append(.init("prevResult", previous)) }
        return Document(.map(entries))
    }

    /// What was written there by hand for capabilities that podagent has nothing to say of stays.
    private func runtimeConfiguration(of plugin: CNINetwork.Plugin) -> [Document.Entry] {
        var entries: [Document.Entry] = []
        let written = plugin.configuration.last { $0.key == "runtimeConfig" }?.value
        if case .map(let known)? = written?.value { entries = known }
        guard plugin.capabilities.contains(Self.portMappingsCapability), !portMappings.isEmpty else {
            return entries
        }
        entries.removeAll { $0.key == Self.portMappingsCapability }
        let mappings = portMappings.map { Document(.map($0.mapping)) }
        return entries + [.init(Self.portMappingsCapability, Document(.list(mappings)))]
    }

    /// CONVENTIONS.md of the specification.
    public static let portMappingsCapability = "portMappings"
}

extension HostPort {
    /// As an element of `portMappings`.
    var mapping: [Document.Entry] {
        var entries: [Document.Entry] = [
            .init("hostPort", Document(.integer(Int64(port)))),
            .init("containerPort", Document(.integer(Int64(containerPort)))),
            .init("protocol", Document(.string(transport.rawValue.lowercased()))),
        ]
        switch place {
        case .anywhere: break
        case .family(let address), .address(let address):
            entries.append(.init("hostIP", Document(.string("\(address)"))))
        }
        return entries
    }

    /// Reads an element of `portMappings`; nil for what podagent has not written.
    init?(mapping document: Document) {
        guard let transport = PortProtocol(rawValue: (document["protocol"]?.string ?? "").uppercased()) else {
            return nil
        }
        var port = ContainerPort()
        port.protocol = transport
        port.hostIP = document["hostIP"]?.string ?? ""
        port.hostPort = Int32(clamping: document["hostPort"]?.integer ?? 0)
        port.containerPort = Int32(clamping: document["containerPort"]?.integer ?? 0)
        self.init(port)
    }
}

import PodCore

/// What `podagent serve` is told: flags, over the configuration file, over these defaults.
struct NodeOptions: Hashable, Sendable {
    var manifests = "/etc/pods"
    var stateDirectory = "/var/lib/podagent"
    var runDirectory = "/run/podagent"
    var logDirectory = "/var/log/pods"
    var socket = "/run/podagent/podagent.sock"
    /// The group that may use the socket; nil leaves it to root's.
    var socketGroup: String?
    var nodeName = ""
    /// The podshim program; empty is the one beside podagent's own.
    var shim = ""
    /// The directory beneath the cgroup2 mount; empty is derived from the run directory.
    var cgroup = ""
    /// The networks from which Pods get their addresses, one of a family at most; without any they have loopback alone.
    var podSubnets: [Subnet] = []
    /// The bridge that connects them.
    var bridge = "podagent0"
    /// The nodes of the cluster and how their Pods are reached; this node may be among them.
    var peers: [Peer] = []
    var backend = PeerMap.Backend.hostGateway
    var vxlan = VXLANParameters()
    /// The directory in which the network of CNI plugins is described; empty does without.
    var cniConfigurations = ""
    /// Where the plugins are; empty looks in the usual places.
    var cniPlugins = ""
    /// Kernel parameters that Pods may set beside the safe ones: names, or beginnings of names with a `*`.
    var allowedUnsafeSysctls: [String] = []
    /// The domain below which Pods with a subdomain have their names.
    var clusterDomain = NodeNaming.defaultDomain
    /// The cluster's name servers; none where there is no cluster.
    var clusterDNS: [String] = []
    /// Files with the node's own credentials for registries, beside those in the usual places.
    var registryCredentials: [String] = []
    /// The resolv.conf that Pods get; empty is the node's own.
    var resolverFile = ""
    /// Where the archives lie that are loaded at the start; empty is `preload` in the state directory.
    var preloadDirectory = ""
    var imageCollection = ImageCollection.Limits()
    var logLimits = LogLimits()
    /// How registries are reached.
    var registries = RegistryConfiguration()
    /// Images that are pulled at the same time; others wait for their turn.
    var maxParallelImagePulls = 3
    var backoff = BackoffLimits.kubelet
    /// How long Pods get to end when the machine goes down.
    var shutdown = ShutdownPeriods(total: .seconds(60), critical: .seconds(10))
    var logFormat = Log.Format.text

    /// The preload directory as it is used.
    var preloadPath: String {
        preloadDirectory.isEmpty ? "\(stateDirectory)/preload" : preloadDirectory
    }

    /// Peers and this node's own networks together, if they hold together.
    func peerMap(nodeName: String) throws(PeerMap.Failure) -> PeerMap {
        try PeerMap(entries: peers, nodeName: nodeName, subnets: podSubnets, backend: backend)
    }
}

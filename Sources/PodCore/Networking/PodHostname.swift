/// What a node's Pods need to know of names: the node's own, and the domain and servers of the cluster's DNS, if there is
/// one.
public struct NodeNaming: Hashable, Sendable {
    /// The node's name.
    public var nodeName: String
    /// The domain below which Pods with a subdomain have their names.
    public var clusterDomain: String
    /// Addresses of the cluster's name servers; without any, `ClusterFirst` means `Default`.
    public var clusterDNS: [String]

    /// The domain of a cluster that nobody gave another one.
    public static let defaultDomain = "cluster.local"

    /// Makes the description.
    public init(nodeName: String, clusterDomain: String = defaultDomain, clusterDNS: [String] = []) {
        self.nodeName = nodeName
        self.clusterDomain = clusterDomain
        self.clusterDNS = clusterDNS
    }
}

/// By which names a Pod knows itself (reference §7.3).
public struct PodHostname: Hashable, Sendable {
    /// The name without a domain; of `hostnameOverride`, all of it.
    public let short: String
    /// `<subdomain>.<namespace>.svc.<cluster domain>`; empty for a Pod without a subdomain.
    public let domain: String
    /// What gethostname(2) tells, /etc/hostname and `HOSTNAME` say.
    public let kernel: String

    /// `setHostnameAsFQDN` asks for a name that the kernel does not take.
    public struct TooLong: Error, Hashable, Sendable, CustomStringConvertible {
        /// The name, longer than ``PodHostname/kernelMax``.
        public let name: String

        /// In the kubelet's words.
        public var description: String {
            "failed to construct FQDN from pod hostname and cluster domain, FQDN \(name) is too long "
                + "(\(PodHostname.kernelMax) characters is the max, \(name.utf8.count) characters requested)"
        }
    }

    /// Bytes that sethostname(2) takes.
    static let kernelMax = 64
    /// Bytes of a DNS label (RFC 1035 §2.3.4).
    private static let labelMax = 63

    private let wantsDomain: Bool

    /// The names of a Pod on that node.
    public init(of pod: Pod, on node: NodeNaming) {
        let spec = pod.spec
        if spec.hostNetwork {
            (short, domain, kernel, wantsDomain) = (node.nodeName, "", node.nodeName, false)
        } else if let override = spec.hostnameOverride {
            (short, domain, kernel, wantsDomain) = (override, "", override, false)
        } else {
            short = Self.label(spec.hostname.isEmpty ? pod.metadata.name : spec.hostname)
            domain =
                spec.subdomain.isEmpty
                ? "" : "\(spec.subdomain).\(pod.metadata.namespace).svc.\(node.clusterDomain)"
            wantsDomain = spec.setHostnameAsFQDN == true && !domain.isEmpty
            kernel = wantsDomain ? "\(short).\(domain)" : short
        }
    }

    /// Throws when the kernel would not take the name.
    public func check() throws(TooLong) {
        if wantsDomain, kernel.utf8.count > Self.kernelMax { throw TooLong(name: kernel) }
    }

    /// The words by which /etc/hosts knows the Pod, the canonical one first.
    var aliases: [String] { domain.isEmpty ? [short] : ["\(short).\(domain)", short] }

    /// Cut to the length of a DNS label, without a trailing `-` or `.`.
    private static func label(_ name: String) -> String {
        guard name.utf8.count > labelMax else { return name }
        var name = String(decoding: name.utf8.prefix(labelMax), as: UTF8.self)
        while let last = name.last, last == "-" || last == "." { name.removeLast() }
        return name
    }
}

/// The addresses that a Pod and its node have.
public struct PodAddresses: Hashable, Sendable {
    /// The Pod's, at most one of a family; the node's with `hostNetwork`; none while it has loopback alone.
    public let pod: [String]
    /// The node's, at most one of a family.
    public let node: [String]

    /// Makes the pair. `own` are those that the Pod was given.
    public init(of spec: PodSpec, own: [String], node: [String]) {
        pod = spec.hostNetwork ? node : own
        self.node = node
    }
}

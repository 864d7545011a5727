/// The map of the cluster's nodes as one node sees it: its own entry, if it has one, and the others. A map that is made
/// holds together: no two networks overlap, and each peer can be reached by the backend.
public struct PeerMap: Hashable, Sendable {
    /// How packets to the Pods of another node get there, by Flannel's names for the two.
    public enum Backend: String, CaseIterable, Sendable {
        /// Routes by way of the other node, which must be on a network that this node is on too.
        case hostGateway = "host-gw"
        /// Inside UDP packets (RFC 7348), which get wherever the node's own packets get.
        case vxlan
    }

    /// The networks of this node's own Pods: those given, or else those of its own entry.
    public let subnets: [Subnet]
    /// All nodes but this one, in the order of their names.
    public let peers: [Peer]
    /// How they are reached.
    public let backend: Backend

    /// Why a map cannot be used.
    public enum Failure: Error, Equatable, CustomStringConvertible {
        case noNetworkOfOurs(node: String)
        case otherNetworkOfOurs(node: String, entry: [Subnet], given: [Subnet])
        case overlap(Subnet, of: String, with: Subnet, whose: String)
        case sameAddress(IPAddress, String, String)
        case addressAmongPods(IPAddress, of: String, in: Subnet, whose: String)
        case noAddress(of: String, Subnet)
        case noCommonFamily

        /// One sentence that says what to do.
        public var description: String {
            switch self {
            case .noNetworkOfOurs(let node):
                "peers: this node needs a network for its own Pods; give it by --pod-cidr, or as the entry of \(node)"
            case .otherNetworkOfOurs(let node, let entry, let given):
                "peers: the entry of this node, \(node), has \(entry.text), but --pod-cidr is \(given.text); "
                    + "make them the same on all nodes"
            case .overlap(let one, let its, let other, let others):
                "peers: \(one) of \(its) and \(other) of \(others) overlap; give each node a network of its own"
            case .sameAddress(let address, let one, let other):
                "peers: \(one) and \(other) cannot both have the address \(address)"
            case .addressAmongPods(let address, let its, let subnet, let others):
                "peers: the address \(address) of \(its) is in \(subnet), which is for the Pods of \(others)"
            case .noAddress(let peer, let subnet):
                "peers: \(peer) needs an address of the family of \(subnet) for --backend host-gw; add one after via"
            case .noCommonFamily:
                "peers: --backend vxlan needs an IPv4 address of every node, or an IPv6 address of every node"
            }
        }
    }

    /// - Parameters:
    ///   - entries: one for each node; the one with this node's name is not a peer.
    ///   - subnets: the networks of this node's Pods as they are given elsewhere; may be empty.
    public init(
        entries: [Peer],
        nodeName: String,
        subnets given: [Subnet],
        backend: Backend
    ) throws(Failure) {
        let own = entries.first { $0.name == nodeName }
        if let own, !given.isEmpty, Set(given) != Set(own.subnets) {
            throw .otherNetworkOfOurs(node: nodeName, entry: own.subnets, given: given)
        }
        subnets = given.isEmpty ? own?.subnets ?? [] : given
        peers = entries.filter { $0.name != nodeName }.sorted { $0.name < $1.name }
        self.backend = backend
        if peers.isEmpty { return }
        if subnets.isEmpty { throw .noNetworkOfOurs(node: nodeName) }
        try checkNetworks(nodeName)
        try checkAddresses(entries, nodeName)
        switch backend {
        case .hostGateway: try checkNextHops()
        case .vxlan: if underlay == nil { throw .noCommonFamily }
        }
    }

    /// No peers, and so nothing to reach.
    public init(alone subnets: [Subnet]) {
        self.subnets = subnets
        peers = []
        backend = .hostGateway
    }

    /// The width of the addresses between which VXLAN packets go: IPv4 when every peer has such an address.
    var underlay: Int? {
        [32, 128].first { width in peers.allSatisfy { $0.address(width) != nil } }
    }

    /// Every network with whose it is, by number.
    private func networks(_ nodeName: String) -> [(subnet: Subnet, of: String)] {
        let own = subnets.map { (subnet: $0, of: "this node, \(nodeName)") }
        let others = peers.flatMap { peer in peer.subnets.map { (subnet: $0, of: peer.name) } }
        return (own + others).sorted {
            ($0.subnet.address, $0.subnet.prefixLength) < ($1.subnet.address, $1.subnet.prefixLength)
        }
    }

    private func checkNetworks(_ nodeName: String) throws(Failure) {
        let networks = networks(nodeName)
        // Two networks are apart or one is in the other, so that in this order what overlaps at all overlaps its neighbour.
        for (one, other) in zip(networks, networks.dropFirst()) where one.subnet.overlaps(other.subnet) {
            throw .overlap(one.subnet, of: one.of, with: other.subnet, whose: other.of)
        }
    }

    private func checkAddresses(_ entries: [Peer], _ nodeName: String) throws(Failure) {
        let networks = networks(nodeName)
        var owners: [IPAddress: String] = [:]
        for entry in entries {
            for address in entry.addresses {
                if let other = owners.updateValue(entry.name, forKey: address) {
                    throw .sameAddress(address, other, entry.name)
                }
                // The networks are apart: only the last one that begins at or before the address can hold it.
                let index = networks.partitioningIndex { $0.subnet.address > address }
                guard index > 0, networks[index - 1].subnet.contains(address) else { continue }
                let network = networks[index - 1]
                throw .addressAmongPods(address, of: entry.name, in: network.subnet, whose: network.of)
            }
        }
    }

    private func checkNextHops() throws(Failure) {
        for peer in peers {
            for subnet in peer.subnets where peer.address(subnet.address.width) == nil {
                throw .noAddress(of: peer.name, subnet)
            }
        }
    }
}

extension Peer {
    /// The node's address of the family with addresses of that many bits.
    func address(_ width: Int) -> IPAddress? { addresses.first { $0.width == width } }
}

extension [Subnet] {
    fileprivate var text: String { map(\.description).joined(separator: ",") }
}

extension Array {
    /// The first index whose element and all later ones are `after`; the elements are ordered so.
    fileprivate func partitioningIndex(_ after: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if after(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

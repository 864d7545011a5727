/// What the kernel has to have so that this node's Pods reach the Pods of its peers: routes, and with VXLAN a link with
/// what it knows of the others. Follows from the configuration alone.
///
/// A route bears a protocol number of our own and, as its preferred source, the gateway's address on this node's bridge.
/// Both together tell whose it is: routes of other software, and of a second podagent with another bridge, are neither
/// taken for ours nor removed. The source is also what the node itself is seen as by Pods elsewhere, whose answers
/// therefore come back on the same way.
public struct PeerPlan: Hashable, Sendable {
    /// One network of a peer.
    public struct Route: Hashable, Sendable {
        /// The name of the peer.
        public let peer: String
        /// Its network.
        public let destination: Subnet
        /// What the packets are given to: the peer, or inside the tunnel its network's own address.
        public let gateway: IPAddress
        /// Our gateway's address of that family.
        public let source: IPAddress
        /// Whether it leads into the tunnel.
        public let isTunnelled: Bool
    }

    /// What the tunnel has to know of a peer.
    public struct TunnelPeer: Hashable, Sendable {
        /// The hardware address of its end.
        public let hardware: [UInt8]
        /// Where its packets are sent: the node's own address.
        public let remote: IPAddress
        /// The next hops that this is about, one for each network.
        public let gateways: [IPAddress]
    }

    /// In the order of peers and networks.
    public let routes: [Route]
    /// Nil for host-gw, and when there are no peers.
    public let tunnel: Tunnel?
    /// Empty without a tunnel.
    public let tunnelPeers: [TunnelPeer]
    /// The addresses of peers that our packets go to.
    public let remotes: [IPAddress]
    /// The gateways' addresses on our bridge: a route of ours has one of them as its source.
    public let gateways: [IPAddress]
    /// How many bytes of each packet the way takes for itself: RFC 7348 §5, the Ethernet header inside included.
    public let overhead: UInt32
    /// What a tunnel's hardware address ends in for this node's networks, whatever it begins with.
    let hardwareEnd: [UInt8]?

    /// Makes the plan. Networks of a family that this node's own Pods do not have get no route: nobody here could be
    /// answered.
    public init(_ map: PeerMap, vxlan: VXLANParameters = VXLANParameters()) {
        gateways = map.subnets.compactMap { AddressPool($0)?.gateway }
        let isTunnelled = map.backend == .vxlan
        let underlay = map.underlay ?? 32
        var routes: [Route] = []
        for peer in map.peers {
            for subnet in peer.subnets {
                let next = isTunnelled ? subnet.address : peer.address(subnet.address.width)
                let source = gateways.first { $0.width == subnet.address.width }
                guard let next, let source else { continue }
                routes.append(
                    Route(
                        peer: peer.name,
                        destination: subnet,
                        gateway: next,
                        source: source,
                        isTunnelled: isTunnelled
                    )
                )
            }
        }
        self.routes = routes
        let own = map.subnets.min { $0.address < $1.address }
        let hardware = own.map { Tunnel.hardwareAddress($0, underlay: underlay) }
        hardwareEnd = hardware.map { Array($0.suffix(4)) }
        tunnel = isTunnelled && !map.peers.isEmpty ? hardware.map { Tunnel(hardware: $0, vxlan) } : nil
        tunnelPeers = tunnel == nil ? [] : map.peers.compactMap { TunnelPeer($0, underlay: underlay) }
        remotes = isTunnelled ? tunnelPeers.map(\.remote) : Set(routes.map(\.gateway)).sorted()
        overhead = isTunnelled ? (underlay == 32 ? 50 : 70) : 0
    }

    /// The largest packet of a Pod, when the way to the peers takes `mtu` bytes at most. Never less than IPv6 asks of a
    /// link (RFC 8200 §5): what is then too large is sent in fragments.
    public func podMTU(onLinkOf mtu: UInt32) -> UInt32 {
        max(1280, mtu > overhead ? mtu - overhead : 0)
    }
}

/// What VXLAN links of all nodes must agree on.
public struct VXLANParameters: Hashable, Sendable {
    /// The number of the virtual network (VNI), 24 bits.
    public var identifier: UInt32
    /// The UDP port.
    public var port: UInt16

    /// Makes the parameters: network 1, and the port that IANA has for VXLAN.
    public init(identifier: UInt32 = 1, port: UInt16 = 4789) {
        self.identifier = identifier
        self.port = port
    }
}

/// A VXLAN link of ours.
public struct Tunnel: Hashable, Sendable {
    /// Its hardware address, six bytes.
    public let hardware: [UInt8]
    /// What its packets bear.
    public let parameters: VXLANParameters

    init(hardware: [UInt8], _ parameters: VXLANParameters) {
        self.hardware = hardware
        self.parameters = parameters
    }

    /// Whether packets go between IPv6 addresses.
    public var isOverIPv6: Bool { hardware[1] == 6 }

    /// The hardware address of a node's end. It follows from the network of the node's Pods, which is in the
    /// configuration of both ends, so that no node has to ask another for it: locally administered, then 4 or 6 for the
    /// family that the packets go by, then four bytes of the network, or for IPv6 of its hash.
    static func hardwareAddress(_ subnet: Subnet, underlay: Int) -> [UInt8] {
        let family: UInt8 = underlay == 32 ? 4 : 6
        switch subnet.address {
        case .v4: return [0x0e, family] + subnet.address.bytes
        case .v6:
            let hash = FNV1a64.hash("\(subnet)")
            return [0x0e, family] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: hash >> $0) }
        }
    }

    /// The link's name beside a bridge of that name: at most 15 bytes (IFNAMSIZ), and another one for each bridge.
    public static func name(besideBridge bridge: String) -> String {
        if bridge.utf8.count <= 12 { return bridge + "-vx" }
        return "vx-" + FNV1a64.hexadecimal(bridge, bits: 48)
    }

    /// Whether a link is one of ours for the node whose tunnels' addresses end so, be it with other parameters.
    static func isOurs(_ link: NetlinkLink, end: [UInt8]) -> Bool {
        link.kind == "vxlan" && link.hardware.first == 0x0e && link.hardware.dropFirst(2) == end[...]
    }

    /// Whether a link is just this.
    func matches(_ link: NetlinkLink) -> Bool { link.hardware == hardware && link.vxlan == parameters }
}

extension PeerPlan.TunnelPeer {
    fileprivate init?(_ peer: Peer, underlay: Int) {
        guard let remote = peer.address(underlay),
            let first = peer.subnets.min(by: { $0.address < $1.address })
        else { return nil }
        hardware = Tunnel.hardwareAddress(first, underlay: underlay)
        self.remote = remote
        gateways = peer.subnets.map(\.address)
    }
}

/// A Pod's link to the node's bridge, and the addresses that it has there. Made by the Pod's own pause process: from inside
/// its network namespace, with a netlink socket of the node's for the node's end.
public struct PodLink: Hashable, Sendable {
    /// An address of the Pod.
    public struct Address: Hashable, Sendable {
        /// The address itself.
        public var address: IPAddress
        /// The network that it is in; every other address of it is reached directly.
        public var subnet: Subnet
        /// Where everything else goes: the bridge's own address.
        public var gateway: IPAddress

        /// Makes the description.
        public init(_ address: IPAddress, in subnet: Subnet, by gateway: IPAddress) {
            self.address = address
            self.subnet = subnet
            self.gateway = gateway
        }
    }

    /// The name of the node's end, at most 15 bytes.
    public var name: String
    /// The index of the bridge.
    public var bridge: Int32
    /// By which the node tells its ends of such links from others, see ``FirewallTable/linkGroup``.
    public var group: UInt32
    /// At least one; at most one of each family.
    public var addresses: [Address]
    /// Bytes of the largest packet.
    public var mtu: UInt32

    /// Makes the description.
    public init(name: String, bridge: Int32, group: UInt32, addresses: [Address], mtu: UInt32 = 1500) {
        self.name = name
        self.bridge = bridge
        self.group = group
        self.addresses = addresses
        self.mtu = mtu
    }

    /// What the Pod's end is called, as everywhere in Kubernetes, and its index: lo has 1.
    static let inside = (name: "eth0", index: Int32(2))

    /// The hardware address of the Pod's end: locally administered, and as unique as the Pod's address, so that a
    /// neighbour's old knowledge of an address that was given anew is never wrong about who had it.
    public static func hardwareAddress(_ address: IPAddress) -> [UInt8] {
        [0x0a, 0x58] + address.bytes.suffix(4)
    }

    /// `socket` is a netlink socket of the node's network namespace; `scratch` is free.
    func steps(socket: Slot, scratch: Slot) -> [LaunchStep] {
        guard let first = addresses.first else { return [] }
        let pair = NetlinkMessage.addPair(
            name,
            master: bridge,
            group: group,
            peer: Self.inside.name,
            peerIndex: Self.inside.index,
            peerAddress: Self.hardwareAddress(first.address),
            mtu: mtu
        )
        var steps: [LaunchStep] = [
            .open(path: "/proc/self/ns/net", into: scratch, directory: false),
            .netlink(pair, over: socket, namespace: scratch),
            .netlink(.reflect(port: name), over: socket, namespace: .none),
            .ifPossible(.netlink(.leaveUnaddressed(port: name), over: socket, namespace: .none)),
            .netlink(.bringUp(link: Self.inside.index), over: .none, namespace: .none),
        ]
        for address in addresses {
            let (length, link) = (address.subnet.prefixLength, Self.inside.index)
            let own = NetlinkMessage.addAddress(address.address, prefixLength: length, link: link)
            let route = NetlinkMessage.addDefaultRoute(by: address.gateway, link: link)
            steps += [own, route].map { .netlink($0, over: .none, namespace: .none) }
        }
        return steps
    }
}

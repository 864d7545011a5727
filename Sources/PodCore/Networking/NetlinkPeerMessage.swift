/// The messages by which a node makes its ways to other nodes, and asks for what there is.
extension NetlinkMessage {
    // MARK: Routes

    /// Makes a route of a plan. `EEXIST` when there is one to the same network; with `replaces`, that one gives way.
    ///
    /// - Parameter tunnel: the index of the tunnel's link, for a route into it. Otherwise the kernel finds the link by the
    ///   next hop, and fails with `ENETUNREACH` or `EHOSTUNREACH` when that is in none of the node's networks.
    public static func peerRoute(_ route: PeerPlan.Route, tunnel: Int32?, replaces: Bool) -> NetlinkMessage {
        var message = NetlinkMessage(
            .newRoute,
            replaces ? [.create, .replace] : [.create, .exclusive],
            "add route to \(route.destination) by \(route.gateway)"
        )
        // RTNH_F_ONLINK: the next hop is no address of any network of ours, the tunnel's neighbours say where it is.
        message.appendRoute(to: route.destination, flags: route.isTunnelled ? 4 : 0)
        message.attribute(RouteAttribute.destination.rawValue, route.destination.address.bytes)
        message.attribute(RouteAttribute.gateway.rawValue, route.gateway.bytes)
        message.attribute(RouteAttribute.source.rawValue, route.source.bytes)
        if let tunnel, route.isTunnelled {
            message.attribute(RouteAttribute.outgoing.rawValue, UInt32(bitPattern: tunnel))
        }
        return message.finished
    }

    /// Takes a route away that was found.
    public static func deleteRoute(_ route: NetlinkRoute) -> NetlinkMessage {
        var message = NetlinkMessage(.deleteRoute, [], "delete route to \(route.destination)")
        message.appendRoute(to: route.destination, flags: 0)
        message.attribute(RouteAttribute.destination.rawValue, route.destination.address.bytes)
        if let gateway = route.gateway {
            message.attribute(RouteAttribute.gateway.rawValue, gateway.bytes)
        }
        if let outgoing = route.outgoing {
            message.attribute(RouteAttribute.outgoing.rawValue, UInt32(bitPattern: outgoing))
        }
        return message.finished
    }

    /// Asks for the routes that bear our protocol number. `family` is that of an address of it.
    public static func listRoutes(family address: IPAddress) -> NetlinkMessage {
        var message = NetlinkMessage(.getRoute, .all, "list routes")
        message.append(address.family)
        // Of all fields the kernel goes by the protocol, if the socket asks for strict checks (NETLINK_GET_STRICT_CHK).
        for field: UInt8 in [0, 0, 0, 0, NetlinkRoute.ourProtocol, 0, 0] { message.append(field) }
        message.append(UInt32(0))
        return message.finished
    }

    /// Asks by which route packets to an address go.
    public static func findRoute(to address: IPAddress) -> NetlinkMessage {
        var message = NetlinkMessage(.getRoute, [], "find route to \(address)")
        message.append(address.family)
        for field: UInt8 in [UInt8(address.width), 0, 0, 0, 0, 0, 0] { message.append(field) }
        message.append(UInt32(0))
        message.attribute(RouteAttribute.destination.rawValue, address.bytes)
        return message.finished
    }

    /// `struct rtmsg`.
    private mutating func appendRoute(to subnet: Subnet, flags: UInt32) {
        append(subnet.address.family)
        // Length of the destination's and the source's prefix, type of service, RT_TABLE_MAIN, protocol,
        // RT_SCOPE_UNIVERSE, RTN_UNICAST.
        for field: UInt8 in [
            UInt8(subnet.prefixLength), 0, 0, NetlinkRoute.mainTable, NetlinkRoute.ourProtocol, 0, 1,
        ] {
            append(field)
        }
        append(flags)
    }

    // MARK: The tunnel

    /// Makes a VXLAN link, down. It learns nothing from what comes in (RFC 7348 §7 warns of it) and has no group: whom it
    /// may send to is told by ``addNeighbour(_:)``.
    public static func addTunnel(_ tunnel: Tunnel, name: String, mtu: UInt32) -> NetlinkMessage {
        var message = NetlinkMessage(.newLink, [.create, .exclusive], "add VXLAN link \(name)")
        message.appendLink(index: 0, isUp: false)
        message.append(.name, name)
        message.append(.mtu, mtu)
        message.append(.address, tunnel.hardware)
        message.nested(LinkAttribute.info.rawValue) { message in
            message.append(infoKind: "vxlan")
            message.nested(2) { message in  // IFLA_INFO_DATA
                message.attribute(VXLANAttribute.identifier, tunnel.parameters.identifier)
                message.attribute(VXLANAttribute.learning, [0])
                let port = tunnel.parameters.port
                message.attribute(VXLANAttribute.port, [UInt8(port >> 8), UInt8(port & 0xff)])
                // The unspecified group is what makes it one for IPv6 without naming an address of this node.
                if tunnel.isOverIPv6 {
                    message.attribute(VXLANAttribute.group6, [UInt8](repeating: 0, count: 16))
                }
            }
        }
        return message.finished
    }

    /// Sets a link's size of packets and brings it up.
    public static func adjust(link: Int32, mtu: UInt32) -> NetlinkMessage {
        var message = NetlinkMessage(.newLink, [], "set MTU \(mtu) of link \(link)")
        message.appendLink(index: link, isUp: true)
        message.append(.mtu, mtu)
        return message.finished
    }

    /// Tells a link of an address behind it, for good; the network is not asked.
    public static func addNeighbour(_ neighbour: NetlinkNeighbour) -> NetlinkMessage {
        var message = NetlinkMessage(.newNeighbour, [.create, .replace], "add \(neighbour)")
        message.appendNeighbour(neighbour)
        return message.finished
    }

    /// Makes a link forget an address behind it.
    public static func deleteNeighbour(_ neighbour: NetlinkNeighbour) -> NetlinkMessage {
        var message = NetlinkMessage(.deleteNeighbour, [], "delete \(neighbour)")
        message.appendNeighbour(neighbour)
        return message.finished
    }

    /// Asks what a link knows of addresses behind it: of next hops in the family of `address`, or without one of its
    /// forwarding database.
    public static func listNeighbours(of link: Int32, family address: IPAddress?) -> NetlinkMessage {
        var message = NetlinkMessage(.getNeighbour, .all, "list neighbours of link \(link)")
        message.append(address?.family ?? NetlinkNeighbour.bridgeFamily)
        for _ in 0..<11 { message.append(UInt8(0)) }
        message.attribute(NeighbourAttribute.link, UInt32(bitPattern: link))
        return message.finished
    }

    /// Asks for the link of a name.
    public static func findLink(_ name: String) -> NetlinkMessage {
        var message = NetlinkMessage(.getLink, [], "find link \(name)")
        message.appendLinkQuestion(index: 0)
        message.append(.name, name)
        return message.finished
    }

    /// Asks for the link of an index.
    public static func findLink(index: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(.getLink, [], "find link \(index)")
        message.appendLinkQuestion(index: index)
        return message.finished
    }

    /// `struct ifinfomsg` that changes nothing.
    private mutating func appendLinkQuestion(index: Int32) {
        append(UInt32(0))
        append(index)
        append(UInt32(0))
        append(UInt32(0))
    }

    /// `struct ndmsg` with NUD_PERMANENT, and its attributes.
    private mutating func appendNeighbour(_ neighbour: NetlinkNeighbour) {
        append(neighbour.isForwarding ? NetlinkNeighbour.bridgeFamily : neighbour.address.family)
        append(UInt8(0))
        append(UInt16(0))
        append(UInt32(bitPattern: neighbour.link))
        append(UInt16(0x80))
        // NTF_SELF: the link's own database, and not that of a bridge it is in.
        append(UInt8(neighbour.isForwarding ? 2 : 0))
        append(UInt8(0))
        attribute(NeighbourAttribute.destination, neighbour.address.bytes)
        attribute(NeighbourAttribute.hardware, neighbour.hardware)
    }
}

/// `IFLA_VXLAN_…`, linux/if_link.h.
enum VXLANAttribute {
    static let identifier: UInt16 = 1
    static let learning: UInt16 = 7
    static let port: UInt16 = 15
    static let group6: UInt16 = 16
}

/// `NDA_…`, linux/neighbour.h.
enum NeighbourAttribute {
    static let destination: UInt16 = 1
    static let hardware: UInt16 = 2
    static let link: UInt16 = 8
}

extension NetlinkNeighbour: CustomStringConvertible {
    /// `AF_BRIDGE`.
    static let bridgeFamily: UInt8 = 7

    /// A few words.
    public var description: String { "\(isForwarding ? "forwarding to" : "neighbour") \(address)" }
}

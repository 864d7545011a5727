/// Messages of rtnetlink(7), as bytes in the order of this machine, each asking for an acknowledgement. Pure, so that what
/// becomes of a Pod's network is decided and tested here, and C only sends it.
///
/// A message that concerns two network namespaces names one of them by a descriptor, whose number is known only when it
/// is sent: ``namespacePosition`` is where that goes.
public struct NetlinkMessage: Hashable, Sendable {
    /// The message with its header, padded to four bytes.
    public var bytes: [UInt8] { writer.bytes }
    /// Where the number of a namespace's descriptor is to be written, from the message's start.
    public private(set) var namespacePosition: Int?
    /// What it asks for, in a few words.
    public let summary: String
    private var writer = NetlinkWriter()

    /// `RTM_…`, linux/rtnetlink.h.
    enum Kind: UInt16 {
        case newLink = 16
        case deleteLink = 17
        case getLink = 18
        case newAddress = 20
        case newRoute = 24
        case deleteRoute = 25
        case getRoute = 26
        case newNeighbour = 28
        case deleteNeighbour = 29
        case getNeighbour = 30
    }

    /// `NLM_F_…`, linux/netlink.h.
    struct Flags: OptionSet {
        let rawValue: UInt16
        static let request = Flags(rawValue: 1)
        static let acknowledge = Flags(rawValue: 4)
        /// In a question: everything that there is, `NLM_F_DUMP`.
        static let all = Flags(rawValue: 0x300)
        static let replace = Flags(rawValue: 0x100)
        static let exclusive = Flags(rawValue: 0x200)
        static let create = Flags(rawValue: 0x400)
    }

    /// `IFLA_…`, linux/if_link.h.
    enum LinkAttribute: UInt16 {
        case address = 1
        case name = 3
        case mtu = 4
        case master = 10
        case info = 18
        case families = 26
        case group = 27
        case namespaceDescriptor = 28
    }

    /// `IFA_…`, linux/if_addr.h.
    private enum AddressAttribute: UInt16 {
        case address = 1
        case local = 2
        case flags = 8
    }

    /// `RTA_…`, linux/rtnetlink.h.
    enum RouteAttribute: UInt16 {
        case destination = 1
        case outgoing = 4
        case gateway = 5
        case source = 7
    }

    init(_ kind: Kind, _ flags: Flags, _ summary: String) {
        self.summary = summary
        append(UInt32(0))  // the length, when it is known
        append(kind.rawValue)
        append(flags.union([.request, .acknowledge]).rawValue)
        append(UInt32(0))  // sequence: one at a time is in flight
        append(UInt32(0))  // port: the kernel
    }

    /// About the link of that name, be it there or wanted.
    private init(_ kind: Kind, _ flags: Flags, link name: String, isUp: Bool = true, _ summary: String) {
        self.init(kind, flags, summary)
        appendLink(index: 0, isUp: isUp)
        append(.name, name)
    }

    // MARK: Links

    /// Makes a bridge of that name. `EEXIST` when there is a link of that name.
    public static func addBridge(_ name: String, address: [UInt8]) -> NetlinkMessage {
        var message = NetlinkMessage(.newLink, [.create, .exclusive], link: name, "add bridge \(name)")
        message.append(.address, address)
        message.nested(LinkAttribute.info.rawValue) { $0.append(infoKind: "bridge") }
        return message.finished
    }

    /// Has a bridge, new or not, learn nothing from frames to the bridges' own addresses (IEEE 802.1Q §8.6.3), which no rule
    /// of the firewall sees: a Pod could take another's frames by them. Nor does it look into who listens to which
    /// group: a Pod could make it believe that nobody does, and so end IPv6 between the others.
    public static func harden(bridge name: String) -> NetlinkMessage {
        var message = NetlinkMessage(.newLink, [], link: name, "set options of bridge \(name)")
        message.nested(LinkAttribute.info.rawValue) { message in
            message.append(infoKind: "bridge")
            message.nested(2) { message in  // IFLA_INFO_DATA
                message.attribute(23, [0])  // IFLA_BR_MCAST_SNOOPING
                // IFLA_BR_MULTI_BOOLOPT: BR_BOOLOPT_NO_LL_LEARN, as value and as mask
                message.attribute(46, withUnsafeBytes(of: (UInt32(1), UInt32(1))) { Array($0) })
            }
        }
        return message.finished
    }

    /// Makes a pair of virtual Ethernet links: `name` on the bridge of index `master`, in the `group` of links, and up, in the namespace of the
    /// socket; `peer`, down, with the index `peerIndex` in the one that the descriptor at ``namespacePosition`` is of.
    public static func addPair(
        _ name: String,
        master: Int32,
        group: UInt32,
        peer: String,
        peerIndex: Int32,
        peerAddress: [UInt8],
        mtu: UInt32
    ) -> NetlinkMessage {
        var message = NetlinkMessage(
            .newLink,
            [.create, .exclusive],
            link: name,
            "add link \(name) to \(peer)"
        )
        message.append(.mtu, mtu)
        message.append(.master, UInt32(bitPattern: master))
        message.append(.group, group)
        message.nested(LinkAttribute.info.rawValue) { message in
            message.append(infoKind: "veth")
            message.nested(2) { message in  // IFLA_INFO_DATA
                message.nested(1) { message in  // VETH_INFO_PEER
                    // Not up: at this point it is not connected to anything yet, and the kernel would refuse.
                    message.appendLink(index: peerIndex, isUp: false)
                    message.append(.name, peer)
                    message.append(.mtu, mtu)
                    message.append(.address, peerAddress)
                    message.append(UInt16(8))
                    message.append(LinkAttribute.namespaceDescriptor.rawValue)
                    message.namespacePosition = message.bytes.count
                    message.append(UInt32(0))
                }
            }
        }
        return message.finished
    }

    /// Brings a link up.
    public static func bringUp(link: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(.newLink, [], "bring link \(link) up")
        message.appendLink(index: link, isUp: true)
        return message.finished
    }

    /// Has a bridge send back by a port what came in there: a Pod that reaches itself by a port of the node is answered
    /// so where `bridge-nf-call-iptables` is on, as Kubernetes and others set it.
    public static func reflect(port name: String) -> NetlinkMessage {
        var message = NetlinkMessage(.newLink, [], link: name, "reflect at bridge port \(name)")
        message.nested(LinkAttribute.info.rawValue) { message in
            message.attribute(4, Array("bridge".utf8) + [0])  // IFLA_INFO_SLAVE_KIND
            message.nested(5) { $0.attribute(4, [1]) }  // IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_MODE
        }
        return message.finished
    }

    /// Has the kernel give a link no link-local address of its own: a bridge's port is spoken to by nobody, and each such
    /// address is a few routes more that the kernel walks through whenever a link comes or goes. To be sent before the
    /// link has a carrier. `EAFNOSUPPORT` when the kernel is without IPv6.
    public static func leaveUnaddressed(port name: String) -> NetlinkMessage {
        var message = NetlinkMessage(.newLink, [], link: name, "leave bridge port \(name) without an address")
        message.nested(LinkAttribute.families.rawValue) { message in
            // AF_INET6, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE
            message.nested(10) { $0.attribute(8, [1]) }
        }
        return message.finished
    }

    /// Takes a link away; the other end of a pair goes with it.
    public static func deleteLink(index: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(.deleteLink, [], "delete link \(index)")
        message.appendLink(index: index, isUp: false)
        return message.finished
    }

    /// As ``deleteLink(index:)``, by name. `ENODEV` when there is none.
    public static func deleteLink(name: String) -> NetlinkMessage {
        NetlinkMessage(.deleteLink, [], link: name, isUp: false, "delete link \(name)").finished
    }

    // MARK: Addresses and routes

    /// Gives a link an address in a network. The address is usable at once: nobody else can have it, so that there is no
    /// need to ask (RFC 4862 §5.4 would for a second).
    public static func addAddress(_ address: IPAddress, prefixLength: Int, link: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(
            .newAddress,
            [.create, .exclusive],
            "add address \(address)/\(prefixLength)"
        )
        message.append(address.family)
        message.append(UInt8(prefixLength))
        message.append(UInt8(0))  // flags, which stand in an attribute
        message.append(UInt8(0))  // RT_SCOPE_UNIVERSE
        message.append(UInt32(bitPattern: link))
        message.attribute(AddressAttribute.local.rawValue, address.bytes)
        message.attribute(AddressAttribute.address.rawValue, address.bytes)
        if case .v6 = address {
            message.attribute(AddressAttribute.flags.rawValue, UInt32(0x02))  // IFA_F_NODAD
        }
        return message.finished
    }

    /// Sends whatever has no other way to `gateway`.
    public static func addDefaultRoute(by gateway: IPAddress, link: Int32) -> NetlinkMessage {
        addRoute(to: Subnet(containing: gateway, prefixLength: 0), by: gateway, link: link)
    }

    /// Sends what is for `subnet` to `gateway`.
    public static func addRoute(to subnet: Subnet, by gateway: IPAddress, link: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(
            .newRoute,
            [.create, .exclusive],
            "add route to \(subnet) by \(gateway)"
        )
        message.append(gateway.family)
        message.append(UInt8(subnet.prefixLength))
        // …, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST
        for field: UInt8 in [0, 0, 254, 4, 0, 1] {
            message.append(field)
        }
        message.append(UInt32(0))
        if subnet.prefixLength > 0 {
            message.attribute(RouteAttribute.destination.rawValue, subnet.address.bytes)
        }
        message.attribute(RouteAttribute.gateway.rawValue, gateway.bytes)
        message.attribute(RouteAttribute.outgoing.rawValue, UInt32(bitPattern: link))
        return message.finished
    }

    // MARK: Bytes

    var finished: NetlinkMessage {
        var message = self
        message.writer.setLength(at: 0, UInt32(bytes.count))
        return message
    }

    mutating func append<Number: FixedWidthInteger>(_ number: Number) { writer.append(number) }

    /// `struct ifinfomsg`.
    mutating func appendLink(index: Int32, isUp: Bool) {
        append(UInt16(0))  // AF_UNSPEC, and padding
        append(UInt16(0))  // the kind of device is the kernel's to say
        append(index)
        append(UInt32(isUp ? 1 : 0))  // IFF_UP
        append(UInt32(isUp ? 1 : 0))  // of the flags, change this one
    }

    mutating func append(_ attribute: LinkAttribute, _ text: String) {
        writer.attribute(attribute.rawValue, text)
    }

    mutating func append(_ attribute: LinkAttribute, _ bytes: [UInt8]) {
        writer.attribute(attribute.rawValue, bytes)
    }

    mutating func append(_ attribute: LinkAttribute, _ number: UInt32) {
        writer.attribute(attribute.rawValue, number)
    }

    /// `IFLA_INFO_KIND`.
    mutating func append(infoKind: String) { writer.attribute(1, infoKind) }

    mutating func attribute(_ kind: UInt16, _ content: [UInt8]) { writer.attribute(kind, content) }

    mutating func attribute(_ kind: UInt16, _ number: UInt32) { writer.attribute(kind, number) }

    /// Attributes in an attribute; rtnetlink knows them without a mark.
    mutating func nested(_ kind: UInt16, _ content: (inout NetlinkMessage) -> Void) {
        let start = writer.open(kind)
        content(&self)
        writer.close(start)
    }
}

extension IPAddress {
    /// `AF_INET`, `AF_INET6`.
    var family: UInt8 {
        switch self {
        case .v4: 2
        case .v6: 10
        }
    }
}

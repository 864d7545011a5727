/// A route as the kernel tells of it.
public struct NetlinkRoute: Hashable, Sendable {
    /// What our routes bear in the field for who has made them (rtnetlink(7), `rtm_protocol`): one that neither the kernel
    /// nor iproute2's list of routing software (`rt_protos`) uses.
    public static let ourProtocol: UInt8 = 110
    /// `RT_TABLE_MAIN`.
    public static let mainTable: UInt8 = 254

    /// The network that it leads to.
    public var destination: Subnet
    /// The next hop; nil when the network is reached directly.
    public var gateway: IPAddress?
    /// The address that the node's own packets have as their source.
    public var source: IPAddress?
    /// The index of the link.
    public var outgoing: Int32?
    /// The table, 252 (`RT_TABLE_COMPAT`) for all that are above 255.
    public var table: UInt8
    /// Who has made it.
    public var protocolNumber: UInt8
    /// `RTNH_F_…`.
    var flags: UInt32

    /// Whether its link is gone or down, so that it leads nowhere: `RTNH_F_DEAD`.
    public var isDead: Bool { flags & 1 != 0 }
}

/// A network link as the kernel tells of it.
public struct NetlinkLink: Hashable, Sendable {
    /// Its index.
    public var index: Int32
    /// Its name.
    public var name = ""
    /// Whether it is meant to be up: `IFF_UP`.
    public var isUp: Bool
    /// Bytes of the largest packet.
    public var mtu: UInt32 = 0
    /// Its hardware address; empty if it has none.
    public var hardware: [UInt8] = []
    /// The kernel's name of the kind of virtual link; empty for others.
    public var kind = ""
    /// Of a VXLAN link.
    public var vxlan: VXLANParameters?
}

/// What the kernel knows of an address behind a link: a next hop's hardware address, or where a VXLAN link sends packets for
/// a hardware address.
public struct NetlinkNeighbour: Hashable, Sendable {
    /// The index of the link.
    public var link: Int32
    /// Whether it is an entry of the link's forwarding database, and not of the table of next hops.
    public var isForwarding: Bool
    /// The next hop, or the node that packets are sent to.
    public var address: IPAddress
    /// Six bytes.
    public var hardware: [UInt8]

    /// Makes the entry.
    public init(link: Int32, isForwarding: Bool, address: IPAddress, hardware: [UInt8]) {
        self.link = link
        self.isForwarding = isForwarding
        self.address = address
        self.hardware = hardware
    }
}

/// One message of the kernel on a socket of rtnetlink(7).
public enum NetlinkNews: Hashable, Sendable {
    case route(NetlinkRoute)
    case routeGone(NetlinkRoute)
    case link(NetlinkLink)
    case linkGone(NetlinkLink)
    /// A permanent entry; others come and go by themselves.
    case neighbour(NetlinkNeighbour)
    /// The end of an answer, be it an acknowledgement, a failure or the end of a list: `errno` is 0 when all went well.
    case failure(errno: Int32)
    /// Something else.
    case other
}

/// A datagram from the kernel, as its messages. One that is not what it says is left out, and so is what comes after a
/// length that cannot be: nothing here trusts a length.
public struct NetlinkDatagram {
    /// In the order of the datagram.
    public private(set) var news: [NetlinkNews] = []
    /// Whether the list that this is a part of changed while it was told, so that it may not be whole:
    /// `NLM_F_DUMP_INTR`.
    public private(set) var isInterrupted = false

    /// Reads a datagram.
    public init(_ bytes: some RandomAccessCollection<UInt8>) {
        for message in NetlinkBytes(Array(bytes)[...]).messages() {
            guard let kind = message.number(at: 4, UInt16.self),
                let flags = message.number(at: 6, UInt16.self)
            else { continue }
            if flags & 0x10 != 0 { isInterrupted = true }
            news.append(NetlinkNews(kind, message.part(16..<message.count)) ?? .other)
        }
    }
}

extension NetlinkNews {
    /// Nil when the body is not what the kind says.
    fileprivate init?(_ kind: UInt16, _ body: NetlinkBytes) {
        switch kind {
        case 2:  // NLMSG_ERROR, whose error is negative
            guard let error = body.number(at: 0, Int32.self) else { return nil }
            self = .failure(errno: error == .min ? .max : -error)
        case 3:  // NLMSG_DONE, with what stopped the list, if something did
            let error = body.number(at: 0, Int32.self) ?? 0
            self = .failure(errno: error < 0 && error > .min ? -error : 0)
        case NetlinkMessage.Kind.newLink.rawValue:
            guard let link = NetlinkLink(body) else { return nil }
            self = .link(link)
        case NetlinkMessage.Kind.deleteLink.rawValue:
            guard let link = NetlinkLink(body) else { return nil }
            self = .linkGone(link)
        case NetlinkMessage.Kind.newRoute.rawValue:
            guard let route = NetlinkRoute(body) else { return nil }
            self = .route(route)
        case NetlinkMessage.Kind.deleteRoute.rawValue:
            guard let route = NetlinkRoute(body) else { return nil }
            self = .routeGone(route)
        case NetlinkMessage.Kind.newNeighbour.rawValue:
            guard let neighbour = NetlinkNeighbour(body) else { return nil }
            self = .neighbour(neighbour)
        default: return nil
        }
    }
}

extension NetlinkNeighbour {
    /// `struct ndmsg` with its attributes. Nil for what is not permanent (`NUD_PERMANENT`).
    fileprivate init?(_ body: NetlinkBytes) {
        guard body.count >= 12, let family = body.byte(at: 0), let link = body.number(at: 4, Int32.self),
            let state = body.number(at: 8, UInt16.self), state & 0x80 != 0
        else { return nil }
        var (address, hardware): (IPAddress?, [UInt8]?)
        for (kind, content) in body.part(12..<body.count).attributes() {
            if kind == NeighbourAttribute.destination { address = IPAddress(bytes: content.all) }
            if kind == NeighbourAttribute.hardware { hardware = content.all }
        }
        guard let address, let hardware else { return nil }
        self.init(link: link, isForwarding: family == 7, address: address, hardware: hardware)
    }
}

extension NetlinkRoute {
    /// `struct rtmsg` with its attributes. Nil for what is no route of IPv4 or IPv6.
    fileprivate init?(_ body: NetlinkBytes) {
        guard body.count >= 12, let family = body.byte(at: 0), family == 2 || family == 10,
            let length = body.byte(at: 1), length <= (family == 2 ? 32 : 128),
            let table = body.byte(at: 4), let number = body.byte(at: 5),
            let flags = body.number(at: 8, UInt32.self)
        else { return nil }
        (self.table, protocolNumber, self.flags) = (table, number, flags)
        var destination: IPAddress = family == 2 ? .v4(0) : .v6(0)
        let width = destination.width
        for (kind, content) in body.part(12..<body.count).attributes() {
            let address = content.count * 8 == width ? IPAddress(bytes: content.all) : nil
            switch kind {
            case NetlinkMessage.RouteAttribute.destination.rawValue: destination = address ?? destination
            case NetlinkMessage.RouteAttribute.gateway.rawValue: gateway = address
            case NetlinkMessage.RouteAttribute.source.rawValue: source = address
            case NetlinkMessage.RouteAttribute.outgoing.rawValue:
                outgoing = content.number(at: 0, Int32.self)
            default: break
            }
        }
        self.destination = Subnet(containing: destination, prefixLength: Int(length))
    }
}

extension NetlinkLink {
    /// `struct ifinfomsg` with its attributes.
    fileprivate init?(_ body: NetlinkBytes) {
        guard body.count >= 16, let index = body.number(at: 4, Int32.self),
            let flags = body.number(at: 8, UInt32.self)
        else { return nil }
        self.index = index
        isUp = flags & 1 != 0
        for (kind, content) in body.part(16..<body.count).attributes() {
            switch NetlinkMessage.LinkAttribute(rawValue: kind) {
            case .name: name = content.text
            case .mtu: mtu = content.number(at: 0, UInt32.self) ?? 0
            case .address: hardware = content.all
            case .info: readInfo(content)
            case .master, .group, .families, .namespaceDescriptor, nil: break
            }
        }
    }

    /// `IFLA_LINKINFO`.
    private mutating func readInfo(_ info: NetlinkBytes) {
        for (kind, content) in info.attributes() {
            if kind == 1 { self.kind = content.text }  // IFLA_INFO_KIND comes first
            if kind == 2, self.kind == "vxlan" { vxlan = VXLANParameters(content) }
        }
    }
}

extension VXLANParameters {
    /// `IFLA_INFO_DATA` of such a link.
    fileprivate init?(_ data: NetlinkBytes) {
        var (identifier, port): (UInt32?, UInt16?)
        for (kind, content) in data.attributes() {
            if kind == VXLANAttribute.identifier { identifier = content.number(at: 0, UInt32.self) }
            if kind == VXLANAttribute.port { port = content.number(at: 0, UInt16.self)?.bigEndian }
        }
        guard let identifier, let port else { return nil }
        self.init(identifier: identifier, port: port)
    }
}

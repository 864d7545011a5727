/// One entry of a set or a map of the node's nftables table; what a Pod costs there. See ``FirewallTable``.
public enum FirewallElement: Hashable, Sendable {
    /// Whoever is at the other end of this link has this hardware address, and sends as this address alone.
    case source(link: String, hardware: [UInt8], IPAddress)
    /// Traffic to a port of the node is for this address and port, of a Pod. Without a place, on any address of the
    /// node that is of the Pod's address' family.
    case forward(PortProtocol, at: IPAddress?, UInt16, to: IPAddress, UInt16)

    /// The table's family, linux/netfilter.h.
    public enum Family: UInt8, Sendable {
        /// `NFPROTO_INET`: IPv4 and IPv6.
        case inet = 1
        /// `NFPROTO_BRIDGE`.
        case bridge = 7
    }

    /// A set or map that elements are in.
    public struct Container: Hashable, Sendable {
        /// The table's family.
        public var family: Family
        /// Its name in the table.
        public var name: String
    }

    /// Where it stands. The address that an IPv6 neighbour claims to have is looked up apart from whom its packets come from.
    public var containers: [Container] {
        switch self {
        case .source(_, _, .v4): [Container(family: .bridge, name: "source4")]
        case .source(_, _, .v6):
            [Container(family: .bridge, name: "source6"), Container(family: .bridge, name: "target6")]
        case .forward(_, nil, _, .v4, _): [Container(family: .inet, name: "port4")]
        case .forward(_, nil, _, .v6, _): [Container(family: .inet, name: "port6")]
        case .forward(_, .some, _, .v4, _): [Container(family: .inet, name: "address4")]
        case .forward(_, .some, _, .v6, _): [Container(family: .inet, name: "address6")]
        }
    }

    /// As nft(8) writes it.
    public func text(in container: Container) -> String {
        switch self {
        case .source(let link, let hardware, let address):
            // What a set of addresses has by name, one of raw bytes has as a number.
            let shown = container.name == "target6" ? "0x\(Self.hexadecimal(address.bytes))" : "\(address)"
            return
                "\"\(link)\" . \(hardware.map { Self.hexadecimal([$0]) }.joined(separator: ":")) . \(shown)"
        case .forward(let transport, let place, let port, let target, let targetPort):
            let key = (place.map { "\($0) . " } ?? "") + "\(transport.number) . \(port)"
            return "\(key) : \(target) . \(targetPort)"
        }
    }

    /// Its key as the kernel has it: each part padded to four bytes.
    public var key: [UInt8] {
        switch self {
        case .source(let link, let hardware, let address):
            let name = Array(link.utf8.prefix(15))
            return name + [UInt8](repeating: 0, count: 16 - name.count) + hardware + [0, 0] + address.bytes
        case .forward(let transport, let place, let port, _, _):
            return (place?.bytes ?? []) + [transport.number, 0, 0, 0] + Self.padded(port)
        }
    }

    /// What a map has for its key; nil for an element of a set.
    public var value: [UInt8]? {
        guard case .forward(_, _, _, let target, let port) = self else { return nil }
        return target.bytes + Self.padded(port)
    }

    /// One key in one set or map: there can be one element of it at most.
    struct Slot: Hashable {
        var container: Container
        var key: [UInt8]
    }

    /// What it takes up.
    var slots: [Slot] { containers.map { Slot(container: $0, key: key) } }

    private static func padded(_ port: UInt16) -> [UInt8] {
        [UInt8(port >> 8), UInt8(truncatingIfNeeded: port), 0, 0]
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension PortProtocol {
    /// The protocol's number (IANA, Assigned Internet Protocol Numbers).
    var number: UInt8 {
        switch self {
        case .tcp: 6
        case .udp: 17
        case .sctp: 132
        }
    }
}

extension PodLink {
    /// What the node's table has to know of the Pod at this link's other end.
    public func firewallElements(_ ports: [HostPort]) throws(UnreachableHostPort) -> [FirewallElement] {
        guard let first = addresses.first else { return [] }
        let hardware = Self.hardwareAddress(first.address)
        var own = addresses.map(\.address)
        // The kernel makes one for each link by itself, for talking to neighbours.
        if own.contains(where: { $0.width == 128 }) { own.append(Self.linkLocalAddress(hardware)) }
        var elements = own.map { FirewallElement.source(link: name, hardware: hardware, $0) }
        for port in ports {
            let targets = addresses.map(\.address).filter { port.place.isOf($0) }
            guard !targets.isEmpty else { throw UnreachableHostPort(port) }
            elements += targets.map { target in
                .forward(port.transport, at: port.place.only, port.port, to: target, port.containerPort)
            }
        }
        // Validation refuses such a Pod; one that was admitted by an earlier podagent must not take the others' rules along.
        var known: Set<FirewallElement.Slot> = []
        return elements.filter { element in element.slots.allSatisfy { known.insert($0).inserted } }
    }

    /// Of the hardware address (RFC 4291, appendix A).
    static func linkLocalAddress(_ hardware: [UInt8]) -> IPAddress {
        let identifier = [hardware[0] ^ 2, hardware[1], hardware[2], 0xff, 0xfe] + hardware[3...]
        return .v6(IPv6Bits(identifier.reduce(0) { $0 << 8 | UInt128($1) } | UInt128(0xfe80) << 112))
    }
}

/// A port on an address of a family in which the Pod has none.
public struct UnreachableHostPort: Error, Equatable, CustomStringConvertible {
    private let port: HostPort

    init(_ port: HostPort) { self.port = port }

    /// One sentence that says what to do.
    public var description: String {
        "hostPort \(port.port) cannot be forwarded: the Pod has no address of the family of its hostIP; give the node "
            + "a --pod-cidr of that family too, or leave hostIP out"
    }
}

extension HostPort.Place {
    /// Whether traffic to the place can be forwarded to an address: only within a family.
    fileprivate func isOf(_ target: IPAddress) -> Bool {
        switch self {
        case .anywhere: true
        case .family(let address), .address(let address): address.width == target.width
        }
    }

    /// The one address that it is.
    fileprivate var only: IPAddress? {
        if case .address(let address) = self { return address }
        return nil
    }
}

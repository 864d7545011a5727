/// A route of the node's main table, as /proc/net/route and /proc/net/ipv6_route have it.
public struct KernelRoute: Hashable, Sendable {
    /// Which addresses it is for.
    public var destination: Subnet
    /// The link that it leads to.
    public var link: String
    /// Whether a router stands between, so that the addresses are not on the link itself.
    public var hasGateway: Bool

    /// Makes one.
    public init(destination: Subnet, link: String, hasGateway: Bool) {
        self.destination = destination
        self.link = link
        self.hasGateway = hasGateway
    }

    /// Whether a network of Pods on a bridge would be in the way of this route, or this route in its way. A wider route
    /// to elsewhere is not: the default route is one.
    public func clashes(with subnet: Subnet) -> Bool {
        guard destination.overlaps(subnet), destination.prefixLength > 0 else { return false }
        return !hasGateway || destination.prefixLength >= subnet.prefixLength
    }

    /// Reads /proc/net/route (proc_net(5)): numbers in hexadecimal, addresses in the order of a little-endian machine's
    /// memory. Lines that make no sense are left out.
    public static func parse4(_ text: String) -> [KernelRoute] {
        text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
            guard fields.count >= 8, let destination = UInt32(fields[1], radix: 16),
                let gateway = UInt32(fields[2], radix: 16), let mask = UInt32(fields[7], radix: 16)
            else { return nil }
            let address = IPAddress.v4(UInt32(bigEndian: destination))
            return KernelRoute(
                destination: Subnet(containing: address, prefixLength: mask.nonzeroBitCount),
                link: String(fields[0]),
                hasGateway: gateway != 0
            )
        }
    }

    /// Reads /proc/net/ipv6_route: addresses as 32 hexadecimal digits. Loopback, the node's own addresses, link-local
    /// addresses and groups are left out: they are on every link.
    public static func parse6(_ text: String) -> [KernelRoute] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count >= 10, let destination = UInt128(fields[0], radix: 16),
                let length = Int(fields[1], radix: 16), (0...128).contains(length),
                let gateway = UInt128(fields[4], radix: 16), fields[9] != "lo"
            else { return nil }
            if destination >> 118 == 0xfe80 >> 6 || destination >> 120 == 0xff || length == 128 { return nil }
            return KernelRoute(
                destination: Subnet(containing: .v6(IPv6Bits(destination)), prefixLength: length),
                link: String(fields[9]),
                hasGateway: gateway != 0
            )
        }
    }
}

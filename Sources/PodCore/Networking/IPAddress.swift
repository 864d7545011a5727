/// An IPv4 or IPv6 address.
public enum IPAddress: Hashable, Sendable {
    /// In host byte order: 10.0.0.1 is `0x0a00_0001`.
    case v4(UInt32)
    /// In host byte order: `::1` is 1.
    case v6(IPv6Bits)

    /// Reads an address as people write it: four decimal numbers without leading zeros, or RFC 4291 §2.2, where the last
    /// 32 bits may be written as an IPv4 address. No zone, no brackets; nil for anything else.
    public init?(_ text: some StringProtocol) {
        if text.contains(":") {
            guard let bits = Self.parse6(String(text)) else { return nil }
            self = .v6(IPv6Bits(bits))
        } else {
            guard let bits = Self.parse4(String(text)) else { return nil }
            self = .v4(bits)
        }
    }

    /// 32 or 128.
    public var width: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// In network byte order, 4 or 16 of them.
    public var bytes: [UInt8] {
        stride(from: width - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> UInt128($0)) }
    }

    /// The number in either case.
    var bits: UInt128 {
        switch self {
        case .v4(let bits): UInt128(bits)
        case .v6(let bits): bits.value
        }
    }

    /// The address of the same family with this number.
    func with(bits: UInt128) -> IPAddress {
        switch self {
        case .v4: .v4(UInt32(truncatingIfNeeded: bits))
        case .v6: .v6(IPv6Bits(bits))
        }
    }

    private static func parse4(_ text: String) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            // A leading zero is octal to some and decimal to others (CVE-2021-29923).
            guard !part.isEmpty, part.utf8.count <= 3, part.utf8.allSatisfy({ (48...57).contains($0) }),
                part == "0" || part.first != "0", let byte = UInt8(part)
            else { return nil }
            bits = bits << 8 | UInt32(byte)
        }
        return bits
    }

    private static func parse6(_ text: String) -> UInt128? {
        guard let gap = text.firstRange(of: "::") else {
            guard let groups = groups(text[...], endsAddress: true), groups.count == 8 else { return nil }
            return join(groups)
        }
        // A gap stands for at least one group, and there is only one.
        guard let head = groups(text[..<gap.lowerBound], endsAddress: false),
            let tail = groups(text[gap.upperBound...], endsAddress: true),
            head.count + tail.count < 8
        else { return nil }
        return join(head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail)
    }

    private static func join(_ groups: [UInt16]) -> UInt128 { groups.reduce(0) { $0 << 16 | UInt128($1) } }

    /// An IPv4 address can only stand at the end of the whole.
    private static func groups(_ text: Substring, endsAddress: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if part.contains(".") {
                guard endsAddress, index == parts.count - 1, let bits = parse4(String(part)) else {
                    return nil
                }
                groups += [UInt16(bits >> 16), UInt16(bits & 0xffff)]
                continue
            }
            guard (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit),
                part.utf8.count == part.count,
                let group = UInt16(part, radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }
}

/// The number that an IPv6 address is, in two halves. Not as a `UInt128`, which wants to stand at a multiple of 16 bytes:
/// Swift 6.3.1 does not always see to that for enums that contain one, and a debug build then crashes.
public struct IPv6Bits: Hashable, Sendable, ExpressibleByIntegerLiteral {
    private let high: UInt64
    private let low: UInt64

    /// Takes the number apart.
    public init(_ value: UInt128) {
        high = UInt64(truncatingIfNeeded: value >> 64)
        low = UInt64(truncatingIfNeeded: value)
    }

    /// A small one.
    public init(integerLiteral value: UInt64) { (high, low) = (0, value) }

    /// The number.
    public var value: UInt128 { UInt128(high) << 64 | UInt128(low) }
}

extension IPAddress: CustomStringConvertible {
    /// As RFC 5952 has it: lower case, no leading zeros, the longest run of at least two zero groups as `::`, the first
    /// of equals.
    public var description: String {
        if case .v4 = self { return bytes.map { String($0) }.joined(separator: ".") }
        let groups = stride(from: 112, through: 0, by: -16).map {
            UInt16(truncatingIfNeeded: bits >> UInt128($0))
        }
        // ::ffff:10.0.0.1 is what an IPv4 address looks like on an IPv6 socket.
        if bits >> 32 == 0xffff { return "::ffff:\(IPAddress.v4(UInt32(truncatingIfNeeded: bits)))" }
        func text(_ groups: ArraySlice<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        var longest = 0..<0
        var run = 0..<0
        for (index, group) in groups.enumerated() {
            run = group == 0 ? (run.isEmpty ? index : run.lowerBound)..<index + 1 : 0..<0
            if run.count > longest.count { longest = run }
        }
        if longest.count < 2 { return text(groups[...]) }
        return "\(text(groups[..<longest.lowerBound]))::\(text(groups[longest.upperBound...]))"
    }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6, then by number.
    public static func < (a: IPAddress, b: IPAddress) -> Bool { (a.width, a.bits) < (b.width, b.bits) }
}

/// A network in CIDR notation (RFC 4632): an address whose bits beyond the prefix are zero, and the prefix's length.
public struct Subnet: Hashable, Sendable, CustomStringConvertible {
    /// The address of the network itself.
    public let address: IPAddress
    /// How many bits are the network's.
    public let prefixLength: Int

    /// Why a text is no network.
    public enum Failure: Error, Equatable, CustomStringConvertible {
        case malformed(String)
        /// There are bits beyond the prefix; with what was probably meant.
        case hostBits(String, meant: Subnet)

        /// One sentence.
        public var description: String {
            switch self {
            case .malformed(let text): "\(text.quoted) is no network such as 10.88.0.0/16"
            case .hostBits(let text, let meant):
                "\(text.quoted) is an address in a network; did you mean \(meant)?"
            }
        }
    }

    /// Reads `address/length`.
    public init(parsing text: String) throws(Failure) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(parts[0]), let length = Int(parts[1]),
            String(length) == parts[1], (0...address.width).contains(length)
        else { throw .malformed(text) }
        self.init(containing: address, prefixLength: length)
        guard self.address == address else { throw .hostBits(text, meant: self) }
    }

    /// The network of that size which an address belongs to.
    public init(containing address: IPAddress, prefixLength: Int) {
        self.prefixLength = prefixLength
        let hostBits = UInt128(address.width - prefixLength)
        self.address =
            hostBits >= 128
            ? address.with(bits: 0) : address.with(bits: (address.bits >> hostBits) << hostBits)
    }

    /// As it is read.
    public var description: String { "\(address)/\(prefixLength)" }

    /// Whether the address is one of this network's.
    public func contains(_ address: IPAddress) -> Bool {
        address.width == self.address.width && Subnet(containing: address, prefixLength: prefixLength) == self
    }

    /// Whether there is an address that belongs to both.
    public func overlaps(_ other: Subnet) -> Bool { contains(other.address) || other.contains(address) }

    /// Whether Pods can have addresses of it: nothing of it is for something else by itself (IANA's special-purpose
    /// address registries), such as loopback, groups, and addresses of one link.
    public var canBeForPods: Bool {
        let reserved: [(IPAddress, Int)] = [
            (.v4(0), 8), (.v4(127 << 24), 8), (.v4(0xa9fe_0000), 16), (.v4(0xe000_0000), 3),
            (.v6(0), 8), (.v6(IPv6Bits(0xfe80 << 112)), 10), (.v6(IPv6Bits(0xff << 120)), 8),
        ]
        return !reserved.contains { overlaps(Subnet(containing: $0.0, prefixLength: $0.1)) }
    }

    /// How many addresses there are for hosts, at most `UInt64.max`: not the network's own, which in IPv6 is the
    /// routers' anycast (RFC 4291 §2.6.1), and in IPv4 not the broadcast address.
    public var hostCount: UInt64 {
        let hostBits = address.width - prefixLength
        if hostBits >= 64 { return .max }
        let all = UInt64(1) << UInt64(hostBits)
        let reserved: UInt64 = address.width == 32 ? 2 : 1
        return all > reserved ? all - reserved : 0
    }

    /// The host address of that number, from 0; the caller keeps to ``hostCount``.
    public func host(_ index: UInt64) -> IPAddress { address.with(bits: address.bits + 1 + UInt128(index)) }

    /// The number of a host's address; nil when it is none of this network's.
    public func index(of address: IPAddress) -> UInt64? {
        guard contains(address), address.bits > self.address.bits else { return nil }
        let index = address.bits - self.address.bits - 1
        return index < UInt128(hostCount) ? UInt64(index) : nil
    }
}

/// Bytes of a netlink message, read in the order of this machine and never beyond their end.
struct NetlinkBytes {
    private let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    var count: Int { bytes.count }
    var all: [UInt8] { Array(bytes) }

    /// Up to the first zero.
    var text: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

    /// The caller keeps to ``count``.
    func part(_ range: Range<Int>) -> NetlinkBytes {
        NetlinkBytes(bytes[(bytes.startIndex + range.lowerBound)..<(bytes.startIndex + range.upperBound)])
    }

    func byte(at offset: Int) -> UInt8? { number(at: offset, UInt8.self) }

    func number<Number: FixedWidthInteger>(at offset: Int, _: Number.Type) -> Number? {
        guard offset + MemoryLayout<Number>.size <= count else { return nil }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }

    /// The messages one after another, with their headers, up to the first whose length cannot be.
    func messages() -> [NetlinkBytes] {
        var found: [NetlinkBytes] = []
        var rest = self
        while let length = rest.number(at: 0, UInt32.self).flatMap({ Int(exactly: $0) }), length >= 16,
            length <= rest.count
        {
            found.append(rest.part(0..<length))
            rest = rest.part(min(rest.count, (length + 3) & ~3)..<rest.count)
        }
        return found
    }

    /// The attributes one after another (netlink(7), `struct nlattr`), up to the first whose length cannot be. The two
    /// highest bits of a kind are marks and no part of it.
    func attributes() -> [(kind: UInt16, content: NetlinkBytes)] {
        var found: [(kind: UInt16, content: NetlinkBytes)] = []
        var rest = self
        while let length = rest.number(at: 0, UInt16.self).map({ Int($0) }), length >= 4,
            length <= rest.count,
            let kind = rest.number(at: 2, UInt16.self)
        {
            found.append((kind & 0x3fff, rest.part(4..<length)))
            rest = rest.part(min(rest.count, (length + 3) & ~3)..<rest.count)
        }
        return found
    }
}

extension IPAddress {
    /// In network byte order; nil unless there are 4 or 16.
    init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: self = .v6(IPv6Bits(bytes.reduce(0) { $0 << 8 | UInt128($1) }))
        default: return nil
        }
    }
}

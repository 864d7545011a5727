/// Writes tar archives, well formed or not, so that tests need no tool: POSIX ustar headers, with pax headers
/// before them for what these cannot hold.
struct TarWriter {
    enum Kind: UInt8 {
        case file = 0x30
        case hardLink = 0x31
        case symbolicLink = 0x32
        case characterDevice = 0x33
        case blockDevice = 0x34
        case directory = 0x35
        case fifo = 0x36
    }

    private(set) var bytes: [UInt8] = []

    mutating func add(
        _ name: String,
        _ kind: Kind = .file,
        _ content: String = "",
        mode: Int? = nil,
        uid: Int = 0,
        gid: Int = 0,
        modifiedAt: Int = 1_000_000_000,
        link: String = "",
        attributes: [(String, [UInt8])] = []
    ) {
        add(
            Array(name.utf8),
            kind,
            Array(content.utf8),
            mode: mode ?? (kind == .directory ? 0o755 : 0o644),
            uid: uid,
            gid: gid,
            modifiedAt: modifiedAt,
            link: Array(link.utf8),
            attributes: attributes
        )
    }

    mutating func add(
        _ name: [UInt8],
        _ kind: Kind = .file,
        _ content: [UInt8] = [],
        mode: Int = 0o644,
        uid: Int = 0,
        gid: Int = 0,
        modifiedAt: Int = 1_000_000_000,
        link: [UInt8] = [],
        attributes: [(String, [UInt8])] = [],
        pax: [(String, String)] = []
    ) {
        var records = attributes.map { (Array("SCHILY.xattr.\($0.0)".utf8), $0.1) }
        records += pax.map { (Array($0.0.utf8), Array($0.1.utf8)) }
        if name.count > 100 { records.append((Array("path".utf8), name)) }
        if link.count > 100 { records.append((Array("linkpath".utf8), link)) }
        if uid > 0o7777777 { records.append((Array("uid".utf8), Array(String(uid).utf8))) }
        if gid > 0o7777777 { records.append((Array("gid".utf8), Array(String(gid).utf8))) }
        if !records.isEmpty {
            let body = records.flatMap { Self.paxRecord($0.0, $0.1) }
            header(
                Array("pax".utf8),
                0x78,
                size: body.count,
                mode: 0o644,
                uid: 0,
                gid: 0,
                modifiedAt: 0,
                link: []
            )
            append(body)
        }
        header(
            Array(name.prefix(100)),
            kind.rawValue,
            size: content.count,
            mode: mode,
            uid: uid > 0o7777777 ? 0 : uid,
            gid: gid > 0o7777777 ? 0 : gid,
            modifiedAt: modifiedAt,
            link: Array(link.prefix(100))
        )
        append(content)
    }

    /// A header whose content is not there, or whose fields lie.
    mutating func addHeader(_ name: String, size: Int) {
        header(Array(name.utf8), 0x30, size: size, mode: 0o644, uid: 0, gid: 0, modifiedAt: 0, link: [])
    }

    /// A header of one of the types that say something of the next entry: `x`, `g`, `L`, `K`.
    mutating func addExtension(_ type: Character, body: [UInt8]) {
        let number = type.asciiValue ?? 0
        header(
            Array("e".utf8),
            number,
            size: body.count,
            mode: 0o644,
            uid: 0,
            gid: 0,
            modifiedAt: 0,
            link: []
        )
        append(body)
    }

    /// The header of a sparse file as GNU tar once wrote them, whose map goes on in the blocks that follow.
    mutating func addOldSparseHeader(_ name: String, size: Int) {
        header(Array(name.utf8), 0x53, size: 0, mode: 0o644, uid: 0, gid: 0, modifiedAt: 0, link: [])
        let start = bytes.count - 512
        func put(_ text: [UInt8], at offset: Int) {
            bytes.replaceSubrange(start + offset..<start + offset + text.count, with: text)
        }
        put(Array("ustar  \u{0}".utf8), at: 257)
        put(Array("00000000001 00000000000 ".utf8), at: 386)
        put([1], at: 482)  // "isextended"
        put(Array(String(size, radix: 8).utf8), at: 483)
        put(Array("        ".utf8), at: 148)
        let sum = bytes[start...].reduce(0) { $0 + Int($1) }
        let digits = String(sum, radix: 8)
        put(Array((String(repeating: "0", count: 6 - digits.count) + digits).utf8) + [0, 32], at: 148)
    }

    /// A block with a part of such a map, after which another one comes.
    static func oldSparseExtension(pieces: Int) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        for piece in 0..<pieces {
            block.replaceSubrange(piece * 24..<piece * 24 + 12, with: Array("00000000001 ".utf8))
            block.replaceSubrange(piece * 24 + 12..<piece * 24 + 24, with: Array("00000000000 ".utf8))
        }
        block[504] = 1
        return block
    }

    /// The archive with the two zero blocks that end it.
    func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    private mutating func append(_ content: [UInt8]) {
        bytes += content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    private mutating func header(
        _ name: [UInt8],
        _ type: UInt8,
        size: Int,
        mode: Int,
        uid: Int,
        gid: Int,
        modifiedAt: Int,
        link: [UInt8]
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ value: [UInt8], at offset: Int) {
            block.replaceSubrange(offset..<offset + value.count, with: value)
        }
        func octal(_ value: Int, _ width: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, width - 1 - digits.count)) + digits).utf8) + [
                0
            ]
        }
        put(name, at: 0)
        put(octal(mode, 8), at: 100)
        put(octal(uid, 8), at: 108)
        put(octal(gid, 8), at: 116)
        put(octal(size, 12), at: 124)
        put(octal(modifiedAt, 12), at: 136)
        put(Array("        ".utf8), at: 148)
        block[156] = type
        put(link, at: 157)
        put(Array("ustar\u{0}00".utf8), at: 257)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(octal(sum, 7) + Array(" ".utf8), at: 148)
        bytes += block
    }

    /// `length key=value\n`, where the length counts its own digits.
    private static func paxRecord(_ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
        let rest = key.count + value.count + 3
        var length = rest + String(rest).utf8.count
        length = rest + String(length).utf8.count
        return Array("\(length) ".utf8) + key + Array("=".utf8) + value + Array("\n".utf8)
    }
}

/// Compressed forms that need no compressor: both formats have blocks for bytes as they are.
enum Compression: String, CaseIterable, Sendable {
    case none
    case gzip
    case zstd

    func apply(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .none: bytes
        case .gzip: Self.gzip(bytes)
        case .zstd: Self.zstd(bytes)
        }
    }

    /// RFC 1952 around stored blocks of RFC 1951.
    private static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        var rest = bytes[...]
        repeat {
            let piece = rest.prefix(65_535)
            rest = rest.dropFirst(piece.count)
            let count = UInt16(piece.count)
            out += [rest.isEmpty ? 1 : 0] + little(UInt64(count), 2) + little(UInt64(~count), 2) + piece
        } while !rest.isEmpty
        return out + little(UInt64(crc32(bytes)), 4) + little(UInt64(bytes.count), 4)
    }

    /// RFC 8878 with raw blocks.
    private static func zstd(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38]
        var rest = bytes[...]
        repeat {
            let piece = rest.prefix(128 << 10)
            rest = rest.dropFirst(piece.count)
            out += little(UInt64(piece.count << 3 | (rest.isEmpty ? 1 : 0)), 3) + piece
        } while !rest.isEmpty
        return out
    }

    /// `head`, then zeros up to `count` bytes in four bytes for each 128 KiB.
    static func zstdBomb(_ head: [UInt8], zeros count: Int) -> [UInt8] {
        var out: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38]
        out += little(UInt64(head.count << 3), 3) + head
        let blocks = count / (128 << 10)
        for block in 1...blocks {
            out += little(UInt64((128 << 10) << 3 | 2 | (block == blocks ? 1 : 0)), 3) + [0]
        }
        return out
    }

    private static func little(_ value: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = ~0
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return ~crc
    }
}

/// The FNV-1a hash of 128 bits, with which the kubelet names static Pods. It is stable over versions and machines,
/// which Swift's own hashing is not on purpose; it is no protection against somebody who wants a collision.
///
/// Source: draft-eastlake-fnv, sections 2 and 5.
public struct FNV1a128 {
    private var value: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d

    /// 2⁸⁸ + 2⁸ + 0x3b.
    private static let prime: UInt128 = 0x100_0000_0000_0000_0000_013b

    /// Begins with nothing taken in.
    public init() {}

    mutating func combine(_ text: String) { combine(text.utf8) }

    /// Takes in bytes. Of two inputs that differ in one byte the hashes differ: each step is a bijection.
    public mutating func combine(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            value ^= UInt128(byte)
            value &*= Self.prime
        }
    }

    /// 32 lower-case hexadecimal digits.
    public var hexadecimal: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}

/// The FNV-1a hash of 64 bits, for names and numbers that must be short and the same each time.
public enum FNV1a64 {
    /// Lower-case hexadecimal digits, without leading zeros, of the lowest `bits`.
    public static func hexadecimal(_ text: String, bits: Int = 64) -> String {
        String(hash(text) & (.max >> UInt64(64 - bits)), radix: 16)
    }

    /// The number itself.
    public static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

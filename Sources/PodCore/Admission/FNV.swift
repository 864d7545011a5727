/// The FNV-1a hash of 128 bits, with which the kubelet names static Pods. It is stable over versions and machines,
/// which Swift's own hashing is not on purpose; it is no protection against somebody who wants a collision.
///
/// Source: draft-eastlake-fnv, sections 2 and 5.
struct FNV1a128 {
    private(set) var value: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d

    /// 2⁸⁸ + 2⁸ + 0x3b.
    private static let prime: UInt128 = 0x100_0000_0000_0000_0000_013b

    mutating func combine(_ text: String) {
        for byte in text.utf8 {
            value ^= UInt128(byte)
            value &*= Self.prime
        }
    }

    /// 32 lower-case hexadecimal digits.
    var hexadecimal: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}

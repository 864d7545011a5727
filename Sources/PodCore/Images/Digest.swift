/// The digest of a blob, an image config or an unpacked layer: `sha256:<64 hex>` or `sha512:<128 hex>`.
///
/// A value of this type is always well formed, so a path may be built from it: there is no way to get a `/`, a `..`
/// or an upper-case letter into one. The grammar is the OCI image specification's, "Digests".
public struct Digest: Hashable, Sendable {
    /// The hash functions that images use.
    public enum Algorithm: String, Hashable, Sendable, CaseIterable {
        /// SHA-256, which every registry uses.
        case sha256
        /// SHA-512, which the specification also registers.
        case sha512

        /// How many hexadecimal digits a digest has.
        public var hexLength: Int {
            switch self {
            case .sha256: 64
            case .sha512: 128
            }
        }
    }

    /// Which hash function.
    public let algorithm: Algorithm
    /// The value, in lower-case hexadecimal digits.
    public let hex: String

    /// Reads `algorithm:hex`; anything that is not exactly that is refused.
    public init(parsing text: some StringProtocol) throws(DigestFailure) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0, colon + 1 < bytes.count else {
            throw .format
        }
        let name = String(decoding: bytes[..<colon], as: UTF8.self)
        guard let algorithm = Algorithm(rawValue: name) else { throw .unsupportedAlgorithm }
        let digits = bytes[(colon + 1)...]
        guard digits.count == algorithm.hexLength else { throw .length }
        guard digits.allSatisfy(Self.isLowerHex) else { throw .format }
        self.algorithm = algorithm
        hex = String(decoding: digits, as: UTF8.self)
    }

    /// Makes a digest from the bytes that a hash function gave. Their number must be the algorithm's.
    public init(algorithm: Algorithm, bytes: some Sequence<UInt8>) {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        precondition(text.count == algorithm.hexLength, "\(text.count) digits for \(algorithm)")
        self.algorithm = algorithm
        hex = String(decoding: text, as: UTF8.self)
    }

    /// The first 130 bits in base 32 (RFC 4648, lower case): 26 characters.
    ///
    /// Layers' directories bear such names, because the names of 127 of them must fit into the one page of options
    /// that mount(2) takes. Whoever looks one up compares the full digest that is recorded beside it.
    public var shortName: String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        var name: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for digit in hex.utf8 {
            bits = bits << 4 | UInt32(Self.hexValue(digit))
            count += 4
            guard count >= 5 else { continue }
            count -= 5
            name.append(alphabet[Int(bits >> UInt32(count) & 31)])
            if name.count == 26 { break }
        }
        return String(decoding: name, as: UTF8.self)
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func hexValue(_ digit: UInt8) -> UInt8 {
        digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10
    }
}

extension Digest: CustomStringConvertible {
    /// `algorithm:hex`.
    public var description: String { "\(algorithm.rawValue):\(hex)" }
}

extension Digest: Codable {
    /// Reads ``description``.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        try self.init(parsing: text)
    }

    /// Writes ``description``.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Why a text is not a digest. The words are those that `kubectl describe` shows for a bad reference.
public enum DigestFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not `algorithm:lower-case-hex`.
    case format
    /// The right algorithm with the wrong number of digits.
    case length
    /// An algorithm other than sha256 and sha512.
    case unsupportedAlgorithm

    /// The sentence of Go's digest package, which the kubelet shows.
    public var description: String {
        switch self {
        case .format: "invalid checksum digest format"
        case .length: "invalid checksum digest length"
        case .unsupportedAlgorithm: "unsupported digest algorithm"
        }
    }
}

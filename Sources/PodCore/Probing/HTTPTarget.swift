/// Path and query of a URL as they are sent: what must be escaped is, and what was escaped stays as it was written.
public struct HTTPTarget: Hashable, Sendable, CustomStringConvertible {
    /// Begins with a slash.
    public let path: String
    /// Without its question mark; nil when there is none.
    public let query: String?

    /// What is sent in the request's first line.
    public var description: String { path + (query.map { "?\($0)" } ?? "") }

    init(escapedPath: String, query: String?) {
        path = escapedPath.hasPrefix("/") ? escapedPath : "/\(escapedPath)"
        self.query = query
    }

    /// Reads the path of an action as the kubelet does: as a URL, of which path and query count. One that is no URL, such
    /// as `/100%` or one with a line break, is a path as it stands, question marks included.
    public init(path text: String) {
        guard let reference = HTTPReference(text), !reference.isOpaque else {
            self.init(escapedPath: Self.escape(text.utf8, keeping: Self.unescapedBytes), query: nil)
            return
        }
        self.init(escapedPath: reference.path, query: reference.query)
    }

    /// The path of a reference with what a path cannot have in escapes; nil when an escape in it is none.
    static func escapedPath(_ text: some StringProtocol) -> String? {
        guard hasValidEscapes(text.utf8) else { return nil }
        return escape(text.utf8, keeping: allowedBytes)
    }

    /// A query with what would end the request's first line, or what not everybody takes for text, in escapes.
    static func escapedQuery(_ text: some StringProtocol) -> String {
        escape(text.utf8) { 0x21...0x7E ~= $0 }
    }

    /// Unreserved characters of RFC 3986 §2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        byte != UInt8(ascii: "!") && byte.isTokenByte && !"#$%&'*+^`|".utf8.contains(byte)
    }

    /// What Go leaves as it is in a path that was given unescaped.
    private static func unescapedBytes(_ byte: UInt8) -> Bool {
        isUnreserved(byte) || "$&+,/:;=@".utf8.contains(byte)
    }

    /// What a path may have that was given escaped.
    private static func allowedBytes(_ byte: UInt8) -> Bool {
        unescapedBytes(byte) || "!'()*[]%".utf8.contains(byte)
    }

    private static func hasValidEscapes(_ bytes: some Collection<UInt8>) -> Bool {
        let bytes = Array(bytes)
        let isDigit: (Int) -> Bool = { $0 < bytes.count && Character(UnicodeScalar(bytes[$0])).isHexDigit }
        return bytes.indices.allSatisfy {
            bytes[$0] != UInt8(ascii: "%") || isDigit($0 + 1) && isDigit($0 + 2)
        }
    }

    private static func escape(_ bytes: some Sequence<UInt8>, keeping keeps: (UInt8) -> Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var escaped: [UInt8] = []
        for byte in bytes {
            if keeps(byte) {
                escaped.append(byte)
            } else {
                escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}

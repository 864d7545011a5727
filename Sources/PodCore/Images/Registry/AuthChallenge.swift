/// One way in that a server names in a `WWW-Authenticate` header. (RFC 9110 §11.6.1.)
public struct AuthChallenge: Hashable, Sendable {
    /// In lower case: `bearer`, `basic`.
    public let scheme: String
    /// By name in lower case; the first of equal names counts.
    public let parameters: [String: String]

    /// Reads all challenges of a header. What cannot be read ends the reading; what came before it counts.
    public static func parse(_ header: String) -> [AuthChallenge] {
        var reader = Reader(rest: Array(header.utf8)[...])
        return reader.challenges()
    }
}

/// Takes such a header apart. Commas stand between challenges and between a challenge's parameters; what follows a
/// name tells which: `=` makes it a parameter, anything else the next scheme.
private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func challenges() -> [AuthChallenge] {
        var found: [AuthChallenge] = []
        var scheme: String?
        var parameters: [String: String] = [:]
        func finish() {
            if let scheme { found.append(AuthChallenge(scheme: scheme, parameters: parameters)) }
        }
        while true {
            skip { $0 == UInt8(ascii: ",") || Self.isBlank($0) }
            let name = token().lowercased()
            if name.isEmpty { break }
            skip(while: Self.isBlank)
            if rest.first == UInt8(ascii: "="), scheme != nil {
                rest.removeFirst()
                skip(while: Self.isBlank)
                guard let value = value() else { break }
                if parameters[name] == nil { parameters[name] = value }
            } else {
                finish()
                (scheme, parameters) = (name, [:])
            }
        }
        finish()
        return found
    }

    private mutating func token() -> String {
        let end = rest.firstIndex { !$0.isTokenByte } ?? rest.endIndex
        defer { rest = rest[end...] }
        return String(decoding: rest[..<end], as: UTF8.self)
    }

    /// A token or a quoted string; nil when the quotes are not closed.
    private mutating func value() -> String? {
        guard rest.first == UInt8(ascii: "\"") else {
            // Some servers leave the quotes out, around URLs too.
            let end = rest.firstIndex { $0 == UInt8(ascii: ",") || Self.isBlank($0) } ?? rest.endIndex
            defer { rest = rest[end...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }
        rest.removeFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"): if let next = rest.popFirst() { bytes.append(next) }
            default: bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func skip(while isSkipped: (UInt8) -> Bool) {
        rest = rest.drop(while: isSkipped)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

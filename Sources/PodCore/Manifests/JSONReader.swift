/// Reads JSON (RFC 8259), and its extension JSON5 for manifests that people write by hand: comments, unquoted keys,
/// single quotes, trailing commas, hexadecimal numbers.
///
/// It exists beside the Foundation's decoder because a manifest needs what that one forgets: the line of every
/// value, the order of keys, keys that occur twice, and limits on hostile input.
public struct JSONReader {
    /// The language to accept.
    public enum Dialect: Sendable {
        case json
        case json5
    }

    private let bytes: [UInt8]
    private let dialect: Dialect
    private let limits: ManifestLimits
    private let duplicateKeys: DuplicateKeys
    private var position = 0
    private var line = 1
    private var depth = 0
    private var values = 0
    private var problems: [ManifestProblem] = []

    /// Reads all values of `bytes`; several may stand one after the other, as documents do in YAML.
    public static func read(
        _ bytes: [UInt8],
        dialect: Dialect = .json,
        duplicateKeys: DuplicateKeys = .kept,
        limits: ManifestLimits = ManifestLimits()
    ) -> ParsedManifest {
        var reader = JSONReader(bytes, dialect, duplicateKeys, limits)
        var documents: [Document] = []
        do {
            try reader.begin()
            while try reader.skipBlanks() { documents.append(try reader.value()) }
        } catch {
            reader.problems.append(error)
        }
        return ParsedManifest(documents: documents, problems: reader.problems)
    }

    private init(_ bytes: [UInt8], _ dialect: Dialect, _ keys: DuplicateKeys, _ limits: ManifestLimits) {
        self.bytes = bytes
        self.dialect = dialect
        self.duplicateKeys = keys
        self.limits = limits
    }

    private mutating func begin() throws(ManifestProblem) {
        guard bytes.count <= limits.bytes else {
            throw ManifestProblem(message: "longer than \(limits.bytes) bytes")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    private func failure(_ message: String) -> ManifestProblem {
        ManifestProblem(line: line, message: message)
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func peek(_ offset: Int) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    /// What stands at the current position, for messages.
    private var found: String {
        guard let current else { return "the end of the file" }
        guard current >= 0x20, current < 0x7F else { return "byte 0x" + String(current, radix: 16) }
        return "'\(Character(Unicode.Scalar(current)))'"
    }

    // MARK: Values

    private mutating func value() throws(ManifestProblem) -> Document {
        guard try skipBlanks(), let first = current else {
            throw failure("a value is missing before the end of the file")
        }
        values += 1
        guard values <= limits.values else { throw failure("more than \(limits.values) values") }
        let start = line
        switch first {
        case UInt8(ascii: "{"): return Document(try nested(Self.map), line: start)
        case UInt8(ascii: "["): return Document(try nested(Self.list), line: start)
        case UInt8(ascii: "\""): return Document(.string(try string()), line: start)
        case UInt8(ascii: "'") where dialect == .json5: return Document(.string(try string()), line: start)
        case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return Document(try number(), line: start)
        default: return Document(try word(), line: start)
        }
    }

    private mutating func nested(
        _ body: (inout JSONReader) throws(ManifestProblem) -> Document.Value
    ) throws(ManifestProblem) -> Document.Value {
        guard depth < limits.depth else { throw failure("nested more than \(limits.depth) levels deep") }
        depth += 1
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private static func list(_ reader: inout JSONReader) throws(ManifestProblem) -> Document.Value {
        var items: [Document] = []
        while try !reader.ends(with: UInt8(ascii: "]"), afterElement: !items.isEmpty, of: "list") {
            items.append(try reader.value())
        }
        return .list(items)
    }

    private static func map(_ reader: inout JSONReader) throws(ManifestProblem) -> Document.Value {
        var entries: [Document.Entry] = []
        var seen = Set<String>()
        while try !reader.ends(with: UInt8(ascii: "}"), afterElement: !entries.isEmpty, of: "map") {
            let line = reader.line
            let key = try reader.key()
            if !seen.insert(key).inserted, reader.duplicateKeys == .refused {
                reader.problems.append(.duplicateKey(key, line: line))
            }
            guard try reader.skipBlanks(), reader.current == UInt8(ascii: ":") else {
                throw reader.failure(
                    "expected ':' after the key \(Document.jsonString(key)), found \(reader.found)"
                )
            }
            reader.position += 1
            entries.append(Document.Entry(key, try reader.value()))
        }
        return .map(entries)
    }

    /// Whether the list or map is over; otherwise the position is at its next element.
    private mutating func ends(
        with end: UInt8,
        afterElement: Bool,
        of container: String
    ) throws(ManifestProblem) -> Bool {
        let closing = Character(Unicode.Scalar(end))
        guard try skipBlanks() else {
            throw failure("the \(container) is not closed: '\(closing)' is missing")
        }
        if current == end {
            position += 1
            return true
        }
        guard afterElement else { return false }
        guard current == UInt8(ascii: ",") else {
            throw failure("expected ',' or '\(closing)', found \(found)")
        }
        position += 1
        guard try skipBlanks() else {
            throw failure("the \(container) is not closed: '\(closing)' is missing")
        }
        guard current == end else { return false }
        guard dialect == .json5 else { throw failure("a comma before '\(closing)'") }
        position += 1
        return true
    }

    private mutating func key() throws(ManifestProblem) -> String {
        if current == UInt8(ascii: "\"") { return try string() }
        guard dialect == .json5 else { throw failure("expected a key in double quotes, found \(found)") }
        if current == UInt8(ascii: "'") { return try string() }
        let start = position
        while let byte = current, Self.isIdentifier(byte) { position += 1 }
        guard position > start, !Self.isDigit(bytes[start]) else {
            throw failure("expected a key, found \(found); keys other than plain words need quotes")
        }
        return try text(bytes[start..<position])
    }

    private mutating func word() throws(ManifestProblem) -> Document.Value {
        let start = position
        while let byte = current, Self.isIdentifier(byte) { position += 1 }
        let word = try text(bytes[start..<position])
        switch word {
        case "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "": throw failure("expected a value, found \(found)")
        case "Infinity", "NaN": throw failure("\(word) is a number that no field takes")
        default: throw failure("'\(word)' is not a value; strings need quotes")
        }
    }

    private mutating func number() throws(ManifestProblem) -> Document.Value {
        let start = position
        while let byte = current, Self.isIdentifier(byte) || "+-.".utf8.contains(byte) { position += 1 }
        let spelling = bytes[start..<position]
        do throws(JSONNumber.Refusal) {
            return try JSONNumber(spelling, dialect: dialect).value
        } catch {
            throw failure("'\(try text(spelling))' \(error.reason)")
        }
    }

    // MARK: Strings

    private mutating func string() throws(ManifestProblem) -> String {
        let quote = bytes[position]
        position += 1
        let start = position
        while let byte = current, byte != quote, byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        if current == quote {
            position += 1
            return try text(bytes[start..<position - 1])
        }
        var content = Array(bytes[start..<position])
        while let byte = current {
            position += 1
            switch byte {
            case quote: return try text(content[...])
            case UInt8(ascii: "\\"): try escape(into: &content)
            case 0..<0x20:
                position -= 1
                throw failure("\(found) inside a string; it must be escaped")
            default: content.append(byte)
            }
        }
        throw failure("a string is not closed before the end of the file")
    }

    private mutating func escape(into content: inout [UInt8]) throws(ManifestProblem) {
        guard let byte = current else { throw failure("a string is not closed before the end of the file") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content += Array(String(try escapedScalar()).utf8)
        case UInt8(ascii: "'") where dialect == .json5: content.append(byte)
        case UInt8(ascii: "v") where dialect == .json5: content.append(0x0B)
        case UInt8(ascii: "x") where dialect == .json5:
            guard let scalar = Unicode.Scalar(try hexadecimal(digits: 2)) else { return }
            content += Array(String(scalar).utf8)
        case 0x0A where dialect == .json5: line += 1
        case 0x0D where dialect == .json5:
            if current == 0x0A { position += 1 }
            line += 1
        default: throw failure("a backslash before something that cannot be escaped in a string")
        }
    }

    /// The scalar of `\uXXXX`, or of two such escapes that are a surrogate pair (RFC 8259 section 7).
    private mutating func escapedScalar() throws(ManifestProblem) -> Character {
        let unit = try hexadecimal(digits: 4)
        if let scalar = Unicode.Scalar(unit) { return Character(scalar) }
        if unit < 0xDC00, current == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u") {
            position += 2
            let low = try hexadecimal(digits: 4)
            if (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
            {
                return Character(scalar)
            }
        }
        throw failure("\\u escapes half of a surrogate pair")
    }

    private mutating func hexadecimal(digits: Int) throws(ManifestProblem) -> UInt32 {
        let end = position + digits
        guard end <= bytes.count, bytes[position..<end].allSatisfy(Self.isHexadecimal),
            let value = UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
        else { throw failure("an escape in a string needs \(digits) hexadecimal digits") }
        position = end
        return value
    }

    private func text(_ slice: ArraySlice<UInt8>) throws(ManifestProblem) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else { throw failure("not valid UTF-8") }
        return text
    }

    // MARK: Blanks and comments

    /// Moves to the next byte that means something; false at the end of the text.
    private mutating func skipBlanks() throws(ManifestProblem) -> Bool {
        while let byte = current {
            switch byte {
            case 0x0A:
                line += 1
                position += 1
            case 0x20, 0x09, 0x0D: position += 1
            case UInt8(ascii: "/") where dialect == .json5: try skipComment()
            default: return true
            }
        }
        return false
    }

    private mutating func skipComment() throws(ManifestProblem) {
        switch peek(1) {
        case UInt8(ascii: "/"):
            while let byte = current, byte != 0x0A { position += 1 }
        case UInt8(ascii: "*"):
            let start = line
            position += 2
            while current != UInt8(ascii: "*") || peek(1) != UInt8(ascii: "/") {
                guard let byte = current else {
                    throw ManifestProblem(line: start, message: "a comment is not closed: '*/' is missing")
                }
                if byte == 0x0A { line += 1 }
                position += 1
            }
            position += 2
        default: throw failure("expected a value, found '/'")
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    /// The ASCII letters, digits, `_`, `$`, and everything beyond ASCII, as JSON5 lets unquoted keys have.
    private static func isIdentifier(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x5F || byte == 0x24 || byte >= 0x80
    }
}

extension ManifestProblem {
    /// The words for a key that stands twice in one map.
    public static func duplicateKey(_ key: String, line: Int) -> ManifestProblem {
        ManifestProblem(
            line: line,
            message: "the key \(Document.jsonString(key)) stands twice in the same map"
        )
    }
}

/// How one string is spelt in YAML so that every reader, also those that follow YAML 1.1, gets the string back.
struct YAMLScalar {
    private let string: String
    private let bytes: [UInt8]

    init(_ string: String) {
        self.string = string
        self.bytes = Array(string.utf8)
    }

    /// The spelling that fits on one line: plain if that is safe, in single quotes if only the characters are in
    /// the way, in double quotes if the type or an unprintable character is.
    var inline: String {
        if !isPrintable || bytes.contains(0x0A) || readsAsAnotherType { return doubleQuoted }
        return isPlain ? string : singleQuoted
    }

    /// Whether a literal block can carry the string: several lines, all printable, no line that ends in a blank
    /// (easily lost by editors) and no leading blank or empty line (they would need an indentation indicator).
    var mayBeBlock: Bool {
        guard bytes.contains(0x0A), isPrintable, let first = bytes.first, first != 0x20, first != 0x0A else {
            return false
        }
        return !zip(bytes, bytes.dropFirst()).contains { $0 == 0x20 && $1 == 0x0A } && bytes.last != 0x20
    }

    /// Printable in YAML's sense (section 5.1), newline included, other line breaks and the byte order mark not.
    private var isPrintable: Bool {
        string.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0x0A, 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD,
                0x10000...0x10FFFF:
                true
            default: false
            }
        }
    }

    private var isPlain: Bool {
        guard let first = bytes.first, let last = bytes.last, first != 0x20, last != 0x20, last != 0x3A else {
            return false
        }
        if "#,[]{}&*!|>'\"%@`".utf8.contains(first) { return false }
        if "-?:".utf8.contains(first), bytes.count == 1 || bytes[1] == 0x20 { return false }
        if string.hasPrefix("---") || string.hasPrefix("...") { return false }
        return !zip(bytes, bytes.dropFirst()).contains { pair in
            (pair.0 == 0x3A && pair.1 == 0x20) || (pair.0 == 0x20 && pair.1 == 0x23)
        }
    }

    private var singleQuoted: String {
        var text = "'"
        for character in string.unicodeScalars {
            if character == "'" { text += "'" }
            text.unicodeScalars.append(character)
        }
        return text + "'"
    }

    /// JSON's escapes are a subset of YAML's, save that YAML also wants the unprintable above ASCII escaped.
    private var doubleQuoted: String {
        var text = ""
        for scalar in Document.jsonString(string).unicodeScalars {
            switch scalar.value {
            case 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// Whether the plain spelling would resolve to null, a boolean, a number, a date or a merge key in YAML 1.1
    /// or 1.2. Errs on the side of quoting.
    private var readsAsAnotherType: Bool {
        guard let first = bytes.first else { return true }
        if Self.words.contains(string.lowercased()) { return true }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        switch first {
        case digits: return looksNumeric(from: 0)
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            guard bytes.count > 1 else { return false }
            if bytes[1] == UInt8(ascii: "."), first != bytes[1] {
                return bytes.count > 2 && looksNumeric(from: 2)
            }
            return digits.contains(bytes[1]) && looksNumeric(from: 1)
        default: return false
        }
    }

    private static let words: Set<String> = [
        "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<", ".inf", "-.inf", "+.inf",
        ".nan",
    ]

    /// Whether the rest has only characters of numbers, base-60 numbers or timestamps, with a `T`, `Z`, `x`, `o`,
    /// `b` or `e` where those may stand. `1.2.3.4` and `2m` are no numbers, `1.5`, `1_000`, `0x1F`, `12e03`,
    /// `190:20:30` and `2026-01-02T03:04:05Z` are.
    private func looksNumeric(from start: Int) -> Bool {
        let rest = bytes[start...]
        if rest.starts(with: "0x".utf8) || rest.starts(with: "0X".utf8) {
            return rest.dropFirst(2).allSatisfy { Character(Unicode.Scalar($0)).isHexDigit || $0 == 0x5F }
        }
        var exponents = 0
        var dots = 0
        for (index, byte) in zip(rest.indices, rest) {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): continue
            case UInt8(ascii: "."): dots += 1
            case UInt8(ascii: "e"), UInt8(ascii: "E"): exponents += 1
            case UInt8(ascii: "+"), UInt8(ascii: "-"):
                let previous = index > rest.startIndex ? bytes[index - 1] : 0
                if previous != UInt8(ascii: "e"), previous != UInt8(ascii: "E") { return looksLikeDate }
            case UInt8(ascii: ":"): if index == rest.endIndex - 1 { return false }
            case UInt8(ascii: "o"), UInt8(ascii: "b"):
                if index != rest.startIndex + 1 || bytes[rest.startIndex] != UInt8(ascii: "0") {
                    return false
                }
            case UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " "), UInt8(ascii: "Z"):
                return looksLikeDate
            default: return false
            }
        }
        return exponents <= 1 && dots <= 1
    }

    /// Whether the string begins as a date does: four digits, a dash, one or two digits, a dash.
    private var looksLikeDate: Bool {
        let parts = string.split(separator: "-", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, (1...2).contains(parts[1].utf8.count) else {
            return false
        }
        return (parts[0] + parts[1]).utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            && parts[2].utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } == true
    }
}

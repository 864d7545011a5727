/// What a plain YAML scalar means, by the rules of the parser that Kubernetes reads manifests with (a YAML 1.1
/// parser with a few habits of 1.2), so that a file means here what it means to `kubectl`:
///
/// - `yes`, `on`, `y` and their opposites are booleans, in the spellings of YAML 1.1;
/// - `0644` and `0o644` are octal, `0x1A4` and `0b1` what they look like, `_` between digits is skipped;
/// - base-60 numbers (`12:30`) and dates are strings;
/// - a number with a fraction that is whole (`1e3`, `2.0`) is an integer, which is what it becomes on the way
///   through JSON.
public enum YAMLCoreScalar {
    /// The value of a plain scalar. Infinities and not-a-number come back as such; no field can take them.
    public static func resolve(_ text: String) -> Document.Value {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": return .bool(true)
        case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": return .bool(false)
        case ".nan", ".NaN", ".NAN": return .number(.nan)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
        default: return number(text) ?? .string(text)
        }
    }

    private static func number(_ text: String) -> Document.Value? {
        guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first) else { return nil }
        let plain = first == UInt8(ascii: ".") ? text : String(text.filter { $0 != "_" })
        if first != UInt8(ascii: "."), let value = integer(plain) { return value }
        guard isDecimal(plain), let value = Double(plain), value.isFinite else { return nil }
        return whole(value)
    }

    /// An integer in the bases of Go's `strconv.ParseInt(text, 0, 64)`. What does not fit 64 bits goes on as a
    /// number with a fraction.
    private static func integer(_ text: String) -> Document.Value? {
        var digits = Substring(text)
        let isNegative = digits.first == "-"
        if isNegative || digits.first == "+" { digits = digits.dropFirst() }
        var radix = 10
        if digits.count > 1, digits.first == "0" {
            switch digits.dropFirst().first {
            case "x", "X": (radix, digits) = (16, digits.dropFirst(2))
            case "b", "B": (radix, digits) = (2, digits.dropFirst(2))
            case "o", "O": (radix, digits) = (8, digits.dropFirst(2))
            default: (radix, digits) = (8, digits.dropFirst())
            }
        }
        // A second sign would otherwise be accepted: Int64("+1") is a number.
        guard let first = digits.first, first != "-", first != "+" else { return nil }
        return Int64((isNegative ? "-" : "") + digits, radix: radix).map { .integer($0) }
    }

    private static func whole(_ value: Double) -> Document.Value {
        // 2^63 is the first Double that no longer fits.
        guard value == value.rounded(), abs(value) < 9_223_372_036_854_775_808 else { return .number(value) }
        return .integer(Int64(value))
    }

    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
    private static func isDecimal(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        func digits() -> Int {
            let count = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }.count
            rest = rest.dropFirst(count)
            return count
        }
        func skip(_ characters: StaticString) -> Bool {
            guard let first = rest.first else { return false }
            let found = characters.withUTF8Buffer { $0.contains(first) }
            if found { rest = rest.dropFirst() }
            return found
        }
        _ = skip("+-")
        let before = digits()
        let after = skip(".") ? digits() : 0
        guard before + after > 0 else { return false }
        guard skip("eE") else { return rest.isEmpty }
        _ = skip("+-")
        return digits() > 0 && rest.isEmpty
    }
}

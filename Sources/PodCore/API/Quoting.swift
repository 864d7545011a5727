extension String {
    /// The text in double quotes with Go's escapes (`%q`), as Kubernetes' messages quote names and values.
    public var quoted: String {
        guard utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C || $0 >= 0x7F }) else {
            return "\"" + self + "\""
        }
        var text = "\""
        for scalar in unicodeScalars { text += scalar.quotedInGo }
        return text + "\""
    }
}

extension Unicode.Scalar {
    fileprivate var quotedInGo: String {
        switch self {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\u{7}": return "\\a"
        case "\u{8}": return "\\b"
        case "\u{C}": return "\\f"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\u{B}": return "\\v"
        default: break
        }
        if value < 0x20 || value == 0x7F { return "\\x" + hexadecimal(2) }
        switch properties.generalCategory {
        case .control, .format, .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator where value != 0x20:
            return value > 0xFFFF ? "\\U" + hexadecimal(8) : "\\u" + hexadecimal(4)
        default: return String(self)
        }
    }

    private func hexadecimal(_ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

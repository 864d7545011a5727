/// Whether a text is an IP address.
enum AddressRules {
    /// The rule that the text breaks, if any.
    static func address(_ text: String) -> [String] {
        isIPv4(text) || isIPv6(text)
            ? [] : ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    }

    /// Four numbers up to 255. Leading zeros are refused, because some readers take them for octal.
    static func isIPv4(_ text: some StringProtocol) -> Bool {
        let parts = text.utf8.split(separator: UInt8.dot, omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                guard (1...3).contains(part.count), part.allSatisfy(\.isDecimalDigit) else { return false }
                if part.count > 1, part.first == UInt8(ascii: "0") { return false }
                return part.reduce(0) { $0 * 10 + Int($1) - 48 } <= 255
            }
    }

    /// Eight groups of hexadecimal digits, of which `::` stands for some that are zero; the last two may be written
    /// as an IPv4 address (RFC 4291, section 2.2). A zone is not part of an address.
    static func isIPv6(_ text: String) -> Bool {
        let halves = split(text, at: "::")
        guard halves.count <= 2, let last = halves.last else { return false }
        var groups = 0
        for half in halves where !half.isEmpty {
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if index == parts.count - 1, half == last, isIPv4(part) {
                    groups += 2
                } else if (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit),
                    part.utf8.count == part.count
                {
                    groups += 1
                } else {
                    return false
                }
            }
        }
        return halves.count == 2 ? groups <= 7 : groups == 8
    }

    private static func split(_ text: String, at separator: String) -> [Substring] {
        var parts: [Substring] = []
        var start = text.startIndex
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix(separator) {
                parts.append(text[start..<index])
                index = text.index(index, offsetBy: separator.count)
                start = index
            } else {
                index = text.index(after: index)
            }
        }
        return parts + [text[start...]]
    }
}

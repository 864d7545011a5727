/// The productions of the distribution project's reference grammar that a name's parts must match.
enum ReferenceGrammar {
    /// Host components of letters, digits and inner hyphens, or an IPv6 address in brackets; then perhaps a port.
    static func isDomain(_ text: String) -> Bool {
        var host = Array(text.utf8)[...]
        if let colon = host.lastIndex(of: UInt8(ascii: ":")), host.last != UInt8(ascii: "]") {
            let port = host[(colon + 1)...]
            guard !port.isEmpty, port.allSatisfy(isDigit) else { return false }
            host = host[..<colon]
        }
        if host.first == UInt8(ascii: "[") {
            guard host.last == UInt8(ascii: "]"), host.count > 2 else { return false }
            return host.dropFirst().dropLast().allSatisfy { isHex($0) || $0 == UInt8(ascii: ":") }
        }
        return host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .allSatisfy(isDomainComponent)
    }

    private static func isDomainComponent(_ component: ArraySlice<UInt8>) -> Bool {
        guard let first = component.first, let last = component.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && component.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    /// Components between slashes: runs of lower-case letters and digits, separated by `.`, `_`, `__` or hyphens.
    static func isPath(_ text: String) -> Bool {
        Array(text.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .allSatisfy(isPathComponent)
    }

    private static func isPathComponent(_ component: ArraySlice<UInt8>) -> Bool {
        guard let first = component.first, let last = component.last, isLower(first), isLower(last) else {
            return false
        }
        let separators = component.split(omittingEmptySubsequences: true, whereSeparator: isLower)
        return separators.allSatisfy { run in
            if run.allSatisfy({ $0 == UInt8(ascii: "-") }) { return true }
            if run.allSatisfy({ $0 == UInt8(ascii: "_") }) { return run.count <= 2 }
            return run.count == 1 && run.first == UInt8(ascii: ".")
        }
    }

    /// A letter, digit or underscore, then up to 127 of those, dots and hyphens.
    static func isTag(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 128, isWord(first) else { return false }
        return bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// `algorithm:hex` loosely; ``Digest`` then says which algorithm and length it must be.
    static func isDigest(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let value = bytes[(colon + 1)...]
        let components = bytes[..<colon]
            .split(omittingEmptySubsequences: false) { "-_+.".utf8.contains($0) }
        return value.count >= 32 && value.allSatisfy(isHex)
            && components.allSatisfy { component in
                component.first.map(isLetter) ?? false && component.allSatisfy(isAlphanumeric)
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
    }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }
    private static func isLower(_ byte: UInt8) -> Bool { isDigit(byte) || (byte >= 97 && byte <= 122) }
    private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
    private static func isHex(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102)
    }
}

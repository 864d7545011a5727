/// The parts of a URL reference (RFC 3986 §4.1), with path and query in the form in which they are sent. The fragment and
/// a user's name are left out.
struct HTTPReference: Hashable {
    /// In lower case; nil when the reference is relative.
    let scheme: String?
    /// Without brackets; nil when there is no authority.
    let host: String?
    let port: UInt16?
    /// Escaped.
    let path: String
    let query: String?
    /// A scheme and then neither `//` nor `/`, such as `mailto:somebody`.
    let isOpaque: Bool

    /// Takes a text apart; nil when it has control characters, an escape that is none, or a port that is none.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        var rest = text.prefix { $0 != "#" }
        (scheme, rest) = Self.scheme(rest)
        (query, rest) = Self.query(rest)
        guard let authority = Self.authority(rest) else { return nil }
        (host, port, rest) = authority
        isOpaque = scheme != nil && host == nil && !rest.hasPrefix("/")
        // A colon in the first part of a relative path would be a scheme's.
        if scheme == nil, host == nil, rest.prefix(while: { $0 != "/" }).contains(":") { return nil }
        guard let path = HTTPTarget.escapedPath(rest) else { return nil }
        self.path = path
    }

    private static func scheme(_ text: Substring) -> (String?, Substring) {
        guard let colon = text.firstIndex(of: ":"), let first = text.utf8.first,
            Character(UnicodeScalar(first)).isLetter, first < 0x80
        else { return (nil, text) }
        let scheme = text[..<colon]
        let isValid = scheme.utf8.allSatisfy { byte in
            "+-.".utf8.contains(byte)
                || byte < 0x80
                    && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber)
        }
        return isValid ? (scheme.lowercased(), text[text.index(after: colon)...]) : (nil, text)
    }

    private static func query(_ text: Substring) -> (String?, Substring) {
        guard let mark = text.firstIndex(of: "?") else { return (nil, text) }
        let query = text[text.index(after: mark)...]
        return (HTTPTarget.escapedQuery(query), text[..<mark])
    }

    private static func authority(_ text: Substring) -> (String?, UInt16?, Substring)? {
        guard text.hasPrefix("//") else { return (nil, nil, text) }
        let end = text.dropFirst(2).firstIndex(of: "/") ?? text.endIndex
        var authority = text[..<end].dropFirst(2)
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        var host = authority
        var port: Substring = ""
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return nil }
            host = authority[..<bracket].dropFirst()
            port = authority[authority.index(after: bracket)...]
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            port = authority[colon...]
            if host.contains(":") { return nil }
        }
        // "host:" is the host with the scheme's own port.
        if port.isEmpty || port == ":" { return (String(host), nil, text[end...]) }
        guard port.hasPrefix(":"), let number = UInt16(port.dropFirst()), number > 0 else { return nil }
        return (String(host), number, text[end...])
    }
}

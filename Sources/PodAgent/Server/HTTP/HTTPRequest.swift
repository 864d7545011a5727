/// The head of a request (RFC 9112 section 3), checked.
struct HTTPRequestHead: Hashable, Sendable {
    /// `GET`, `POST` and so on, as it was sent: methods are case-sensitive.
    var method: String
    /// The path and query as they were sent, percent-encoded, with a leading slash.
    var target: String
    /// The minor version: 0 or 1.
    var minorVersion: Int
    /// In the order in which they came; names in lower case.
    var headers: HTTPHeaders
    /// What follows the head.
    var body: Body = .none

    enum Body: Hashable, Sendable {
        case none
        case length(Int)
        case chunked
    }

    /// Whether the client waits for `100 Continue` before it sends the body.
    var expectsContinue = false

    /// Whether the connection may carry another request after this one (RFC 9112 section 9.3).
    var keepsAlive: Bool {
        let options = headers.tokens("connection")
        if options.contains("close") { return false }
        return minorVersion == 1 || options.contains("keep-alive")
    }
}

/// Header fields, by name in lower case.
struct HTTPHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    private(set) var fields: [Field] = []

    struct Field: Hashable, Sendable {
        var name: String
        var value: String
    }

    init() {}

    init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }

    mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name.lowercased(), value: value))
    }

    /// The first value under a name.
    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// The comma-separated elements of all fields of a name, in lower case and without blanks.
    func tokens(_ name: String) -> [String] { elements(name).map { $0.lowercased() } }

    /// The comma-separated elements of all fields of a name, without blanks around them.
    func elements(_ name: String) -> [String] {
        all(name).flatMap { $0.split(separator: ",") }.map { $0.trimmingBlanks }.filter { !$0.isEmpty }
    }
}

/// A request that has arrived whole.
struct HTTPRequest: Sendable {
    var head: HTTPRequestHead
    var body: [UInt8]
}

extension StringProtocol {
    /// Without spaces and tabs at both ends, HTTP's optional white space.
    var trimmingBlanks: String {
        let utf8 = Array(self.utf8)
        guard let first = utf8.firstIndex(where: { $0 != 0x20 && $0 != 0x09 }),
            let last = utf8.lastIndex(where: { $0 != 0x20 && $0 != 0x09 })
        else { return "" }
        return String(decoding: utf8[first...last], as: UTF8.self)
    }
}

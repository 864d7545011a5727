import PodCore

/// The path and query of a request, percent-decoded.
struct RequestTarget: Hashable, Sendable {
    /// The segments of the path, each decoded by itself, so that an encoded slash never makes a segment of its own.
    let path: [String]
    /// The query's parameters in their order.
    let query: [Parameter]

    struct Parameter: Hashable, Sendable {
        let name: String
        let value: String
    }

    /// Throws 400 for what has no single meaning: a `%` that encodes nothing, what is not UTF-8 or has a NUL, and in
    /// the path control characters, `.` and `..`. (A query may have control characters: the arguments of an exec do.)
    init(_ target: String) throws(StatusFailure) {
        let bytes = Array(target.utf8)
        guard !bytes.contains(0x23) else { throw .badRequest("the path contains a fragment") }
        let question = bytes.firstIndex(of: 0x3F) ?? bytes.count
        var path: [String] = []
        for segment in bytes[..<question].split(separator: 0x2F) {
            let text = try Self.decode(segment, plusIsSpace: false)
            guard text != ".", text != "..", text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x2F && $0 != 0x7F })
            else {
                throw .badRequest("the path contains a segment that is no name")
            }
            path.append(text)
        }
        self.path = path
        var query: [Parameter] = []
        for pair in bytes[question...].dropFirst().split(separator: 0x26) {
            let equals = pair.firstIndex(of: 0x3D) ?? pair.endIndex
            query.append(
                Parameter(
                    name: try Self.decode(pair[..<equals], plusIsSpace: true),
                    value: try Self.decode(pair[equals...].dropFirst(), plusIsSpace: true)
                )
            )
        }
        self.query = query
    }

    /// The first value of a parameter, as Kubernetes takes it.
    subscript(name: String) -> String? { query.first { $0.name == name }?.value }

    func all(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

    /// A parameter that is true or false. Like Kubernetes' conversion from a query: absent is false, and so are
    /// `false` and `0`; anything else, also the empty text, is true.
    func flag(_ name: String) -> Bool {
        guard let value = self[name] else { return false }
        return value.lowercased() != "false" && value != "0"
    }

    /// An integer; 400 with Go's words when it is none. Empty counts as absent.
    func integer(_ name: String) throws(StatusFailure) -> Int64? {
        guard let text = self[name], !text.isEmpty else { return nil }
        if let value = Int64(text) { return value }
        let digits = text.utf8.drop { $0 == 0x2B || $0 == 0x2D }
        let cause = !digits.isEmpty && digits.allSatisfy(\.isDigit) ? "value out of range" : "invalid syntax"
        throw .badRequest("strconv.ParseInt: parsing \(text.quoted): \(cause)")
    }

    private static func decode(
        _ bytes: ArraySlice<UInt8>,
        plusIsSpace: Bool
    ) throws(StatusFailure) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var rest = bytes
        while let byte = rest.popFirst() {
            switch byte {
            case 0x25:
                let digits = rest.prefix(2)
                guard digits.count == 2, digits.allSatisfy(\.isHexDigit),
                    let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                else { throw .badRequest("invalid URL escape in the request") }
                decoded.append(value)
                rest = rest.dropFirst(2)
            case 0x2B where plusIsSpace: decoded.append(0x20)
            default: decoded.append(byte)
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self), !decoded.contains(0) else {
            throw .badRequest("the request's URL is not UTF-8 text")
        }
        return text
    }
}

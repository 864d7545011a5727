/// One request, ready to be sent.
public struct HTTPProbeRequest: Hashable, Sendable {
    /// Where to.
    public var location: HTTPLocation
    /// The value of `Host`.
    public var host: String
    /// All other headers. An empty value is sent as such.
    public var headers: [HTTPHeader]

    /// Why a request cannot be sent, in the words of Go's client.
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// A character that no name of a header has.
        case headerName(String)
        /// A line break or another control character, with which a value could become a header or a request of its own.
        case headerValue(name: String)
        /// As for a value, of `Host`.
        case host

        /// In words.
        public var description: String {
            switch self {
            case .headerName(let name): "net/http: invalid header field name \(name.quoted)"
            case .headerValue(let name): "net/http: invalid header field value for \(name.quoted)"
            case .host: "http: invalid Host header"
            }
        }
    }

    /// Names that say how the message is framed. They are the client's to write, and Go's leaves out what was given.
    private static let framing: Set<String> = ["Content-Length", "Transfer-Encoding", "Trailer"]

    /// Applies the rules for headers (reference §5.4, HTTP 3): `User-Agent` and `Accept` unless they are given, none where
    /// they are given empty; `Host` sets the host; repeated headers are all sent; the connection is for this request.
    public init(_ call: HTTPCall, at location: HTTPLocation, purpose: NetworkCall.Purpose) throws(Failure) {
        var given: [HTTPHeader] = []
        for header in call.headers { given.append(try Self.checked(header)) }
        func first(_ name: String) -> String? { given.first { $0.name == name }?.value }

        let host = first("Host") ?? ""
        guard host.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { throw .host }
        self.location = location
        self.host = host.isEmpty ? location.authority : host

        let agent = first("User-Agent") ?? purpose.userAgent
        headers = agent.isEmpty ? [] : [HTTPHeader(name: "User-Agent", value: agent)]
        switch first("Accept") {
        case nil: headers.append(HTTPHeader(name: "Accept", value: "*/*"))
        case "": given.removeAll { $0.name == "Accept" }
        case .some: break
        }
        headers += given.filter {
            $0.name != "Host" && $0.name != "User-Agent" && !Self.framing.contains($0.name)
        }
        if first("Upgrade") == nil, first("Connection")?.lowercased() != "close" {
            headers.append(HTTPHeader(name: "Connection", value: "close"))
        }
    }

    private static func checked(_ header: HTTPHeader) throws(Failure) -> HTTPHeader {
        guard !header.name.isEmpty, header.name.utf8.allSatisfy(\.isTokenByte) else {
            throw .headerName(header.name)
        }
        guard header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw .headerValue(name: header.name)
        }
        return HTTPHeader(name: canonical(header.name), value: trimmed(header.value))
    }

    /// `x-real-ip` becomes `X-Real-Ip`, as Go writes it.
    private static func canonical(_ name: String) -> String {
        name.split(separator: "-", omittingEmptySubsequences: false)
            .map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }
            .joined(separator: "-")
    }

    private static func trimmed(_ value: String) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let bytes = value.utf8.drop(while: isBlank)
        let end = bytes.lastIndex { !isBlank($0) }.map { bytes.index(after: $0) } ?? bytes.startIndex
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

extension NetworkCall.Purpose {
    /// What it calls itself: the version is that of the kubelet whose behaviour this is.
    public var userAgent: String {
        switch self {
        case .probe: "kube-probe/1.36"
        case .hook: "kube-lifecycle/1.36"
        }
    }
}

extension HTTPHeader {
    /// Makes one.
    public init(name: String, value: String) {
        self.init()
        self.name = name
        self.value = value
    }
}

extension UInt8 {
    /// Whether it may be in a token, RFC 9110 §5.6.2.
    var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(self)
        }
    }
}

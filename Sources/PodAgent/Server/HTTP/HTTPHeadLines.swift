/// The lines of a request's head, read one after the other.
struct HTTPHeadLines {
    /// Bytes so far, line ends included.
    var bytes = 0
    private(set) var headers = HTTPHeaders()
    private var method = ""
    private var target = ""
    private var minorVersion = 1

    private static let methodBytesMax = 32

    /// `GET /path HTTP/1.1`, with exactly one space each.
    mutating func readRequestLine(_ line: [UInt8]) throws(HTTPRefusal) {
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .bad("malformed request line") }
        guard !parts[0].isEmpty, parts[0].count <= Self.methodBytesMax, parts[0].allSatisfy(\.isTokenByte)
        else {
            throw .bad("malformed method")
        }
        method = String(decoding: parts[0], as: UTF8.self)
        switch String(decoding: parts[2], as: UTF8.self) {
        case "HTTP/1.1": minorVersion = 1
        case "HTTP/1.0": minorVersion = 0
        case let version where version.hasPrefix("HTTP/"):
            throw HTTPRefusal(status: 505, message: "only HTTP/1.1 and HTTP/1.0 are spoken here")
        default: throw .bad("malformed request line")
        }
        guard parts[1].allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .bad("malformed request target")
        }
        target = try Self.originForm(String(decoding: parts[1], as: UTF8.self))
    }

    /// `Name: value`. A blank before the colon and a folded line are refused, as RFC 9112 section 5 demands.
    mutating func readHeader(_ line: [UInt8]) throws(HTTPRefusal) {
        guard let colon = line.firstIndex(of: 0x3A), colon > 0, line[..<colon].allSatisfy(\.isTokenByte)
        else {
            throw .bad("malformed header")
        }
        let value = line[(colon + 1)...]
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw .bad("control character in a header")
        }
        let text = String(decoding: value, as: UTF8.self).trimmingBlanks
        headers.append(String(decoding: line[..<colon], as: UTF8.self), text)
    }

    /// The head, when its last line has been read.
    func head(bodyMax: Int) throws(HTTPRefusal) -> HTTPRequestHead {
        let hosts = headers.all("host").count
        guard hosts == 1 || minorVersion == 0 && hosts == 0 else {
            throw .bad(hosts == 0 ? "no Host header" : "more than one Host header")
        }
        var head = HTTPRequestHead(
            method: method,
            target: target,
            minorVersion: minorVersion,
            headers: headers
        )
        head.body = try body(max: bodyMax)
        if let expectation = headers["expect"] {
            guard expectation.lowercased() == "100-continue" else {
                throw HTTPRefusal(status: 417, message: "unknown expectation")
            }
            head.expectsContinue = minorVersion == 1 && head.body != .none
        }
        return head
    }

    /// How the body is delimited (RFC 9112 section 6.3). Two statements about it are refused even when they agree.
    private func body(max: Int) throws(HTTPRefusal) -> HTTPRequestHead.Body {
        let lengths = headers.all("content-length")
        let codings = headers.all("transfer-encoding")
        guard codings.isEmpty || lengths.isEmpty else {
            throw .bad("both Content-Length and Transfer-Encoding")
        }
        if let coding = codings.first {
            guard minorVersion == 1, codings.count == 1 else { throw .bad("misplaced Transfer-Encoding") }
            guard coding.lowercased() == "chunked" else {
                throw HTTPRefusal(status: 501, message: "only the chunked transfer coding is known here")
            }
            return .chunked
        }
        guard let length = lengths.first else { return .none }
        guard lengths.count == 1, (1...18).contains(length.utf8.count), length.utf8.allSatisfy(\.isDigit),
            let count = Int(length)
        else { throw .bad("malformed Content-Length") }
        guard count <= max else { throw .bodyTooLarge(max) }
        return count == 0 ? .none : .length(count)
    }

    /// The size that begins a chunk; extensions after a semicolon are skipped.
    static func chunkSize(_ line: [UInt8]) throws(HTTPRefusal) -> Int {
        let digits = line.prefix { $0 != 0x3B }
        guard (1...8).contains(digits.count),
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16),
            digits.allSatisfy(\.isHexDigit), line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
        else { throw .bad("malformed chunk size") }
        return size
    }

    /// `http://host/path`, which a client may send to any server, as `/path`.
    private static func originForm(_ target: String) throws(HTTPRefusal) -> String {
        if target.hasPrefix("/") { return target }
        guard target.lowercased().hasPrefix("http://") else { throw .bad("malformed request target") }
        let rest = target.dropFirst("http://".count)
        guard let slash = rest.firstIndex(of: "/"), slash > rest.startIndex else {
            throw .bad("malformed request target")
        }
        return String(rest[slash...])
    }
}

extension UInt8 {
    var isDigit: Bool { (0x30...0x39).contains(self) }

    var isHexDigit: Bool { isDigit || (0x41...0x46).contains(self) || (0x61...0x66).contains(self) }

    private var isLetter: Bool { (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) }

    /// What names of methods and headers are made of (`tchar`, RFC 9110 section 5.6.2).
    var isTokenByte: Bool {
        if isDigit || isLetter { return true }
        switch self {
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: return true
        default: return false
        }
    }
}

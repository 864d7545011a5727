import PodCore

/// What a request is answered with.
struct HTTPResponse: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        /// Bytes as they come, in chunks. An endless stream (a watch, a followed log) is given up as soon as the
        /// client closes its sending side, as Go's server does; one that ends by itself is sent to its end.
        case stream(isEndless: Bool, @Sendable (HTTPBodyWriter) async throws -> Void)
        /// The connection ceases to speak HTTP after the head.
        case upgrade(Upgrade)
    }

    var status: Int
    var headers = HTTPHeaders()
    var body: Body

    init(status: Int, contentType: String, body: Body) {
        self.status = status
        self.body = body
        headers.append("content-type", contentType)
    }

    /// 101, after which the connection speaks another protocol.
    init(switchingWith headers: HTTPHeaders, to upgrade: Upgrade) {
        status = 101
        self.headers = headers
        self.body = .upgrade(upgrade)
    }

    /// Another protocol on the same connection. Exactly one of the two is called.
    struct Upgrade: Sendable {
        /// Speaks it to the end. The second argument is what the client has sent ahead.
        let converse: @Sendable (AsyncDescriptor, [UInt8]) async -> Void
        /// The client went before it could begin: gives back what was made ready for it.
        let abandon: @Sendable () -> Void
    }

    static func text(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", body: .bytes(Array(text.utf8)))
    }

    static func json(_ document: Document, status: Int = 200) -> HTTPResponse {
        var bytes = Array(document.json().utf8)
        bytes.append(0x0A)
        return HTTPResponse(status: status, contentType: "application/json", body: .bytes(bytes))
    }

    static func failure(_ failure: StatusFailure) -> HTTPResponse {
        json(failure.status.document, status: failure.code)
    }

    /// The status line and headers with those that the connection adds.
    func head(connectionHeaders: [(String, String)]) -> [UInt8] {
        var text = "HTTP/1.1 \(status) \(HTTPStatus.phrase(status))\r\n"
        for field in headers.fields { text += "\(field.name.capitalizedHeader): \(field.value)\r\n" }
        for (name, value) in connectionHeaders { text += "\(name): \(value)\r\n" }
        text += "\r\n"
        return Array(text.utf8)
    }
}

/// Where a streamed body is written. Each write goes out at once, as one chunk.
struct HTTPBodyWriter: Sendable {
    let descriptor: AsyncDescriptor
    /// HTTP/1.0 knows no chunks; there the end of the connection ends the body.
    let isChunked: Bool
    let timeout: Duration

    func write(_ bytes: [UInt8]) async throws(AsyncDescriptor.Failure) {
        // An empty chunk would end the body.
        guard !bytes.isEmpty else { return }
        guard isChunked else { return try await descriptor.write(bytes, timeout: timeout) }
        var chunk = Array(String(bytes.count, radix: 16).utf8) + [0x0D, 0x0A]
        chunk.reserveCapacity(chunk.count + bytes.count + 2)
        chunk += bytes
        chunk += [0x0D, 0x0A]
        try await descriptor.write(chunk, timeout: timeout)
    }

    /// The last chunk.
    func finish() async throws(AsyncDescriptor.Failure) {
        guard isChunked else { return }
        try await descriptor.write(Array("0\r\n\r\n".utf8), timeout: timeout)
    }
}

/// The words that go with a status code (RFC 9110 section 15).
enum HTTPStatus {
    static func phrase(_ code: Int) -> String {
        switch code {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}

extension String {
    /// `content-type` as `Content-Type`, the way headers are usually seen.
    fileprivate var capitalizedHeader: String {
        split(separator: "-", omittingEmptySubsequences: false)
            .map { $0.prefix(1).uppercased() + $0.dropFirst() }
            .joined(separator: "-")
    }
}

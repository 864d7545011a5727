import PodCore

/// Talks to a running agent through its socket, in Kubernetes' API.
///
/// One connection for each request: connecting to a local socket costs next to nothing, and nothing has to be
/// remembered between two requests.
struct APIClient {
    let socketPath: String
    /// How long an answer may take to begin; nil waits for ever.
    var patience: Duration? = .seconds(30)

    init(_ arguments: Arguments, _ console: Console) {
        let environment = console.environment["PODAGENT_SOCKET"] ?? ""
        socketPath =
            arguments.value("socket") ?? (environment.isEmpty ? CommandFlag.defaultSocket : environment)
    }

    struct Request {
        var method = "GET"
        var path: String
        var query: [(String, String)] = []
        var accept = "application/json"
        var body: Document?

        init(_ path: [String], query: [(String, String)] = []) { self.init("GET", path, query: query) }

        init(_ method: String, _ path: [String], query: [(String, String)] = [], body: Document? = nil) {
            self.method = method
            self.path = "/" + path.map { $0.percentEncoded }.joined(separator: "/")
            self.query = query
            self.body = body
        }

        /// The path with its query.
        var target: String {
            let query = query.map { "\($0.0.percentEncoded)=\($0.1.percentEncoded)" }.joined(separator: "&")
            return query.isEmpty ? path : "\(path)?\(query)"
        }

        fileprivate var bytes: [UInt8] {
            let body = self.body.map { Array($0.json().utf8) } ?? []
            var head =
                "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nAccept: \(accept)\r\nConnection: close\r\n"
            if self.body != nil {
                head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
            }
            return Array((head + "\r\n").utf8) + body
        }
    }

    /// Sends a request; any answer but success is thrown as ``CommandError/refused(_:)``.
    func send(_ request: Request) throws(CommandError) -> HTTPAnswer {
        let socket = try ClientSocket(path: socketPath)
        socket.deadline = patience.map { Clock.tick() + $0 }
        try socket.write(request.bytes)
        let answer = try HTTPAnswer(socket, method: request.method)
        // Once it has begun, an answer may take as long as it likes: logs are followed for days.
        socket.deadline = nil
        if (200..<300).contains(answer.status) { return answer }
        throw .refused(Self.failure(answer.status, try answer.body()))
    }

    /// Sends a request whose answer is one JSON document.
    func document(_ request: Request) throws(CommandError) -> Document {
        try Self.document(try send(request).body())
    }

    /// Sends a request whose answer is one object.
    func object<Object: KubernetesObject>(_ request: Request) throws(CommandError) -> Object {
        try Self.object(try document(request))
    }

    static func document(_ bytes: [UInt8]) throws(CommandError) -> Document {
        var limits = ManifestLimits()
        // A list of all Pods is longer than any manifest; it comes from our own agent.
        limits.bytes = 1 << 28
        limits.values = 1 << 24
        let parsed = JSONReader.read(bytes, limits: limits)
        guard let document = parsed.documents.first, parsed.problems.isEmpty else {
            let problem = parsed.problems.first?.description ?? "it is empty"
            throw .failed("the agent's answer is not JSON: \(problem)")
        }
        return document
    }

    static func object<Object: KubernetesObject>(_ document: Document) throws(CommandError) -> Object {
        var report = DecodeReport(checksSupport: false)
        guard let object = Object.decode(document, at: .root, report: &report), report.problems.isEmpty else {
            let problem = report.problems.first?.description ?? ""
            throw .failed(
                "the agent's answer is not a \(Object.kind): \(problem); are agent and client of one version?"
            )
        }
        return object
    }

    static func failure(_ status: Int, _ body: [UInt8]) -> StatusFailure {
        if let document = try? document(body), let object: Status = try? object(document),
            let failure = StatusFailure(object)
        {
            return failure
        }
        let text = String(decoding: body.prefix(500), as: UTF8.self).split(separator: "\n").first.map(
            String.init
        )
        return StatusFailure(.unknown, text ?? "the agent answered with HTTP status \(status)", code: status)
    }
}

extension String {
    /// Everything but the unreserved characters of RFC 3986 as `%XX`.
    var percentEncoded: String {
        var text = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return text
    }
}

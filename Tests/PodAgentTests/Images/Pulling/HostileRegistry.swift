import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// A registry on 127.0.0.1 that serves what it is given, except where its script says otherwise, and remembers what it
/// was asked.
final class HostileRegistry: Sendable {
    struct Request: Sendable {
        var method: String
        /// The path with the query.
        var target: String
        /// By name in lower case.
        var headers: [String: String]
        var body: String
        /// How often the same was asked for before.
        var earlier = 0

        var path: String { String(target.prefix { $0 != "?" }) }
        /// The server's own name, for URLs that lead to it.
        var host: String { headers["host"] ?? "" }
        var isForBlob: Bool { path.contains("/blobs/") }
    }

    struct Reply: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// What the headers say of the body's length, instead of the truth.
        var announced: Int?
        /// Hangs up after so many bytes of the body.
        var cutAfter: Int?
        /// Goes on with the connection by hand, and hangs up then.
        var rest: (@Sendable (ScriptedServer.Connection) -> Void)?

        static func status(_ code: Int, _ headers: [String: String] = [:], _ body: String = "") -> Reply {
            Reply(status: code, headers: headers, body: Array(body.utf8))
        }

        static func redirect(to url: String) -> Reply { .status(307, ["Location": url]) }
    }

    /// What lies under a path.
    struct Content: Sendable {
        var bytes: [UInt8]
        var type = "application/octet-stream"
    }

    typealias Script = @Sendable (Request, [String: Content]) -> Reply?

    private let ledger: Ledger
    private let server: ScriptedServer

    /// As image names have it.
    var host: String { "127.0.0.1:\(server.port)" }

    /// - Parameter script: what is answered instead of the content; nil when it is that.
    init(_ contents: [String: Content], _ script: @escaping Script = { _, _ in nil }) throws {
        let ledger = Ledger(contents)
        self.ledger = ledger
        server = try ScriptedServer { connection in
            var reader = RequestReader(connection)
            while let request = reader.next() {
                let noted = ledger.note(request)
                let contents = ledger.contents
                let reply = script(noted, contents) ?? HostileRegistry.reply(to: noted, contents)
                guard HostileRegistry.send(reply, to: noted, connection) else { return }
            }
        }
    }

    /// Runs a test with a registry and a store of its own.
    static func facing(
        _ contents: [String: Content],
        limits: ImageLimits = ImageLimits(),
        _ script: @escaping Script = { _, _ in nil },
        _ body: (HostileRegistry, PullSetting) throws -> Void
    ) throws {
        try Scratch.run { scratch in
            let registry = try HostileRegistry(contents, script)
            let setting = PullSetting(scratch: scratch, store: try scratch.store(limits: limits))
            try withExtendedLifetime(registry) { try body(registry, setting) }
        }
    }

    /// Everything asked so far.
    var requests: [Request] { ledger.requests }

    /// `GET /v2/app/manifests/1`, for each request, in their order.
    var asked: [String] { requests.map { "\($0.method) \($0.target)" } }

    /// How often these bytes were asked for as a blob.
    func fetches(of blob: [UInt8]) -> Int {
        requests.count { $0.method == "GET" && $0.path.hasSuffix("/blobs/\(Digest(of: blob))") }
    }

    /// Serves something else from now on.
    func replace(_ contents: [String: Content]) { ledger.contents = contents }

    func forgetRequests() { ledger.forget() }

    // MARK: Answers

    /// What a registry answers that means well.
    static func reply(to request: Request, _ contents: [String: Content]) -> Reply {
        guard let content = contents[request.path] else {
            return .status(
                404,
                [:],
                #"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#
            )
        }
        var reply = Reply(headers: ["Content-Type": content.type], body: content.bytes)
        if request.path.contains("/manifests/") {
            reply.headers["Docker-Content-Digest"] = "\(Digest(of: content.bytes))"
        }
        if let start = request.rangeStart, start < content.bytes.count {
            reply.status = 206
            reply.headers["Content-Range"] =
                "bytes \(start)-\(content.bytes.count - 1)/\(content.bytes.count)"
            reply.body = Array(content.bytes[start...])
        }
        return reply
    }

    /// Returns whether the connection goes on.
    private static func send(_ reply: Reply, to request: Request, _ connection: ScriptedServer.Connection)
        -> Bool
    {
        var head = "HTTP/1.1 \(reply.status) Something\r\n"
        for (name, value) in reply.headers { head += "\(name): \(value)\r\n" }
        if reply.rest == nil || reply.announced != nil {
            head += "Content-Length: \(reply.announced ?? reply.body.count)\r\n"
        }
        guard connection.write(head + "\r\n") else { return false }
        if request.method == "HEAD" { return true }
        guard connection.write(Array(reply.body.prefix(reply.cutAfter ?? .max))) else { return false }
        reply.rest?(connection)
        return reply.rest == nil && reply.cutAfter == nil && reply.announced == nil
    }
}

extension HostileRegistry.Request {
    /// Where the part begins that is asked for.
    var rangeStart: Int? {
        guard let range = headers["range"], range.hasPrefix("bytes="), range.hasSuffix("-") else {
            return nil
        }
        return Int(range.dropFirst("bytes=".count).dropLast())
    }
}

/// What is shared by the threads of the connections.
private final class Ledger: Sendable {
    private let kept:
        Mutex<(contents: [String: HostileRegistry.Content], requests: [HostileRegistry.Request])>

    init(_ contents: [String: HostileRegistry.Content]) { kept = Mutex((contents, [])) }

    var requests: [HostileRegistry.Request] { kept.withLock { $0.requests } }

    var contents: [String: HostileRegistry.Content] {
        get { kept.withLock { $0.contents } }
        set { kept.withLock { $0.contents = newValue } }
    }

    func forget() { kept.withLock { $0.requests = [] } }

    /// The request with its number among equal ones.
    func note(_ request: HostileRegistry.Request) -> HostileRegistry.Request {
        kept.withLock { kept in
            var noted = request
            noted.earlier = kept.requests.count {
                $0.method == request.method && $0.path == request.path
            }
            kept.requests.append(noted)
            return noted
        }
    }
}

/// Takes the requests of one connection apart.
private struct RequestReader {
    private let connection: ScriptedServer.Connection
    private var bytes: [UInt8] = []

    init(_ connection: ScriptedServer.Connection) { self.connection = connection }

    /// Nil when the client has gone.
    mutating func next() -> HostileRegistry.Request? {
        let end = Array("\r\n\r\n".utf8)
        while bytes.firstRange(of: end) == nil { if !more() { return nil } }
        guard let blank = bytes.firstRange(of: end) else { return nil }
        let lines = String(decoding: bytes[..<blank.lowerBound], as: UTF8.self).split(separator: "\r\n")
        bytes.removeFirst(blank.upperBound)
        let words = (lines.first ?? "").split(separator: " ").map(String.init)
        guard words.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while bytes.count < length { if !more() { return nil } }
        let body = String(decoding: bytes.prefix(length), as: UTF8.self)
        bytes.removeFirst(length)
        return HostileRegistry.Request(method: words[0], target: words[1], headers: headers, body: body)
    }

    private mutating func more() -> Bool {
        let new = connection.read()
        bytes += new
        return !new.isEmpty
    }
}

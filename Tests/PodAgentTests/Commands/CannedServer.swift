import Dispatch
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// A server on a temporary socket that answers what the test says, one connection after the other.
final class CannedServer: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        var query: [String: [String]]
        var headers: [String: String]
        var body: String

        /// `GET /api/v1/nodes?watch=true`
        var line: String {
            let query = query.keys.sorted().flatMap { key in (self.query[key] ?? []).map { "\(key)=\($0)" } }
            return "\(method) \(path)" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        }
    }

    let path: String
    private let directory: String
    private let listener: Int32
    private let log = Mutex<[String]>([])

    /// `answer` gets each request and the connection, on which it writes whatever it likes.
    init(answer: @escaping @Sendable (Request, Int32) -> Void) throws {
        var template = Array("/tmp/podagent-client-XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        directory = try #require(made.map { String(cString: $0) })
        path = "\(directory)/socket"
        let address = try #require(UnixAddress(path: path))
        let listener = try makeUnixSocket(subject: path).release()
        self.listener = listener
        try #require(address.withPointer { bind(listener, $0, $1) } == 0)
        try #require(listen(listener, 16) == 0)
        let seen = { @Sendable (request: Request) in self.log.withLock { $0.append(request.line) } }
        DispatchQueue(label: "canned").async {
            // Closed only here, or the number might be another server's by the next turn of the loop.
            defer { close(listener) }
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                if let request = Self.read(connection) {
                    seen(request)
                    answer(request, connection)
                }
                close(connection)
            }
        }
    }

    /// A server whose answers do not depend on anything but the request's line.
    convenience init(_ answers: [String: String]) throws {
        try self.init { request, connection in
            let missing = StatusFailure.notFound("pods", request.path).status.document.json()
            let answer = answers[request.line] ?? Self.response(404, missing)
            Self.write(connection, answer)
        }
    }

    /// The requests so far.
    var requests: [String] { log.withLock { $0 } }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
        rmdir(directory)
    }

    static func response(_ status: Int, _ body: String) -> String {
        "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// The body in chunks of its own.
    static func chunked(_ pieces: [String]) -> String {
        let chunks = pieces.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\r\n"
    }

    static func write(_ connection: Int32, _ text: String) { write(connection, Array(text.utf8)) }

    static func write(_ connection: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard Glibc.read(connection, &byte, 1) == 1 else { return nil }
            bytes.append(byte)
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
        let words = lines[0].split(separator: " ").map(String.init)
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = String(parts[1].dropFirst())
        }
        var body = [UInt8](repeating: 0, count: headers["content-length"].flatMap { Int($0) } ?? 0)
        var filled = 0
        while filled < body.count {
            let count = body.withUnsafeMutableBytes {
                let rest = UnsafeMutableRawBufferPointer(rebasing: $0[filled...])
                return Glibc.read(connection, rest.baseAddress, rest.count)
            }
            guard count > 0 else { return nil }
            filled += count
        }
        guard let target = try? RequestTarget(words[1]) else { return nil }
        var query: [String: [String]] = [:]
        for item in target.query { query[item.name, default: []].append(item.value) }
        return Request(
            method: words[0],
            path: "/" + target.path.joined(separator: "/"),
            query: query,
            headers: headers,
            body: String(decoding: body, as: UTF8.self)
        )
    }
}

/// What a command printed and how it ended.
struct CommandResult: Equatable {
    var code: Int32
    var out: String
    var err: String
}

/// Runs a command line against a server.
func podagent(_ words: String..., at server: CannedServer? = nil) -> CommandResult {
    let printed = Mutex<(out: [UInt8], err: [UInt8])>(([], []))
    let console = Console(
        write: { descriptor, bytes in
            printed.withLock { if descriptor == 1 { $0.out += bytes } else { $0.err += bytes } }
            return true
        },
        environment: ["PODAGENT_SOCKET": server?.path ?? "/nonexistent/podagent.sock"]
    )
    let code = Program.run(words, console)
    return printed.withLock {
        CommandResult(
            code: code,
            out: String(decoding: $0.out, as: UTF8.self),
            err: String(decoding: $0.err, as: UTF8.self)
        )
    }
}

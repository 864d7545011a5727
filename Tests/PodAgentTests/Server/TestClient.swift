import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// What a server answered.
struct TestResponse {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON.
    var document: Document {
        get throws {
            let read = JSONReader.read(body)
            #expect(read.problems.isEmpty)
            return try #require(read.documents.first)
        }
    }
}

/// An HTTP client that trusts nobody: it reads exactly what the server says it sends, and fails on anything else.
final class TestClient: Sendable {
    struct Closed: Error {}

    /// Nothing in these tests takes longer, unless something hangs.
    static let patience = Duration.seconds(240)

    private let descriptor: AsyncDescriptor
    private let buffer = Mutex<[UInt8]>([])

    init(_ path: String) throws {
        descriptor = try AsyncDescriptor(connectUnixSocket(path: path), subject: "test client")
    }

    func close() { descriptor.close() }

    func shutdownWriting() { descriptor.shutdownWriting() }

    static func request(
        _ method: String,
        _ target: String,
        headers: [String: String] = [:],
        body: String? = nil
    ) -> String {
        var text = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
        return text + "\r\n" + (body ?? "")
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await descriptor.write(bytes, timeout: Self.patience) }

    // MARK: Reading

    private func fill() async throws {
        let bytes = try await descriptor.read(timeout: Self.patience)
        guard !bytes.isEmpty else { throw Closed() }
        buffer.withLock { $0 += bytes }
    }

    func read(_ count: Int) async throws -> [UInt8] {
        while buffer.withLock({ $0.count < count }) { try await fill() }
        return buffer.withLock { buffer in
            defer { buffer.removeFirst(count) }
            return Array(buffer[..<count])
        }
    }

    /// A line without its CR LF.
    func readLine() async throws -> String {
        while true {
            let line: [UInt8]? = buffer.withLock { buffer in
                guard let newline = buffer.firstIndex(of: 0x0A) else { return nil }
                defer { buffer.removeFirst(newline + 1) }
                return Array(buffer[..<newline])
            }
            if let line {
                #expect(line.last == 0x0D)
                return String(decoding: line.dropLast(), as: UTF8.self)
            }
            try await fill()
        }
    }

    /// Everything up to the end of the stream.
    func readToEnd() async throws -> [UInt8] {
        while true {
            do { try await fill() } catch is Closed { break } catch AsyncDescriptor.Failure.hungUp { break }
        }
        return buffer.withLock { buffer in
            defer { buffer = [] }
            return buffer
        }
    }

    /// Whether the server has closed, without anything left to read.
    func isAtEnd() async throws -> Bool { try await readToEnd().isEmpty }

    func head() async throws -> TestResponse {
        let line = try await readLine().split(separator: " ", maxSplits: 2)
        #expect(line.first == "HTTP/1.1")
        var response = TestResponse(status: try #require(Int(line[1])), headers: [:], body: [])
        while true {
            let header = try await readLine()
            if header.isEmpty { return response }
            let colon = try #require(header.firstIndex(of: ":"))
            let name = header[..<colon].lowercased()
            #expect(response.headers[name] == nil, "\(name) is there twice")
            response.headers[name] = header[header.index(after: colon)...].trimmingBlanks
        }
    }

    func response(hasBody: Bool = true) async throws -> TestResponse {
        var response = try await head()
        guard hasBody else { return response }
        if response.headers["transfer-encoding"] == "chunked" {
            while let chunk = try await chunk() { response.body += chunk }
        } else {
            response.body = try await read(try #require(Int(response.headers["content-length"] ?? "")))
        }
        return response
    }

    /// One chunk of a body; nil for the last.
    func chunk() async throws -> [UInt8]? {
        let size = try #require(Int(try await readLine(), radix: 16))
        let bytes = try await read(size)
        #expect(try await readLine().isEmpty)
        return size == 0 ? nil : bytes
    }

    /// One event of a watch.
    func event() async throws -> Document? {
        guard let chunk = try await chunk() else { return nil }
        #expect(chunk.last == 0x0A)
        return JSONReader.read(chunk).documents.first
    }
}

/// Waits until `condition` holds, looking again a thousand times within ten seconds.
func eventually(_ condition: @Sendable () async -> Bool) async -> Bool {
    for _ in 0..<1_000 {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}

import PodCore

/// The agent's answer to a request, whose body is read as it comes.
final class HTTPAnswer {
    private enum Framing {
        case length(Int)
        /// Chunked; how much of the current chunk is left, nil between chunks.
        case chunked(left: Int?)
        case untilClose
        case ended
    }

    let status: Int
    private let headers: [(name: String, value: String)]
    private let socket: ClientSocket
    private var framing: Framing
    private var rest: [UInt8] = []

    /// When waiting for more of the body ends in failure; nil waits for ever.
    var deadline: Tick? {
        get { socket.deadline }
        set { socket.deadline = newValue }
    }

    private static let lineLimit = 65_536

    /// Reads the head of an answer.
    init(_ socket: ClientSocket, method: String) throws(CommandError) {
        self.socket = socket
        guard let line = try socket.line(limit: Self.lineLimit) else {
            throw .failed("the agent closed the connection without an answer")
        }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw .failed("what answers on the socket does not speak HTTP")
        }
        self.status = status
        var headers: [(String, String)] = []
        while let line = try socket.line(limit: Self.lineLimit), !line.isEmpty {
            let parts = String(decoding: line, as: UTF8.self).split(separator: ":", maxSplits: 1)
            guard parts.count == 2, headers.count < 200 else {
                throw .failed("what answers on the socket does not speak HTTP")
            }
            headers.append((parts[0].lowercased(), String(parts[1].drop { $0 == " " || $0 == "\t" })))
        }
        self.headers = headers
        framing = Self.framing(status, method, headers)
    }

    private static func framing(_ status: Int, _ method: String, _ headers: [(String, String)]) -> Framing {
        func header(_ name: String) -> String? { headers.first { $0.0 == name }?.1 }
        if method == "HEAD" || status == 204 || status == 304 || status < 200 { return .ended }
        if header("transfer-encoding")?.lowercased() == "chunked" { return .chunked(left: nil) }
        if let length = header("content-length").flatMap({ Int($0) }) {
            return length > 0 ? .length(length) : .ended
        }
        return .untilClose
    }

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// Another piece of the body, as soon as there is one; nil at its end.
    func piece() throws(CommandError) -> [UInt8]? {
        while true {
            switch framing {
            case .ended: return nil
            case .untilClose:
                let bytes = try socket.read(atMost: 65_536)
                if bytes.isEmpty { framing = .ended }
                return bytes.isEmpty ? nil : bytes
            case .length(let left):
                let bytes = try some(atMost: left)
                framing = bytes.count == left ? .ended : .length(left - bytes.count)
                return bytes
            case .chunked(left: let left?):
                let bytes = try some(atMost: left)
                framing = .chunked(left: bytes.count == left ? 0 : left - bytes.count)
                if bytes.count == left { try endChunk() }
                return bytes
            case .chunked(left: nil): try beginChunk()
            }
        }
    }

    private func some(atMost limit: Int) throws(CommandError) -> [UInt8] {
        let bytes = try socket.read(atMost: limit)
        guard !bytes.isEmpty else { throw brokenOff }
        return bytes
    }

    private var brokenOff: CommandError {
        .failed("the connection to the agent broke off in the middle of its answer")
    }

    private func beginChunk() throws(CommandError) {
        guard let line = try socket.line(limit: Self.lineLimit) else { throw brokenOff }
        let digits = String(decoding: line.prefix { $0 != 0x3B }, as: UTF8.self)
        guard let size = Int(digits, radix: 16), size >= 0 else {
            throw .failed("what answers on the socket does not speak HTTP")
        }
        if size > 0 {
            framing = .chunked(left: size)
        } else {
            // Whatever trailers there are end in an empty line.
            while let line = try socket.line(limit: Self.lineLimit), !line.isEmpty {}
            framing = .ended
        }
    }

    private func endChunk() throws(CommandError) {
        guard try socket.line(limit: Self.lineLimit)?.isEmpty == true else { throw brokenOff }
        framing = .chunked(left: nil)
    }

    /// The whole of what is left of the body.
    func body() throws(CommandError) -> [UInt8] {
        var body = rest
        rest = []
        while let piece = try piece() {
            body += piece
            guard body.count <= 1 << 28 else { throw .failed("the answer is longer than 256 MiB") }
        }
        return body
    }

    /// The next line of the body without its end; nil after the last.
    func bodyLine() throws(CommandError) -> [UInt8]? {
        var searched = 0
        while true {
            if let end = rest[searched...].firstIndex(of: 0x0A) {
                let line = Array(rest[..<end])
                rest = Array(rest[(end + 1)...])
                return line
            }
            searched = rest.count
            guard let piece = try piece() else {
                defer { rest = [] }
                return rest.isEmpty ? nil : rest
            }
            rest += piece
        }
    }
}

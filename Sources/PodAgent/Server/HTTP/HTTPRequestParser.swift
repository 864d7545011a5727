/// A request that is refused before it is understood. The connection is closed after the answer, because nobody knows
/// where the next request would begin.
struct HTTPRefusal: Error, Hashable, Sendable {
    var status: Int
    var message: String
}

/// Reads HTTP/1.1 requests (RFC 9112) from bytes that come in pieces of any size.
///
/// ```
///   head ──▶ fixed body ────────────────────────────────▶ head of the next request
///     │  └─▶ chunk size ◀─▶ chunk data ──▶ trailers ───▶
///     └────▶ (no body) ────────────────────────────────▶
/// ```
/// Strict on purpose: whatever two readers could understand differently is refused, for that is what request smuggling
/// is made of. Lines end with CR LF, names have no blanks, lengths are plain digits and stated once.
struct HTTPRequestParser {
    enum Step: Equatable {
        /// More bytes are wanted.
        case needsMore
        case head(HTTPRequestHead)
        /// A piece of the body. How it is cut depends on how it came.
        case body([UInt8])
        /// The request is complete; the next step belongs to the next one.
        case end
    }

    private enum State {
        case requestLine(isFirst: Bool)
        case headers(HTTPHeadLines)
        case headDone
        case fixedBody(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkDataEnd
        case trailers(bytes: Int)
        case refused(HTTPRefusal)
    }

    private static let chunkLineMax = 256
    private static let trailerBytesMax = 8_192

    private let limits: HTTPLimits
    private var state = State.requestLine(isFirst: true)
    private var input = HTTPInput()
    private var bodyBytes = 0

    init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

    mutating func feed(_ bytes: some Sequence<UInt8>) { input.append(bytes) }

    /// Whether a request has begun and is not complete.
    var isInsideRequest: Bool {
        if case .requestLine = state { return !input.isEmpty }
        return true
    }

    /// Whatever has been fed and not been read. For a connection that ceases to speak HTTP.
    mutating func takeRest() -> [UInt8] { input.takeAll() }

    /// The next step. After a refusal every further call gives the same one.
    mutating func next() throws(HTTPRefusal) -> Step {
        do {
            return try advance()
        } catch {
            state = .refused(error)
            throw error
        }
    }

    private mutating func advance() throws(HTTPRefusal) -> Step {
        while true {
            switch state {
            case .requestLine, .headers:
                guard let step = try readHeadLine() else { continue }
                return step
            case .headDone:
                state = .requestLine(isFirst: true)
                return .end
            case .fixedBody(let remaining):
                guard remaining > 0 else {
                    state = .headDone
                    continue
                }
                let piece = input.take(atMost: remaining)
                guard !piece.isEmpty else { return .needsMore }
                state = .fixedBody(remaining: remaining - piece.count)
                return .body(piece)
            case .chunkSize, .chunkData, .chunkDataEnd, .trailers:
                guard let step = try readChunked() else { continue }
                return step
            case .refused(let refusal):
                throw refusal
            }
        }
    }

    // MARK: Head

    /// One line of the head; nil when there is nothing to tell yet but to go on.
    private mutating func readHeadLine() throws(HTTPRefusal) -> Step? {
        var lines: HTTPHeadLines
        switch state {
        case .headers(let read): lines = read
        default: lines = HTTPHeadLines()
        }
        let room = limits.headBytes - lines.bytes
        guard let line = try input.takeLine(atMost: room, tooLong: .headTooLarge(limits.headBytes)) else {
            return .needsMore
        }
        lines.bytes += line.count + 2
        switch state {
        case .requestLine(let isFirst):
            // RFC 9112 section 2.2 wants one empty line before a request to be ignored.
            if line.isEmpty, isFirst {
                state = .requestLine(isFirst: false)
                return nil
            }
            try lines.readRequestLine(line)
        default:
            if line.isEmpty { return .head(try finishHead(lines)) }
            guard lines.headers.fields.count < limits.headerCount else {
                throw HTTPRefusal(status: 431, message: "more than \(limits.headerCount) headers")
            }
            try lines.readHeader(line)
        }
        state = .headers(lines)
        return nil
    }

    private mutating func finishHead(_ lines: HTTPHeadLines) throws(HTTPRefusal) -> HTTPRequestHead {
        let head = try lines.head(bodyMax: limits.bodyBytes)
        bodyBytes = 0
        switch head.body {
        case .none: state = .headDone
        case .length(let length): state = .fixedBody(remaining: length)
        case .chunked: state = .chunkSize
        }
        return head
    }

    // MARK: Chunked bodies

    private mutating func readChunked() throws(HTTPRefusal) -> Step? {
        switch state {
        case .chunkSize:
            let refusal = HTTPRefusal.bad("chunk size line too long")
            guard let line = try input.takeLine(atMost: Self.chunkLineMax, tooLong: refusal) else {
                return .needsMore
            }
            let size = try HTTPHeadLines.chunkSize(line)
            bodyBytes += size
            guard bodyBytes <= limits.bodyBytes else { throw .bodyTooLarge(limits.bodyBytes) }
            state = size == 0 ? .trailers(bytes: 0) : .chunkData(remaining: size)
            return nil
        case .chunkData(let remaining):
            let piece = input.take(atMost: remaining)
            guard !piece.isEmpty else { return .needsMore }
            state = piece.count == remaining ? .chunkDataEnd : .chunkData(remaining: remaining - piece.count)
            return .body(piece)
        case .chunkDataEnd:
            let refusal = HTTPRefusal.bad("chunk data does not end with CR LF")
            guard let line = try input.takeLine(atMost: 2, tooLong: refusal) else { return .needsMore }
            guard line.isEmpty else { throw refusal }
            state = .chunkSize
            return nil
        default:
            return try readTrailer()
        }
    }

    /// Trailers are checked like headers and dropped: nothing that the server acts on may come after the body.
    private mutating func readTrailer() throws(HTTPRefusal) -> Step? {
        guard case .trailers(let bytes) = state else { return nil }
        let room = Self.trailerBytesMax - bytes
        let refusal = HTTPRefusal(status: 431, message: "trailers of more than \(Self.trailerBytesMax) bytes")
        guard let line = try input.takeLine(atMost: room, tooLong: refusal) else { return .needsMore }
        if line.isEmpty {
            state = .headDone
            return nil
        }
        var lines = HTTPHeadLines()
        try lines.readHeader(line)
        state = .trailers(bytes: bytes + line.count + 2)
        return nil
    }
}

extension HTTPRefusal {
    static func bad(_ message: String) -> HTTPRefusal { HTTPRefusal(status: 400, message: message) }

    static func headTooLarge(_ max: Int) -> HTTPRefusal {
        HTTPRefusal(status: 431, message: "request head of more than \(max) bytes")
    }

    static func bodyTooLarge(_ max: Int) -> HTTPRefusal {
        HTTPRefusal(status: 413, message: "request body of more than \(max) bytes")
    }
}

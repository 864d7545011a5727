import PodCore

/// One client's connection: reads a request, has it answered, and so on until either side closes.
struct HTTPConnection {
    typealias Handler = @Sendable (HTTPRequest) async -> HTTPResponse

    private let descriptor: AsyncDescriptor
    private let limits: HTTPLimits
    private let seat: ConnectionSeat
    private let budget: BodyBudget
    private let handler: Handler
    private var parser: HTTPRequestParser

    /// - Parameters:
    ///   - seat: the connection's place among the server's connections.
    ///   - budget: what all connections together may hold of bodies.
    init(
        _ descriptor: AsyncDescriptor,
        limits: HTTPLimits,
        seat: ConnectionSeat,
        budget: BodyBudget,
        handler: @escaping Handler
    ) {
        self.descriptor = descriptor
        self.limits = limits
        self.seat = seat
        self.budget = budget
        self.handler = handler
        parser = HTTPRequestParser(limits: limits)
    }

    /// Why the connection is to be closed.
    private enum Ending: Error {
        /// Nothing more to say.
        case quietly
        /// The request cannot be answered by the handler.
        case refusing(HTTPRefusal)
    }

    /// Serves the connection to its end. Nothing is thrown: what goes wrong on a connection concerns only its client.
    mutating func run() async {
        do throws(Ending) {
            while let head = try await nextHead() {
                guard try await answer(head) else { break }
            }
        } catch {
            if case .refusing(let refusal) = error { await refuse(refusal) }
        }
        descriptor.close()
    }

    // MARK: Reading

    /// The next request's head, or nil when the client has finished, was idle for too long or the server stops.
    private mutating func nextHead() async throws(Ending) -> HTTPRequestHead? {
        guard seat.enter(.idle) else { return nil }
        var deadline: Tick?
        while true {
            switch try nextStep() {
            case .head(let head):
                guard seat.enter(.answering) else { return nil }
                return head
            case .needsMore:
                if parser.isInsideRequest, deadline == nil { deadline = Clock.tick() + limits.head }
                guard try await readMore(until: deadline, idle: limits.idle) else { return nil }
            case .body, .end:
                preconditionFailure("a request's body without its head")
            }
        }
    }

    private mutating func readBody(of head: HTTPRequestHead) async throws(Ending) -> [UInt8] {
        if head.expectsContinue {
            try await write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), timeout: limits.answer)
        }
        let deadline = Clock.tick() + limits.body
        var body: [UInt8] = []
        if case .length(let length) = head.body { body.reserveCapacity(min(length, 65_536)) }
        do throws(Ending) {
            while true {
                switch try nextStep() {
                case .body(let piece):
                    guard budget.reserve(piece.count) else { throw .refusing(.overloaded) }
                    body += piece
                case .end:
                    return body
                case .needsMore:
                    guard try await readMore(until: deadline, idle: limits.body) else { throw .quietly }
                case .head:
                    preconditionFailure("a request's head within its body")
                }
            }
        } catch {
            budget.release(body.count)
            throw error
        }
    }

    private mutating func nextStep() throws(Ending) -> HTTPRequestParser.Step {
        do { return try parser.next() } catch { throw .refusing(error) }
    }

    /// False at the end of the stream and when the connection has been idle for too long.
    private mutating func readMore(until deadline: Tick?, idle: Duration) async throws(Ending) -> Bool {
        let timeout = deadline.map { max(.zero, $0 - Clock.tick()) } ?? idle
        do throws(AsyncDescriptor.Failure) {
            let bytes = try await descriptor.read(timeout: timeout)
            parser.feed(bytes)
            return !bytes.isEmpty
        } catch {
            if error == .timedOut, deadline != nil { throw .refusing(.tooSlow) }
            return false
        }
    }

    // MARK: Answering

    /// False when the connection is to be closed after this answer.
    private mutating func answer(_ head: HTTPRequestHead) async throws(Ending) -> Bool {
        let body = try await readBody(of: head)
        let response = await handler(HTTPRequest(head: head, body: body))
        budget.release(body.count)
        switch response.body {
        case .bytes(let bytes):
            let keepsAlive = head.keepsAlive && !seat.isDraining
            try await send(response, bytes, to: head, keepsAlive: keepsAlive)
            return keepsAlive
        case .stream(let isEndless, let produce):
            return try await stream(response, to: head, isEndless: isEndless, produce)
        case .upgrade(let upgrade):
            do throws(Ending) {
                guard seat.enter(.streaming) else { throw .quietly }
                try await write(response.head(connectionHeaders: []), timeout: limits.answer)
            } catch {
                upgrade.abandon()
                throw error
            }
            await upgrade.converse(descriptor, parser.takeRest())
            return false
        }
    }

    private func send(
        _ response: HTTPResponse,
        _ body: [UInt8],
        to head: HTTPRequestHead,
        keepsAlive: Bool
    ) async throws(Ending) {
        var message = response.head(connectionHeaders: [
            ("Content-Length", String(body.count)),
            ("Cache-Control", "no-cache, private"),
            ("Date", Clock.wall().httpDate),
            ("Connection", keepsAlive ? "keep-alive" : "close"),
        ])
        if head.method != "HEAD" { message += body }
        try await write(message, timeout: limits.answer)
    }

    private mutating func stream(
        _ response: HTTPResponse,
        to head: HTTPRequestHead,
        isEndless: Bool,
        _ produce: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
    ) async throws(Ending) -> Bool {
        guard seat.enter(.streaming) else { return false }
        let isChunked = head.minorVersion == 1
        let keepsAlive = head.keepsAlive && isChunked
        var headers = [
            ("Cache-Control", "no-cache, private"), ("Date", Clock.wall().httpDate),
            ("Connection", keepsAlive ? "keep-alive" : "close"),
        ]
        if isChunked { headers.append(("Transfer-Encoding", "chunked")) }
        try await write(response.head(connectionHeaders: headers), timeout: limits.answer)
        let writer = HTTPBodyWriter(descriptor: descriptor, isChunked: isChunked, timeout: limits.streamIdle)
        let production = StreamProduction(writer: writer, readAheadMax: limits.headBytes)
        let outcome = await production.run(watchingForHangUp: isEndless, produce)
        parser.feed(outcome.readAhead)
        return outcome.isComplete && keepsAlive
    }

    private func write(_ bytes: [UInt8], timeout: Duration) async throws(Ending) {
        do { try await descriptor.write(bytes, timeout: timeout) } catch { throw .quietly }
    }

    // MARK: Refusing

    /// Says why, and reads on for a moment: closing at once would make the kernel report a reset to a client that is
    /// still sending, and the answer could be lost on it.
    private func refuse(_ refusal: HTTPRefusal) async {
        let response = HTTPResponse.failure(StatusFailure(refusal))
        guard case .bytes(let body) = response.body else { return }
        let message = response.head(connectionHeaders: [
            ("Content-Length", String(body.count)), ("Connection", "close"),
        ])
        let deadline = Clock.tick() + .seconds(2)
        do {
            try await descriptor.write(message + body, timeout: .seconds(2))
            descriptor.shutdownWriting()
            while try await !descriptor.read(timeout: deadline - Clock.tick()).isEmpty {
                guard Clock.tick() < deadline else { return }
            }
        } catch {
            return  // The client has gone, or sends without end: either way it has been told.
        }
    }
}

extension HTTPRefusal {
    fileprivate static let tooSlow = HTTPRefusal(status: 408, message: "the request took too long to arrive")
    fileprivate static let overloaded = HTTPRefusal(
        status: 503,
        message: "too many request bodies at a time; try again"
    )
}

extension StatusFailure {
    /// The failure object for what HTTP itself refuses.
    init(_ refusal: HTTPRefusal) {
        let reason: Reason =
            switch refusal.status {
            case 400: .badRequest
            case 408: .timeout
            case 413: .requestEntityTooLarge
            case 503: .serviceUnavailable
            default: .unknown
            }
        self.init(reason, refusal.message, code: refusal.status)
    }
}

extension Timestamp {
    /// RFC 9110's date: `Sun, 06 Nov 1994 08:49:37 GMT`.
    var httpDate: String {
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let text = Array(rfc3339.utf8)
        let piece = { (range: Range<Int>) in String(decoding: text[range], as: UTF8.self) }
        // The epoch began on a Thursday; clocks before it are not set at all.
        let day = days[Int(max(0, seconds) / 86_400 % 7)]
        let month = months[(Int(piece(5..<7)) ?? 1) - 1]
        return "\(day), \(piece(8..<10)) \(month) \(piece(0..<4)) \(piece(11..<19)) GMT"
    }
}

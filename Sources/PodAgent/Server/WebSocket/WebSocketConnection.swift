import PodCore
import Synchronization

/// A WebSocket after its handshake: one task receives, any number send.
///
/// Pings are answered here. A connection on which nothing moves in either direction for ``HTTPLimits/streamIdle`` is
/// given up.
final class WebSocketConnection: Sendable {
    enum Failure: Error, Hashable, Sendable {
        /// The client closed, vanished or broke the protocol; there is nobody left to talk to.
        case ended
        /// Nothing moved for too long.
        case idle
        /// The task was cancelled.
        case cancelled
    }

    /// A piece of a message.
    struct Piece: Sendable {
        var bytes: [UInt8]
        var isFirst: Bool
        var isLast: Bool
    }

    private let descriptor: AsyncDescriptor
    private let idleLimit: Duration
    private let sending = AsyncLock()
    private let parser: Mutex<WebSocketParser>
    private let lastSentAt: Mutex<Tick>
    private let isClosing = Mutex(false)

    /// - Parameter early: what the client sent before it saw the answer to its handshake.
    init(_ descriptor: AsyncDescriptor, early: [UInt8], idleLimit: Duration) {
        self.descriptor = descriptor
        self.idleLimit = idleLimit
        var parser = WebSocketParser()
        parser.feed(early)
        self.parser = Mutex(parser)
        lastSentAt = Mutex(Clock.tick())
    }

    /// The next piece of a message. One task at a time.
    func receive() async throws(Failure) -> Piece {
        while true {
            switch try await nextItem() {
            case .needsMore: try await readMore()
            case .data(let bytes, let isFirst, let isLast):
                return Piece(bytes: bytes, isFirst: isFirst, isLast: isLast)
            case .ping(let payload): try await send(frame: WebSocketFrame.pong(payload))
            case .pong: continue
            case .close(let code):
                await close(code ?? 1000)
                throw .ended
            }
        }
    }

    /// Returns when the client has closed its end or vanished, even if what it sent before has not been received yet.
    func waitUntilClientIsGone() async {
        // Without a watch the client could keep us for ever, so a failure counts as its end; cancelled, nobody asks.
        try? await descriptor.waitUntilHungUp()
    }

    /// Sends a binary message.
    func send(_ message: [UInt8]) async throws(Failure) {
        try await send(frame: WebSocketFrame.binary(message))
    }

    /// Sends a close frame, unless one has been sent; nothing can be sent after it.
    func close(_ code: UInt16, _ reason: String = "") async {
        let isFirst = isClosing.withLock { isClosing in
            defer { isClosing = true }
            return !isClosing
        }
        guard isFirst else { return }
        // A client that does not read cannot be told.
        await sending.withLock {
            try? await descriptor.write(WebSocketFrame.close(code, reason), timeout: .seconds(1))
        }
    }

    private func nextItem() async throws(Failure) -> WebSocketParser.Item {
        let result = parser.withLock { parser in
            Result { () throws(WebSocketViolation) in try parser.next() }
        }
        switch result {
        case .success(let item): return item
        case .failure(let violation):
            await close(violation.code, violation.reason)
            throw .ended
        }
    }

    private func readMore() async throws(Failure) {
        do throws(AsyncDescriptor.Failure) {
            let bytes = try await descriptor.read(timeout: idleLimit)
            guard !bytes.isEmpty else { throw AsyncDescriptor.Failure.hungUp }
            parser.withLock { $0.feed(bytes) }
        } catch {
            switch error {
            case .timedOut:
                // What went the other way meanwhile counts too.
                let isIdle = lastSentAt.withLock { Clock.tick() - $0 >= idleLimit }
                if isIdle { throw .idle }
            case .cancelled: throw .cancelled
            case .closed, .hungUp, .system: throw .ended
            }
        }
    }

    private func send(frame: [UInt8]) async throws(Failure) {
        try await sending.withLock { () async throws(Failure) in
            guard !isClosing.withLock({ $0 }) else { throw .ended }
            do throws(AsyncDescriptor.Failure) {
                try await descriptor.write(frame, timeout: idleLimit)
                lastSentAt.withLock { $0 = Clock.tick() }
            } catch {
                // Part of a frame may be out: no other may follow it.
                isClosing.withLock { $0 = true }
                switch error {
                case .timedOut: throw Failure.idle
                case .cancelled: throw Failure.cancelled
                case .closed, .hungUp, .system: throw Failure.ended
                }
            }
        }
    }
}

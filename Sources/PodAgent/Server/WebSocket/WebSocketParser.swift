/// A peer that breaks the protocol, and the code to close with (RFC 6455 section 7.4.1).
struct WebSocketViolation: Error, Hashable, Sendable {
    var code: UInt16
    var reason: String

    static func protocolError(_ reason: String) -> WebSocketViolation {
        WebSocketViolation(code: 1002, reason: reason)
    }
}

/// Reads a client's frames (RFC 6455 section 5) from bytes that come in pieces of any size.
///
/// Data is handed on as it comes and never gathered, so a message may be of any length and holds no memory. Text and
/// binary messages are alike here: the channel protocols carry bytes in both.
struct WebSocketParser {
    enum Item: Equatable {
        case needsMore
        /// A piece of a message. How it is cut depends on how it came.
        case data([UInt8], isFirst: Bool, isLast: Bool)
        case ping([UInt8])
        case pong
        /// The peer closes; no code means that it gave none.
        case close(code: UInt16?)
    }

    private struct Frame {
        var opcode: UInt8
        var isFinal: Bool
        var mask: [UInt8]
        var remaining: UInt64
        /// Bytes of the payload that have been read: where in the mask the next one stands.
        var read = 0

        var isControl: Bool { opcode & 8 != 0 }
    }

    private enum State {
        case header
        case payload(Frame)
        case violated(WebSocketViolation)
    }

    private var state = State.header
    private var input: [UInt8] = []
    private var start = 0
    /// Within a fragmented message, whose further frames must be continuations.
    private var isInMessage = false
    /// No piece of the message has been handed on yet.
    private var isAtMessageStart = true

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            input.removeFirst(start)
            start = 0
        }
        input.append(contentsOf: bytes)
    }

    mutating func next() throws(WebSocketViolation) -> Item {
        do {
            return try advance()
        } catch {
            state = .violated(error)
            throw error
        }
    }

    private mutating func advance() throws(WebSocketViolation) -> Item {
        switch state {
        case .header:
            guard let frame = try readHeader() else { return .needsMore }
            state = .payload(frame)
            return try advance()
        case .payload(let frame):
            return frame.isControl ? try readControl(frame) : readData(frame)
        case .violated(let violation):
            throw violation
        }
    }

    // MARK: Frame headers

    /// Nil until the whole header is there. What is wrong in its first two bytes is told at once.
    private mutating func readHeader() throws(WebSocketViolation) -> Frame? {
        let bytes = input[start...]
        guard bytes.count >= 2 else { return nil }
        let first = bytes[start]
        let second = bytes[start + 1]
        let frame = Frame(opcode: first & 0x0F, isFinal: first & 0x80 != 0, mask: [], remaining: 0)
        try check(frame, reservedBits: first & 0x70, isMasked: second & 0x80 != 0, length: second & 0x7F)
        let extra =
            switch second & 0x7F {
            case 126: 2
            case 127: 8
            default: 0
            }
        guard bytes.count >= 2 + extra + 4 else { return nil }
        var length = UInt64(second & 0x7F)
        if extra > 0 {
            length = bytes[(start + 2)..<(start + 2 + extra)].reduce(0) { $0 << 8 | UInt64($1) }
            guard length >> 63 == 0 else { throw .protocolError("frame length with its highest bit set") }
            guard length > (extra == 2 ? 125 : 65_535) else { throw .protocolError("overlong frame length") }
        }
        var complete = frame
        complete.remaining = length
        complete.mask = Array(bytes[(start + 2 + extra)..<(start + 6 + extra)])
        start += 6 + extra
        if !complete.isControl { isInMessage = true }
        return complete
    }

    private func check(
        _ frame: Frame,
        reservedBits: UInt8,
        isMasked: Bool,
        length: UInt8
    ) throws(WebSocketViolation) {
        guard reservedBits == 0 else { throw .protocolError("reserved bits are set") }
        guard isMasked else { throw .protocolError("a client's frame is not masked") }
        switch frame.opcode {
        case 0: guard isInMessage else { throw .protocolError("continuation of nothing") }
        case 1, 2: guard !isInMessage else { throw .protocolError("a message within a message") }
        case 8, 9, 10:
            guard frame.isFinal, length <= 125 else {
                throw .protocolError("control frame in pieces or too long")
            }
        default: throw .protocolError("unknown opcode")
        }
    }

    // MARK: Payloads

    private mutating func readData(_ frame: Frame) -> Item {
        var frame = frame
        let piece = takePayload(&frame)
        guard !piece.isEmpty || frame.remaining == 0 else { return .needsMore }
        let isLast = frame.remaining == 0 && frame.isFinal
        // A frame's end within a message that goes on says nothing by itself.
        let isFirst = isAtMessageStart
        isAtMessageStart = isLast
        if isLast { isInMessage = false }
        state = frame.remaining == 0 ? .header : .payload(frame)
        return .data(piece, isFirst: isFirst, isLast: isLast)
    }

    private mutating func readControl(_ frame: Frame) throws(WebSocketViolation) -> Item {
        guard UInt64(input.count - start) >= frame.remaining else { return .needsMore }
        var frame = frame
        let payload = takePayload(&frame)
        state = .header
        switch frame.opcode {
        case 9: return .ping(payload)
        case 10: return .pong
        default: return .close(code: try closeCode(payload))
        }
    }

    private func closeCode(_ payload: [UInt8]) throws(WebSocketViolation) -> UInt16? {
        if payload.isEmpty { return nil }
        guard payload.count >= 2 else { throw .protocolError("close frame with half a code") }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: return code
        default: throw .protocolError("close frame with a code that may not be sent")
        }
    }

    private mutating func takePayload(_ frame: inout Frame) -> [UInt8] {
        let count = Int(min(frame.remaining, UInt64(input.count - start)))
        var piece = Array(input[start..<start + count])
        for index in piece.indices { piece[index] ^= frame.mask[(frame.read + index) & 3] }
        start += count
        frame.read += count
        frame.remaining -= UInt64(count)
        return piece
    }
}

/// The server's frames, which are never masked nor in pieces.
enum WebSocketFrame {
    static func binary(_ payload: [UInt8]) -> [UInt8] { frame(opcode: 2, payload) }

    static func pong(_ payload: [UInt8]) -> [UInt8] { frame(opcode: 10, payload) }

    /// The reason is cut to what a control frame holds.
    static func close(_ code: UInt16, _ reason: String = "") -> [UInt8] {
        frame(opcode: 8, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8).prefix(123))
    }

    private static func frame(opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x80 | opcode]
        bytes.reserveCapacity(payload.count + 10)
        switch payload.count {
        case ...125: bytes.append(UInt8(payload.count))
        case ...65_535: bytes += [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (8 * (7 - $0))) }
        }
        return bytes + payload
    }
}

import Glibc
import PodCore

/// The client's half of a WebSocket (RFC 6455): frames in both directions over the agent's socket.
///
/// A server's frames are never masked, a client's always are. The mask hides nothing here, where no proxy stands in
/// between; it is there because the protocol wants it.
final class WebSocketClient {
    enum Message: Equatable {
        case data([UInt8])
        /// The server has closed, or is gone.
        case closed(reason: String)
    }

    /// The connection, to be polled.
    let socket: ClientSocket
    private var input: [UInt8] = []
    private var start = 0
    private var message: [UInt8]?
    private var output: [UInt8] = []
    private var random = SystemRandomNumberGenerator()

    private static let messageLimit = 1 << 26

    /// Shakes hands; anything but a switch of protocols is thrown as the refusal that it is.
    init(
        _ client: APIClient,
        _ request: APIClient.Request,
        protocol name: String
    ) throws(CommandError) {
        socket = try ClientSocket(path: client.socketPath)
        socket.deadline = client.patience.map { Clock.tick() + $0 }
        let key = Base64.encode((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        let head = """
            GET \(request.target) HTTP/1.1\r
            Host: localhost\r
            Connection: Upgrade\r
            Upgrade: websocket\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: \(key)\r
            Sec-WebSocket-Protocol: \(name)\r
            \r

            """
        try socket.write(Array(head.utf8))
        let answer = try HTTPAnswer(socket, method: "GET")
        guard answer.status == 101 else {
            throw .refused(APIClient.failure(answer.status, try answer.body()))
        }
        guard answer.header("sec-websocket-accept") == Self.proof(of: key),
            answer.header("sec-websocket-protocol") == name
        else { throw .failed("what answers on the socket does not speak \(name) over WebSocket") }
        socket.deadline = nil
        input = socket.takePending()
    }

    /// What a server that has understood the handshake answers to a key (RFC 6455 section 1.3).
    private static func proof(of key: String) -> String {
        Base64.encode(sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// The next whole message of what has been received; nil when it is not whole yet.
    func take() throws(CommandError) -> Message? {
        while let frame = try frame() {
            switch frame.opcode {
            case 0, 1, 2:
                let gathered = (message ?? []) + frame.payload
                guard gathered.count <= Self.messageLimit else {
                    throw .failed("the agent sent a message too long")
                }
                message = gathered
                guard frame.isFinal else { continue }
                message = nil
                return .data(gathered)
            case 8:
                let reason = String(decoding: frame.payload.dropFirst(2), as: UTF8.self)
                enqueue(opcode: 8, Array(frame.payload.prefix(2)))
                return .closed(reason: reason)
            case 9: enqueue(opcode: 10, frame.payload)
            default: continue
            }
        }
        return nil
    }

    /// Receives what is there, waiting for at least something; false when the server has gone.
    func fill() throws(CommandError) -> Bool {
        let bytes = try socket.read(atMost: 65_536)
        input += bytes
        return !bytes.isEmpty
    }

    /// Puts a binary message in line to be sent by ``flush()``.
    func enqueue(_ message: [UInt8]) { enqueue(opcode: 2, message) }

    /// Puts a goodbye in line.
    func enqueueClose() { enqueue(opcode: 8, [3, 232]) }  // 1000: normal.

    /// Whether something waits to be sent. Whoever feeds this connection from another one stops meanwhile: reading
    /// goes on while sending waits, or two peers that both only send would wait for each other for ever.
    var isSending: Bool { !output.isEmpty }

    /// Sends what the socket takes without waiting.
    func flush() throws(CommandError) {
        while !output.isEmpty {
            let count = try socket.writeSome(output)
            if count == 0 { return }
            output.removeFirst(count)
        }
    }

    // MARK: Frames

    private func frame() throws(CommandError) -> (opcode: UInt8, isFinal: Bool, payload: [UInt8])? {
        let available = input.count - start
        guard available >= 2 else { return nil }
        let (first, second) = (input[start], input[start + 1])
        guard first & 0x70 == 0, second & 0x80 == 0 else {
            throw .failed("the agent broke the WebSocket protocol")
        }
        let extra = second == 126 ? 2 : second == 127 ? 8 : 0
        guard available >= 2 + extra else { return nil }
        let length =
            extra == 0
            ? UInt64(second) : input[(start + 2)..<(start + 2 + extra)].reduce(0) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(Self.messageLimit) else { throw .failed("the agent sent a message too long") }
        let begin = start + 2 + extra
        let end = begin + Int(length)
        guard input.count >= end else { return nil }
        let payload = Array(input[begin..<end])
        start = end
        if start > 1 << 20 || start == input.count {
            input.removeFirst(start)
            start = 0
        }
        return (first & 0x0F, first & 0x80 != 0, payload)
    }

    private func enqueue(opcode: UInt8, _ payload: [UInt8]) {
        var bytes: [UInt8] = [0x80 | opcode]
        switch payload.count {
        case ...125: bytes.append(0x80 | UInt8(payload.count))
        case ...65_535: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(0x80 | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (8 * (7 - $0))) }
        }
        let mask = (0..<4).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        bytes += mask
        bytes += payload.indices.map { payload[$0] ^ mask[$0 & 3] }
        output += bytes
    }
}

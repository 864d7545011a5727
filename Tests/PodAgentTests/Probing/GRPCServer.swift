import PodCore

@testable import PodAgent

/// What a gRPC server says over HTTP/2, frame by frame (RFC 9113, RFC 7541 without any compression).
enum GRPCServer {
    enum Frame: UInt8 {
        case data = 0
        case headers = 1
        case settings = 4
    }

    static func frame(_ kind: Frame, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8]
    {
        let length = [16, 8, 0].map { UInt8(truncatingIfNeeded: payload.count >> $0) }
        return length + [kind.rawValue, flags, 0, 0, 0, stream] + payload
    }

    /// Header fields as literals that are not indexed, RFC 7541 §6.2.2; texts of up to 126 bytes.
    static func fields(_ fields: [(String, String)]) -> [UInt8] {
        func literal(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
        var block: [UInt8] = []
        for (name, value) in fields { block += [0] + literal(name) + literal(value) }
        return block
    }

    static let settings = frame(.settings) + frame(.settings, flags: 1)

    /// Headers, perhaps a message, and trailers.
    static func answer(
        status: String = "200",
        type: String = "application/grpc",
        message: [UInt8]?,
        trailers: [(String, String)]
    ) -> [UInt8] {
        frame(.headers, flags: 4, stream: 1, fields([(":status", status), ("content-type", type)]))
            + (message.map { frame(.data, stream: 1, $0) } ?? [])
            + frame(.headers, flags: 5, stream: 1, fields(trailers))
    }

    /// A server that sends these bytes when it has been asked; `seen` is told what it has got by then.
    static func sending(
        _ bytes: [UInt8],
        seen: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) throws -> ScriptedServer {
        try ScriptedServer { connection in
            connection.write(settings)
            seen(readRequest(connection))
            connection.write(bytes)
            connection.waitForClient()
        }
    }

    /// Everything up to the end of the client's stream.
    static func readRequest(_ connection: ScriptedServer.Connection) -> [UInt8] {
        var bytes: [UInt8] = []
        while !isComplete(bytes) {
            let more = connection.read()
            if more.isEmpty { break }
            bytes += more
        }
        return bytes
    }

    /// Whether there is a frame of data with the flag END_STREAM behind the preface.
    private static func isComplete(_ bytes: [UInt8]) -> Bool {
        var rest = bytes.dropFirst(24)
        while rest.count >= 9 {
            let header = Array(rest.prefix(9))
            let length = header[..<3].reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= 9 + length else { return false }
            if header[3] == Frame.data.rawValue && header[4] & 1 == 1 { return true }
            rest = rest.dropFirst(9 + length)
        }
        return false
    }
}

import PodCore
import Testing

@testable import PodAgent

@Suite struct WebSocketParserTests {
    /// A client's frame.
    static func frame(
        _ opcode: UInt8,
        _ payload: [UInt8],
        isFinal: Bool = true,
        reserved: UInt8 = 0,
        isMasked: Bool = true,
        lengthBytes: Int? = nil
    ) -> [UInt8] {
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reserved | opcode]
        let needed = payload.count < 126 ? 0 : payload.count < 65_536 ? 2 : 8
        let extra = lengthBytes ?? needed
        bytes.append((isMasked ? 0x80 : 0) | (extra == 0 ? UInt8(payload.count) : extra == 2 ? 126 : 127))
        for shift in (0..<extra).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: payload.count >> (8 * shift)))
        }
        if isMasked { bytes += mask }
        return bytes + (isMasked ? payload.enumerated().map { $1 ^ mask[$0 & 3] } : payload)
    }

    /// Messages and control frames, whatever the pieces.
    enum Seen: Equatable {
        case message([UInt8])
        case unfinished([UInt8])
        case ping([UInt8])
        case pong
        case close(UInt16?)
        case violation(UInt16)
    }

    static func read(_ pieces: [[UInt8]]) -> [Seen] {
        var parser = WebSocketParser()
        var seen: [Seen] = []
        var message: [UInt8]?
        do {
            for piece in pieces {
                parser.feed(piece)
                items: while true {
                    switch try parser.next() {
                    case .needsMore: break items
                    case .data(let bytes, let isFirst, let isLast):
                        #expect(isFirst == (message == nil))
                        message = (message ?? []) + bytes
                        if isLast {
                            seen.append(.message(message ?? []))
                            message = nil
                        }
                    case .ping(let payload): seen.append(.ping(payload))
                    case .pong: seen.append(.pong)
                    case .close(let code): seen.append(.close(code))
                    }
                }
            }
        } catch {
            seen.append(.violation(error.code))
        }
        if let message { seen.append(.unfinished(message)) }
        return seen
    }

    static let long = [UInt8]((0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })

    static let streams: [(bytes: [UInt8], seen: [Seen])] = [
        (frame(2, [0, 1, 2]), [.message([0, 1, 2])]),
        (frame(1, Array("hi".utf8)), [.message(Array("hi".utf8))]),
        (frame(2, []), [.message([])]),
        (
            frame(2, [1], isFinal: false) + frame(0, [2], isFinal: false) + frame(0, [3]),
            [.message([1, 2, 3])]
        ),
        (frame(2, [], isFinal: false) + frame(0, []), [.message([])]),
        (
            frame(2, [1], isFinal: false) + frame(9, [7]) + frame(10, []) + frame(0, [2]) + frame(2, [3]),
            [.ping([7]), .pong, .message([1, 2]), .message([3])]
        ),
        (frame(9, [UInt8](repeating: 5, count: 125)), [.ping([UInt8](repeating: 5, count: 125))]),
        (frame(2, Array(long[..<126])), [.message(Array(long[..<126]))]),
        (frame(8, [0x03, 0xE8]), [.close(1000)]),
        (frame(8, []), [.close(nil)]),
        (frame(8, [0x0F, 0xA0] + Array("why".utf8)), [.close(4000)]),
    ]

    @Test("However frames are cut, the messages are the same", arguments: streams.indices)
    func everyCut(index: Int) {
        let (bytes, seen) = Self.streams[index]
        #expect(Self.read([bytes]) == seen)
        #expect(Self.read(bytes.map { [$0] }) == seen)
        for cut in 0...bytes.count {
            #expect(Self.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == seen)
        }
    }

    @Test("A message of 64-bit length is read")
    func longMessage() {
        let bytes = Self.frame(2, Self.long)
        #expect(Self.read([bytes]) == [.message(Self.long)])
        #expect(Self.read([Array(bytes[..<33_333]), Array(bytes[33_333...])]) == [.message(Self.long)])
    }

    @Test("Data is handed on before its frame is complete, and nothing is kept")
    func piecewise() throws {
        var parser = WebSocketParser()
        // A frame that says it has 2^62 bytes.
        parser.feed([0x82, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
        for _ in 0..<50 {
            parser.feed([UInt8](repeating: 9, count: 10_000))
            guard case .data(let bytes, _, let isLast) = try parser.next() else {
                Issue.record("no data")
                return
            }
            #expect(bytes.count == 10_000 && !isLast)
            #expect(try parser.next() == .needsMore)
        }
    }

    @Test(
        "A peer that breaks the protocol is closed with 1002",
        arguments: [
            frame(2, [1], isMasked: false), frame(2, [1], reserved: 0x40), frame(2, [1], reserved: 0x10),
            frame(3, []),
            frame(11, []), frame(0, [1]), frame(2, [1], isFinal: false) + frame(2, [2]),
            frame(9, [1], isFinal: false),
            frame(9, [UInt8](repeating: 0, count: 126)), frame(8, [0x03]), frame(8, [0x03, 0xED]),
            frame(8, [0x03, 0xEE]), frame(8, [0x00, 0x01]), frame(8, [0x13, 0x88]),
            frame(2, [1], lengthBytes: 2),
            frame(2, [UInt8](repeating: 0, count: 300), lengthBytes: 8),
            [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
        ]
    )
    func violations(bytes: [UInt8]) {
        for pieces in [[bytes], bytes.map { [$0] }] {
            let seen = Self.read(pieces)
            #expect(seen.contains(.violation(1002)), "\(seen)")
        }
    }

    @Test(
        "The server's frames say their length in the shortest form",
        arguments: [0, 125, 126, 65_535, 65_536]
    )
    func serverFrames(count: Int) {
        let frame = WebSocketFrame.binary([UInt8](repeating: 7, count: count))
        let header: [UInt8] =
            switch count {
            case ...125: [0x82, UInt8(count)]
            case ...65_535: [0x82, 126, UInt8(count >> 8), UInt8(count & 255)]
            default: [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]
            }
        #expect(Array(frame.prefix(header.count)) == header)
        #expect(frame.count == header.count + count)
    }

    @Test("The reason of a close frame is cut to what fits")
    func closeReason() {
        #expect(WebSocketFrame.close(1002, String(repeating: "x", count: 500)).count == 2 + 125)
    }
}

@Suite struct WebSocketHandshakeTests {
    private static func head(_ change: (inout [String: String]) -> Void = { _ in }) -> HTTPRequestHead {
        var fields = [
            "upgrade": "websocket", "connection": "keep-alive, Upgrade", "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-protocol": "v4.channel.k8s.io, v5.channel.k8s.io, x",
        ]
        change(&fields)
        var headers = HTTPHeaders()
        for (name, value) in fields { headers.append(name, value) }
        return HTTPRequestHead(method: "GET", target: "/", minorVersion: 1, headers: headers)
    }

    @Test("The answer is the one of RFC 6455's example, with the server's favourite protocol")
    func example() throws {
        let handshake = try WebSocketHandshake(
            Self.head(),
            supported: ["v5.channel.k8s.io", "v4.channel.k8s.io"]
        )
        #expect(handshake.responseHeaders["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(handshake.responseHeaders["sec-websocket-protocol"] == "v5.channel.k8s.io")
        #expect(WebSocketHandshake.isRequested(Self.head()))
        #expect(!WebSocketHandshake.isRequested(Self.head { $0["connection"] = "keep-alive" }))
        #expect(!WebSocketHandshake.isRequested(Self.head { $0["upgrade"] = "SPDY/3.1" }))
    }

    @Test(
        "A handshake that is none is refused",
        arguments: [
            (["sec-websocket-version": "8"], 426), (["sec-websocket-key": "short"], 400),
            (["sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ"], 400), (["sec-websocket-protocol": "x"], 400),
            (["sec-websocket-protocol": ""], 400),
        ]
    )
    func refused(change: [String: String], code: Int) {
        let head = Self.head { $0.merge(change) { $1 } }
        let failure = #expect(throws: StatusFailure.self) {
            try WebSocketHandshake(head, supported: ["v5.channel.k8s.io"])
        }
        #expect(failure?.code == code)
    }

    @Test("Base64 goes both ways", arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
    func base64(text: String) {
        let vectors = [
            "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=",
            "foobar": "Zm9vYmFy",
        ]
        #expect(Base64.encode(Array(text.utf8)) == vectors[text])
        #expect(Base64.decode(vectors[text] ?? "") == Array(text.utf8))
        for bad in ["Zg", "Z===", "Zm9v=", "Zm9$", "====", "Zg==Zg=="] { #expect(Base64.decode(bad) == nil) }
    }
}

@Suite struct ChannelReaderTests {
    private static func piece(_ bytes: [UInt8], first: Bool = true, last: Bool = true)
        -> WebSocketConnection.Piece
    {
        WebSocketConnection.Piece(bytes: bytes, isFirst: first, isLast: last)
    }

    private static func read(_ pieces: [WebSocketConnection.Piece], _ version: ChannelProtocol = .v5)
        -> [ChannelReader.Item]
    {
        var reader = ChannelReader(version)
        return pieces.compactMap { reader.read($0) }
    }

    @Test("Input is passed on piece by piece, with its channel only at the beginning")
    func input() {
        #expect(
            Self.read([Self.piece([0, 1, 2], last: false), Self.piece([3], first: false), Self.piece([0])])
                == [.stdin([1, 2]), .stdin([3])]
        )
        #expect(Self.read([Self.piece([], last: false), Self.piece([0, 9], first: false)]) == [.stdin([9])])
    }

    @Test("A size is read when it is whole, and nonsense is ignored")
    func sizes() {
        let json = Array(#"{"Width":80,"Height":24}"#.utf8)
        let size = ChannelReader.Item.resize(TerminalSize(width: 80, height: 24))
        #expect(Self.read([Self.piece([4] + json)]) == [size])
        #expect(
            Self.read([
                Self.piece([4] + json.prefix(5), last: false),
                Self.piece(Array(json.dropFirst(5)), first: false),
            ])
                == [size]
        )
        for nonsense in [
            "", "x", #"{"Width":-1,"Height":2}"#, #"{"Width":0,"Height":2}"#, #"{"Width":99999,"Height":2}"#,
        ] {
            #expect(Self.read([Self.piece([4] + Array(nonsense.utf8))]).isEmpty)
        }
        let huge = [UInt8](repeating: 0x20, count: 10_000)
        #expect(
            Self.read(
                [Self.piece([4], last: false)]
                    + (0..<50).map { _ in Self.piece(huge, first: false, last: false) }
            ).isEmpty
        )
    }

    @Test("Only v5 can close its input, and other channels are not a client's")
    func closing() {
        #expect(Self.read([Self.piece([255, 0])]) == [.closeStdin])
        #expect(Self.read([Self.piece([255, 0])], .v4).isEmpty)
        #expect(
            Self.read([
                Self.piece([255, 1]), Self.piece([1, 2]), Self.piece([2]), Self.piece([3, 0]),
                Self.piece([77]),
            ]).isEmpty
        )
    }
}

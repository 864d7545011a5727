import Testing

@testable import PodAgent

@Suite struct HTTPRequestParserTests {
    /// What a parser made of some bytes: the requests it saw whole, and how it ended.
    struct Reading: Equatable, Sendable {
        var heads: [HTTPRequestHead] = []
        var bodies: [[UInt8]] = []
        var ends = 0
        var refusal: HTTPRefusal?
    }

    static func read(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) -> Reading {
        var parser = HTTPRequestParser(limits: limits)
        var reading = Reading()
        do {
            for piece in pieces {
                parser.feed(piece)
                steps: while true {
                    switch try parser.next() {
                    case .needsMore: break steps
                    case .head(let head):
                        reading.heads.append(head)
                        reading.bodies.append([])
                    case .body(let bytes): reading.bodies[reading.bodies.count - 1] += bytes
                    case .end: reading.ends += 1
                    }
                }
            }
        } catch {
            reading.refusal = error
            #expect(throws: error) { try parser.next() }
        }
        return reading
    }

    /// `\n` in the text stands for CR LF.
    static func bytes(_ text: String) -> [UInt8] {
        Array(text.utf8.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] })
    }

    static let good: [(name: String, text: String)] = [
        ("a plain GET", "GET /a?b=c HTTP/1.1\nHost: x\n\n"),
        ("an empty line before it", "\nGET / HTTP/1.1\nHost: x\n\n"),
        ("an old client", "GET / HTTP/1.0\n\n"),
        ("a body with a length", "POST /p HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello"),
        ("a length of 0", "POST /p HTTP/1.1\nHost: x\nContent-Length: 0\n\n"),
        (
            "a body in chunks",
            "POST /p HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n3\nabc\n0A;ext=\"1\"\n0123456789\n0\n\n"
        ),
        (
            "chunks with a trailer",
            "POST /p HTTP/1.1\nHost: x\nTransfer-Encoding: Chunked\n\n1\na\n0\nX-Sum: 1\n\n"
        ),
        ("an absolute target", "GET http://localhost/api HTTP/1.1\nHost: localhost\n\n"),
        (
            "three at once",
            "GET /1 HTTP/1.1\nHost: x\n\nPOST /2 HTTP/1.1\nHost: x\nContent-Length: 2\n\nabGET /3 HTTP/1.1\nHost: x\n\n"
        ),
        ("blanks around a value", "GET / HTTP/1.1\nHost: \t x \t\nAccept:\n\n"),
        ("an upgrade", "GET /e HTTP/1.1\nHost: x\nConnection: keep-alive, Upgrade\nUpgrade: websocket\n\n"),
        ("a client that waits", "POST / HTTP/1.1\nHost: x\nExpect: 100-Continue\nContent-Length: 1\n\nx"),
    ]

    static let bad: [(status: Int, text: String)] = [
        (400, "GET / HTTP/1.1\n\n"),
        (400, "GET / HTTP/1.1\nHost: x\nHost: y\n\n"),
        (400, "GET  / HTTP/1.1\nHost: x\n\n"),
        (400, "GET /a b HTTP/1.1\nHost: x\n\n"),
        (400, "GET /\u{7F} HTTP/1.1\nHost: x\n\n"),
        (400, "GET /é HTTP/1.1\nHost: x\n\n"),
        (400, "GET relative HTTP/1.1\nHost: x\n\n"),
        (400, "GET * HTTP/1.1\nHost: x\n\n"),
        (400, "GET http:///x HTTP/1.1\nHost: x\n\n"),
        (400, "CONNECT example.com:443 HTTP/1.1\nHost: x\n\n"),
        (400, "G\u{0}T / HTTP/1.1\nHost: x\n\n"),
        (400, "G@T / HTTP/1.1\nHost: x\n\n"),
        (400, " GET / HTTP/1.1\nHost: x\n\n"),
        (400, "/ HTTP/1.1\nHost: x\n\n"),
        (400, "GET /\nHost: x\n\n"),
        (400, "GET / XTTP/1.1\nHost: x\n\n"),
        (400, "\n\nGET / HTTP/1.1\nHost: x\n\n"),
        (400, String(repeating: "A", count: 33) + " / HTTP/1.1\nHost: x\n\n"),
        (505, "GET / HTTP/2.0\nHost: x\n\n"),
        (505, "GET / HTTP/1.10\nHost: x\n\n"),
        (400, "GET / HTTP/1.1\nHost : x\n\n"),
        (400, "GET / HTTP/1.1\nHost: x\n folded: y\n\n"),
        (400, "GET / HTTP/1.1\nHost: x\n: y\n\n"),
        (400, "GET / HTTP/1.1\nHost: x\nno colon\n\n"),
        (400, "GET / HTTP/1.1\nHost: x\nA: b\u{0}c\n\n"),
        (400, "GET / HTTP/1.1\nHost: x\nA: b\u{1B}c\n\n"),
        (400, "GET / HTTP/1.1\nHost: x\nA(: b\n\n"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: 5\nContent-Length: 6\n\nhello"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: 5\nContent-Length: 5\n\nhello"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: 5, 5\n\nhello"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: +5\n\nhello"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: -1\n\nhello"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: 0x5\n\nhello"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: \n\nhello"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: 9999999999999999999\n\nhello"),
        (413, "POST / HTTP/1.1\nHost: x\nContent-Length: 16777217\n\n"),
        (400, "POST / HTTP/1.1\nHost: x\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nContent-Length: 5\n\n0\n\n"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\n\n"),
        (501, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: gzip, chunked\n\n0\n\n"),
        (501, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked, identity\n\n0\n\n"),
        (501, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: xchunked\n\n0\n\n"),
        (400, "POST / HTTP/1.0\nHost: x\nTransfer-Encoding: chunked\n\n0\n\n"),
        (417, "POST / HTTP/1.1\nHost: x\nExpect: more\nContent-Length: 1\n\nx"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nxyz\n"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n\n"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n-1\n"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n+1\na\n"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n1 \na\n"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n123456789\n"),
        (413, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n1000001\n"),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n3\nabcd\n0\n\n"),
        (
            400,
            "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n1;" + String(repeating: "x", count: 300)
                + "\na\n"
        ),
        (400, "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n0\nbad trailer\n\n"),
    ]

    @Test("However a request is cut, it is read the same", arguments: good.map(\.text))
    func everyCut(text: String) {
        let bytes = Self.bytes(text)
        let whole = Self.read([bytes])
        #expect(whole.refusal == nil)
        #expect(whole.ends == whole.heads.count && whole.ends > 0)
        #expect(Self.read(bytes.map { [$0] }) == whole)
        for cut in 0...bytes.count {
            #expect(Self.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "cut at \(cut)")
        }
    }

    @Test("What can be understood in two ways is refused, however it is cut", arguments: bad)
    func refusals(status: Int, text: String) {
        let bytes = Self.bytes(text)
        let whole = Self.read([bytes])
        #expect(whole.refusal?.status == status)
        #expect(Self.read(bytes.map { [$0] }) == whole)
        for cut in 0...bytes.count {
            #expect(Self.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "cut at \(cut)")
        }
    }

    @Test(
        "Line ends that are not CR LF are refused",
        arguments: [
            "GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nHost: x\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
            "GET / HTTP/1.1\r\r\nHost: x\r\n\r\n", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        ]
    )
    func lineEnds(text: String) { #expect(Self.read([Array(text.utf8)]).refusal?.status == 400) }

    @Test("The parts of a request are as they were sent")
    func parts() throws {
        let reading = Self.read([Self.bytes(Self.good[5].text)])
        #expect(reading.bodies == [Array("abc0123456789".utf8)])
        #expect(reading.heads[0].method == "POST")
        #expect(reading.heads[0].body == .chunked)
        #expect(Self.read([Self.bytes(Self.good[7].text)]).heads[0].target == "/api")
        let three = Self.read([Self.bytes(Self.good[8].text)])
        #expect(three.heads.map(\.target) == ["/1", "/2", "/3"])
        #expect(three.bodies == [[], Array("ab".utf8), []])
        let blanks = Self.read([Self.bytes(Self.good[9].text)]).heads[0]
        #expect(blanks.headers["host"] == "x")
        #expect(blanks.headers["accept"] == "")
        #expect(
            Self.read([Self.bytes(Self.good[10].text)]).heads[0].headers.tokens("connection") == [
                "keep-alive", "upgrade",
            ]
        )
        #expect(Self.read([Self.bytes(Self.good[11].text)]).heads[0].expectsContinue)
    }

    @Test(
        "A connection goes on after a request, or not",
        arguments: [
            ("HTTP/1.1\nHost: x\n", true), ("HTTP/1.1\nHost: x\nConnection: close\n", false),
            ("HTTP/1.1\nHost: x\nConnection: foo, Close\n", false), ("HTTP/1.0\n", false),
            ("HTTP/1.0\nConnection: Keep-Alive\n", true),
        ]
    )
    func keepsAlive(rest: String, keeps: Bool) {
        #expect(Self.read([Self.bytes("GET / \(rest)\n")]).heads.first?.keepsAlive == keeps)
    }

    @Test("A head that is too large is refused as soon as it is", arguments: [1, 7, 65_536])
    func headLimit(piece: Int) {
        var limits = HTTPLimits()
        limits.headBytes = 200
        let text = "GET / HTTP/1.1\nHost: x\nA: " + String(repeating: "x", count: 1_000)
        let bytes = Self.bytes(text)
        let pieces = stride(from: 0, to: bytes.count, by: piece).map {
            Array(bytes[$0..<min($0 + piece, bytes.count)])
        }
        #expect(Self.read(pieces, limits: limits).refusal?.status == 431)
        let lines = "GET / HTTP/1.1\nHost: x\n" + String(repeating: "A: b\n", count: 99) + "\n"
        #expect(Self.read([Self.bytes(lines)]).refusal == nil)
        let more = "GET / HTTP/1.1\nHost: x\n" + String(repeating: "A: b\n", count: 100) + "\n"
        #expect(Self.read([Self.bytes(more)]).refusal?.status == 431)
    }

    @Test("Chunks are added up against the limit")
    func chunkedBodyLimit() {
        var limits = HTTPLimits()
        limits.bodyBytes = 10
        let head = "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n"
        #expect(Self.read([Self.bytes(head + "5\nabcde\n5\nabcde\n0\n\n")], limits: limits).refusal == nil)
        #expect(
            Self.read([Self.bytes(head + "5\nabcde\n6\nabcdef\n0\n\n")], limits: limits).refusal?.status
                == 413
        )
    }

    @Test("Random bytes end in a refusal or a wait, never in anything else")
    func noise() {
        var generator = SeededGenerator(seed: 7)
        let alphabet = Array(
            "GET POST/ HTTP/1.1\r\n\r\nHost: Content-Length: chunked 0123456789abc;\u{0}".utf8
        )
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0..<300, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            let whole = Self.read([bytes])
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            #expect(Self.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole)
        }
    }
}

/// The same numbers in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

import PodCore
import Testing

@Suite struct HTTPHeadReaderTests {
    /// Reads lines, and returns what the last one was.
    private static func read(_ lines: [String]) throws(NetworkFailure) -> HTTPHeadReader.Line {
        var reader = HTTPHeadReader()
        var last = HTTPHeadReader.Line.more
        for line in lines {
            let bytes = Array("\(line)\r\n".utf8)
            let result = bytes.withUnsafeBufferPointer { bytes in
                Result { () throws(NetworkFailure) in try reader.read(bytes) }
            }
            last = try result.get()
        }
        return last
    }

    struct Head: CustomTestStringConvertible {
        let testDescription: String
        let lines: [String]
        let last: HTTPHeadReader.Line

        init(_ name: String, _ lines: [String], _ last: HTTPHeadReader.Line) {
            (testDescription, self.lines, self.last) = (name, lines, last)
        }
    }

    @Test(
        "The head of the final response is found, with where it leads",
        arguments: [
            Head("HTTP/1.1", ["HTTP/1.1 200 OK", ""], .endOfHead(.init(status: 200))),
            Head("HTTP/2, without words", ["HTTP/2 503 ", ""], .endOfHead(.init(status: 503))),
            Head("No end yet", ["HTTP/1.1 200 OK"], .more),
            Head("A header", ["HTTP/1.1 200 OK", "X-Y:  z "], .header(name: "X-Y", value: "z")),
            Head("No header", ["HTTP/1.1 200 OK", "nonsense"], .more),
            Head(
                "Location, whatever its case; the first counts",
                ["HTTP/1.1 302 Found", "LOCATION: /a", "Location: /b", ""],
                .endOfHead(.init(status: 302, location: "/a"))
            ),
            Head(
                "An informational response is not the final one",
                ["HTTP/1.1 103 Early Hints", "Location: /x", ""],
                .more
            ),
            Head(
                "What stood in it is forgotten",
                ["HTTP/1.1 103 Early Hints", "Location: /x", "", "HTTP/1.1 200 OK", ""],
                .endOfHead(.init(status: 200))
            ),
            Head("101 is final", ["HTTP/1.1 101 Switching", ""], .endOfHead(.init(status: 101))),
            Head(
                "Trailers come after, and end nothing",
                ["HTTP/2 200", "", "grpc-status: 0", ""],
                .more
            ),
            Head(
                "A trailer",
                ["HTTP/2 200", "", "grpc-status: 0"],
                .header(name: "grpc-status", value: "0")
            ),
        ]
    )
    func heads(_ head: Head) throws {
        #expect(try Self.read(head.lines) == head.last)
    }

    @Test(
        "A first line without a status is none",
        arguments: [
            "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1 -20 OK", "HTTP/1.1 099 x",
        ]
    )
    func noStatus(_ line: String) {
        #expect(throws: NetworkFailure.self) { try Self.read([line]) }
    }

    @Test("So many bytes are taken, and not one more, however they are spread")
    func limit() throws {
        let line = String(repeating: "x", count: 1_022)
        let lines = [String](repeating: line, count: HTTPHeadReader.bytesMax / 1_024)
        #expect(try Self.read(lines) == .more)
        #expect(throws: NetworkFailure.headersTooLong(max: HTTPHeadReader.bytesMax)) {
            try Self.read(lines + [""])
        }
        let flood = [String](repeating: "HTTP/1.1 100 Continue", count: 20_000)
        #expect(throws: NetworkFailure.headersTooLong(max: HTTPHeadReader.bytesMax)) { try Self.read(flood) }
    }
}

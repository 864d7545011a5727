import Testing

@testable import PodCore

@Suite struct LogRenderingTests {
    private static let file = [
        "2026-01-02T03:04:05.000000001Z stdout F one",
        "2026-01-02T03:04:06.5Z stderr F two",
        "garbage",
        "2026-01-02T03:04:07Z stdout P thr",
        "2026-01-02T03:04:07.1Z stdout F ee",
        "",
        "2026-01-02T03:04:08Z stdout F ",
        "2026-01-02T03:04:09+01:00 stdout F:x five",
    ]

    /// What the client reads of the lines.
    private static func rendered(_ lines: [String], _ change: (inout LogOptions) -> Void = { _ in }) -> String
    {
        var options = LogOptions()
        change(&options)
        var renderer = LogRenderer(options)
        var output: [UInt8] = []
        for line in lines { renderer.render(Array(line.utf8)[...], into: &output) }
        return String(decoding: output, as: UTF8.self)
    }

    @Test("Lines are shown, parts joined, and what is no log line is skipped")
    func plain() {
        #expect(Self.rendered(Self.file) == "one\ntwo\nthree\n\nfive\n")
    }

    @Test("Times stand at the beginning of lines only, with nine digits and in UTC")
    func timestamps() {
        #expect(
            Self.rendered(Self.file) { $0.timestamps = true } == """
                2026-01-02T03:04:05.000000001Z one
                2026-01-02T03:04:06.500000000Z two
                2026-01-02T03:04:07.000000000Z three
                2026-01-02T03:04:08.000000000Z \n\
                2026-01-02T02:04:09.000000000Z five

                """
        )
    }

    @Test("Entries of the time asked for are shown, and later ones")
    func since() {
        let since = Timestamp(rfc3339: "2026-01-02T03:04:06.5Z")
        #expect(Self.rendered(Self.file) { $0.since = since } == "two\nthree\n\n")
    }

    @Test(
        "The limit cuts hard, times included",
        arguments: [
            (1, "o"), (4, "one\n"), (6, "one\ntw"), (14, "one\ntwo\nthree\n"),
            (1_000, "one\ntwo\nthree\n\nfive\n"),
        ]
    )
    func limit(bytes: Int64, text: String) {
        #expect(Self.rendered(Self.file) { $0.limitBytes = bytes } == text)
        #expect(
            Self.rendered(["2026-01-02T03:04:05Z stdout F one"]) {
                $0.limitBytes = 5
                $0.timestamps = true
            } == "2026-"
        )
    }

    @Test("One stream may be asked for")
    func streams() {
        #expect(Self.rendered(Self.file) { $0.streams = .stderr } == "two\n")
        #expect(Self.rendered(Self.file) { $0.streams = .stdout } == "one\nthree\n\nfive\n")
    }

    @Test(
        "What is no line of the format is none",
        arguments: [
            "", " ", "x", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z stdout",
            "2026-01-02T03:04:05Z stdout F",
            "2026-01-02T03:04:05Z stdin F x", "2026-01-02T03:04:05 stdout F x",
            "2026-13-02T03:04:05Z stdout F x",
            "2026-01-02T03:04:05Z stdout  x", "2026-01-02T03:04:05Z stdout :P x", " stdout F x",
            "2026-01-02T03:04:05Z STDOUT F x", String(repeating: "9", count: 100) + " stdout F x",
        ]
    )
    func garbage(line: String) { #expect(CRILogLine(Array(line.utf8)[...]) == nil) }

    @Test("Bytes that are no text pass through as they are")
    func binary() {
        var renderer = LogRenderer(LogOptions())
        var output: [UInt8] = []
        renderer.render(
            Array("2026-01-02T03:04:05Z stdout F ".utf8)[...] + [0xFF, 0x00, 0x0D],
            into: &output
        )
        #expect(output == [0xFF, 0x00, 0x0D, 0x0A])
    }
}

@Suite struct LineSplitterTests {
    private static func lines(_ pieces: [[UInt8]]) -> [String] {
        var splitter = LineSplitter()
        var lines: [String] = []
        for piece in pieces {
            splitter.feed(piece) { line in
                lines.append(String(decoding: line, as: UTF8.self))
                return true
            }
        }
        return lines
    }

    @Test("However the bytes are cut, the lines are the same; what has no newline yet is none")
    func everyCut() {
        let bytes = Array("one\n\ntwo\nthree".utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]].map { Array($0) }
                #expect(Self.lines(pieces) == ["one", "", "two"])
            }
        }
    }

    @Test("A line without end takes no memory, and the one after it is read")
    func endlessLine() {
        var splitter = LineSplitter()
        let block = [UInt8](repeating: 0x78, count: 65_536)
        for _ in 0..<100 {
            splitter.feed(block) { _ in true }
            #expect(splitter.bytesHeld <= LineSplitter.lineMax)
        }
        var lines: [String] = []
        splitter.feed(Array("tail\nnext\n".utf8)) { line in
            lines.append(String(decoding: line, as: UTF8.self))
            return true
        }
        #expect(lines == ["next"])
    }

    @Test("The longest line passes, one byte more is dropped", arguments: [0, 1])
    func longestLine(excess: Int) {
        let line = [UInt8](repeating: 0x78, count: LineSplitter.lineMax + excess)
        #expect(Self.lines([line + [0x0A]]).count == 1 - excess)
        #expect(Self.lines([Array(line.dropLast(10)), Array(line.suffix(10)) + [0x0A]]).count == 1 - excess)
    }

    @Test("Nothing more is read when enough has been")
    func stops() {
        var splitter = LineSplitter()
        var count = 0
        splitter.feed(Array("a\nb\nc\n".utf8)) { _ in
            count += 1
            return count < 2
        }
        #expect(count == 2)
    }
}

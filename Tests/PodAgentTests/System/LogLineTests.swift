import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite struct LogLineTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var message = "it works"
        var priority = Log.Priority.notice
        var node: String? = nil
        var format = Log.Format.text
        var toJournal = false
        var line: String
    }

    @Test(
        "A line is written as its reader wants it",
        arguments: [
            Case(testDescription: "text", line: "2026-01-02T03:04:05Z notice it works"),
            Case(testDescription: "text in the journal", toJournal: true, line: "<5>it works"),
            Case(
                testDescription: "an error in the journal",
                priority: .error,
                toJournal: true,
                line: "<3>it works"
            ),
            Case(
                testDescription: "JSON",
                priority: .warning,
                node: "n1",
                format: .json,
                line:
                    #"{"time":"2026-01-02T03:04:05.006000000Z","level":"warning","priority":4,"message":"it works","node":"n1"}"#
            ),
            Case(
                testDescription: "JSON in the journal, which takes the mark away",
                format: .json,
                toJournal: true,
                line:
                    #"<5>{"time":"2026-01-02T03:04:05.006000000Z","level":"notice","priority":5,"message":"it works"}"#
            ),
            Case(
                testDescription: "a message of several lines",
                message: "one\ntwo\r\n<3>three",
                toJournal: true,
                line: "<5>one two <3>three"
            ),
            Case(
                testDescription: "a message that would clear a terminal",
                message: "\u{1B}[2J\u{7}x\u{9B}",
                toJournal: true,
                line: "<5>\u{FFFD}[2J\u{FFFD}x\u{FFFD}"
            ),
            Case(
                testDescription: "a message with quotation marks, as JSON",
                message: #"a "b" \c"#,
                format: .json,
                line:
                    #"{"time":"2026-01-02T03:04:05.006000000Z","level":"notice","priority":5,"message":"a \"b\" \\c"}"#
            ),
        ]
    )
    func rendered(_ expected: Case) throws {
        let time = Timestamp(nanoseconds: 1_767_323_045_006_000_000)
        let line = LogLine(
            time: time,
            priority: expected.priority,
            message: expected.message,
            nodeName: expected.node
        )
        #expect(line.rendered(expected.format, toJournal: expected.toJournal) == expected.line)
    }

    @Test("A message that journald would cut in two is cut by us, and stays whole characters")
    func long() {
        let text = LogLine.clean(String(repeating: "ä", count: 100_000))
        #expect(text.utf8.count <= LogLine.messageBytesMax + 8)
        #expect(text.hasPrefix("äää") && text.hasSuffix("ä…"))
    }

    @Test("The journal is what JOURNAL_STREAM names, not what merely has the variable")
    func journal() throws {
        var status = stat()
        let raw = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(raw) }
        try #require(fstat(raw, &status) == 0)
        #expect(LogLine.isJournal(descriptor: raw, named: "\(status.st_dev):\(status.st_ino)"))
        #expect(!LogLine.isJournal(descriptor: raw, named: "\(status.st_dev):\(status.st_ino + 1)"))
        #expect(!LogLine.isJournal(descriptor: raw, named: nil))
    }
}

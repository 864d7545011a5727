import Dispatch
import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite(.blocking) struct LogLineTests {
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

    @Test(
        "Lines that several threads write at once are whole, though a pipe takes no more than a part of one"
    )
    func whole() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let writer = LineWriter(descriptor: ends[1])
        let (threads, lines, length) = (4, 50, 20_000)
        let group = DispatchGroup()
        for thread in 0..<threads {
            let line = String(repeating: "\(thread)", count: length)
            DispatchQueue(label: "writer \(thread)").async(group: group) {
                for _ in 0..<lines { writer.write(line) }
            }
        }
        let writing = ends[1]
        group.notify(queue: DispatchQueue(label: "end")) { close(writing) }
        let text = try readToEnd(Descriptor(adopting: ends[0]))
        let found = text.split(separator: 10)
        #expect(found.count == threads * lines)
        #expect(found.allSatisfy { $0.count == length && Set($0).count == 1 })
    }

    private func readToEnd(_ file: borrowing Descriptor) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = try check("read", "pipe") { read(file.raw, &buffer, buffer.count) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}

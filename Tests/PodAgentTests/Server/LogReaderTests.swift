import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// A container's log directory and the shim that writes into it.
private final class FakeLog: Sendable {
    let temporary: TemporaryDirectory
    private let rotations = Mutex(0)

    init() throws { temporary = try TemporaryDirectory() }

    var directory: RootedDirectory { temporary.directory }

    /// Appends lines to a file, making it if it is not there.
    func write(_ texts: String..., to name: String = "0.log") throws {
        try writeRaw(texts.map { "2026-01-02T03:04:05.000000000Z stdout F \($0)\n" }.joined(), to: name)
    }

    func writeRaw(_ text: String, to name: String = "0.log") throws {
        let file = try directory.open(
            name,
            flags: O_WRONLY | O_CREAT | O_APPEND,
            mode: 0o640,
            resolution: .beneathWithoutLinks
        )
        try writeAll(file, Array(text.utf8), subject: name)
    }

    /// Renames the current file, as the shim does before it opens the next.
    func rotate(number: Int? = nil) throws {
        let count = rotations.withLock { count in
            count += 1
            return count
        }
        let name = "0.log.20260102-0304" + (count < 10 ? "0\(count)" : "\(count)")
        try check("renameat", name) { renameat(directory.raw, "0.log", directory.raw, name) }
    }

    func source(end: AsyncStream<Never> = AsyncStream { $0.finish() }) -> LogSource {
        LogSource(directory: directory, restartCount: 0, end: end)
    }

    func read(_ change: (inout LogOptions) -> Void = { _ in }) async throws -> String {
        var options = LogOptions()
        change(&options)
        let output = Output()
        try await CRILogReader(source(), options, watcher: DirectoryWatcher()).run { output.append($0) }
        return output.text
    }
}

private final class Output: Sendable {
    private let bytes = Mutex<[UInt8]>([])

    func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }

    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }

    func becomes(_ text: String) async -> Bool { await eventually { self.text == text } }
}

@Suite struct LogReaderTests {
    @Test("All files of the instance are read, oldest first")
    func rotatedFiles() async throws {
        let log = try FakeLog()
        try log.write("one", "two")
        try log.rotate()
        try log.write("three")
        try log.rotate()
        try log.write("four")
        try log.write("other instance", to: "1.log")
        try log.writeRaw("not a log", to: "0.log.gz")
        #expect(try await log.read() == "one\ntwo\nthree\nfour\n")
        for (lines, text) in [
            (0, ""), (1, "four\n"), (2, "three\nfour\n"), (3, "two\nthree\nfour\n"),
            (9, "one\ntwo\nthree\nfour\n"),
        ] {
            #expect(try await log.read { $0.tailLines = Int64(lines) } == text)
        }
    }

    @Test("A log that is not there, or empty, is empty")
    func empty() async throws {
        let log = try FakeLog()
        #expect(try await log.read() == "")
        #expect(try await log.read { $0.tailLines = 5 } == "")
        try log.writeRaw("")
        #expect(try await log.read() == "")
    }

    @Test("Garbage, torn lines and binary trash do not end a log")
    func garbage() async throws {
        let log = try FakeLog()
        try log.write("one")
        try log.writeRaw("garbage\n\n\u{0}\u{0}\u{0}\n2026-01-02T03:04:05Z stdout F torn")
        try log.rotate()
        try log.writeRaw("2026-01-02T03:04:05Z std\n")
        try log.write("two")
        try log.writeRaw("2026-01-02T03:04:05Z stdout F unfinished")
        #expect(try await log.read() == "one\ntwo\n")
    }

    @Test("What is no regular file is not read", arguments: ["fifo", "link", "directory"])
    func strangeFiles(kind: String) async throws {
        let log = try FakeLog()
        try log.write("secret", to: "elsewhere")
        switch kind {
        case "fifo": #expect(mkfifo(log.temporary.path + "/0.log", 0o600) == 0)
        case "link": #expect(symlink("elsewhere", log.temporary.path + "/0.log") == 0)
        default: _ = try log.directory.makeDirectory("0.log", mode: 0o755)
        }
        #expect(try await log.read() == "")
    }

    @Test("The tail of a large log is found without reading all of it, at every offset to the blocks")
    func largeTail() async throws {
        let log = try FakeLog()
        let line = String(repeating: "x", count: 997)
        var text = ""
        for index in 0..<3_000 { text += "2026-01-02T03:04:05Z stdout F \(index) \(line)\n" }
        try log.writeRaw(text)
        for lines in [1, 63, 64, 65, 128, 2_999] {
            let output = try await log.read { $0.tailLines = Int64(lines) }
            #expect(output.utf8.count { $0 == 0x0A } == lines)
            #expect(output.hasPrefix("\(3_000 - lines) "))
        }
    }

    @Test("A hundred megabytes without a newline take no memory")
    func endlessLine() async throws {
        // In a process of its own, because other tests take memory meanwhile.
        await #expect(processExitsWith: .success) {
            let log = try FakeLog()
            try log.write("before")
            let file = try log.directory.open("0.log", flags: O_WRONLY, resolution: .beneathWithoutLinks)
            // A hole: zeroes that take no disk.
            #expect(ftruncate(file.raw, 100_000_000) == 0)
            try log.writeRaw("\n")
            try log.write("after")
            let before = try Self.residentMegabytes()
            #expect(try await log.read() == "before\nafter\n")
            #expect(try Self.residentMegabytes() < before + 50)
        }
    }

    private static func residentMegabytes() throws -> Int {
        let proc = try RootedDirectory(hostPath: "/proc/self")
        let text = String(decoding: try proc.read("statm", limit: 1_000), as: UTF8.self)
        return (Int(text.split(separator: " ")[1]) ?? 0) * 4_096 / 1_048_576
    }

    @Test("Reading stops at the limit")
    func limit() async throws {
        let log = try FakeLog()
        for _ in 0..<1_000 { try log.write("line") }
        #expect(try await log.read { $0.limitBytes = 12 } == "line\nline\nli")
    }

    // MARK: Following

    /// Follows in a task of its own.
    private static func follow(
        _ log: FakeLog,
        _ watcher: DirectoryWatcher,
        end: AsyncStream<Never>,
        tail: Int64? = nil,
        limit: Int64? = nil
    ) -> (task: Task<Void, any Error>, output: Output) {
        var options = LogOptions()
        options.follow = true
        options.tailLines = tail
        options.limitBytes = limit
        let output = Output()
        let reader = CRILogReader(log.source(end: end), options, watcher: watcher)
        return (Task { try await reader.run { output.append($0) } }, output)
    }

    @Test("A followed log goes on over rotations and ends with its container")
    func follow() async throws {
        let log = try FakeLog()
        let watcher = DirectoryWatcher()
        let (end, ending) = AsyncStream<Never>.makeStream()
        try log.write("one", "two")
        let (task, output) = Self.follow(log, watcher, end: end, tail: 1)
        #expect(await output.becomes("two\n"))
        try log.write("three")
        #expect(await output.becomes("two\nthree\n"))
        try log.writeRaw("2026-01-02T03:04:05Z stdout F fo")
        try log.writeRaw("ur\n")
        #expect(await output.becomes("two\nthree\nfour\n"))
        try log.rotate()
        try await Task.sleep(for: .milliseconds(20))
        try log.write("five")
        #expect(await output.becomes("two\nthree\nfour\nfive\n"))
        // Several rotations at once, and a last line after the last look.
        try log.write("six")
        try log.rotate()
        try log.write("seven")
        try log.rotate()
        try log.write("eight")
        ending.finish()
        try await task.value
        #expect(output.text == "two\nthree\nfour\nfive\nsix\nseven\neight\n")
        #expect(await eventually { watcher.watchCount == 0 })
        watcher.close()
    }

    @Test("A log that is not there yet is followed from its first line")
    func followBeforeTheStart() async throws {
        let log = try FakeLog()
        let watcher = DirectoryWatcher()
        let (end, ending) = AsyncStream<Never>.makeStream()
        let (task, output) = Self.follow(log, watcher, end: end)
        #expect(await eventually { watcher.watchCount == 1 })
        try log.write("one")
        #expect(await output.becomes("one\n"))
        ending.finish()
        try await task.value
        watcher.close()
    }

    @Test("Following what has ended already reads it to the end")
    func followThePast() async throws {
        let log = try FakeLog()
        let watcher = DirectoryWatcher()
        try log.write("one")
        let (task, output) = Self.follow(log, watcher, end: AsyncStream { $0.finish() })
        try await task.value
        #expect(output.text == "one\n")
        watcher.close()
    }

    @Test("Following ends at the limit, and when it is cancelled")
    func followEnds() async throws {
        let log = try FakeLog()
        let watcher = DirectoryWatcher()
        let (end, ending) = AsyncStream<Never>.makeStream()
        try log.write("one", "two")
        let (limited, output) = Self.follow(log, watcher, end: end, limit: 5)
        try await limited.value
        #expect(output.text == "one\nt")
        let (cancelled, _) = Self.follow(log, watcher, end: end)
        #expect(await eventually { watcher.watchCount == 1 })
        cancelled.cancel()
        _ = await cancelled.result
        #expect(await eventually { watcher.watchCount == 0 })
        ending.finish()
        watcher.close()
    }

    @Test("Under a storm of lines and rotations every line is read once", arguments: 0..<3)
    func storm(round: Int) async throws {
        let log = try FakeLog()
        let watcher = DirectoryWatcher()
        let (end, ending) = AsyncStream<Never>.makeStream()
        try log.write("0")
        let (task, output) = Self.follow(log, watcher, end: end)
        var generator = SeededGenerator(seed: UInt64(round))
        for line in 1...2_000 {
            try log.write("\(line)")
            if Int.random(in: 0..<60, using: &generator) == 0 { try log.rotate() }
        }
        ending.finish()
        try await task.value
        #expect(output.text == (0...2_000).map { "\($0)\n" }.joined())
        watcher.close()
    }

    @Test("Two who follow one directory share its watch")
    func sharedWatch() async throws {
        let log = try FakeLog()
        let watcher = DirectoryWatcher()
        let (end, ending) = AsyncStream<Never>.makeStream()
        let first = Self.follow(log, watcher, end: end)
        let second = Self.follow(log, watcher, end: AsyncStream.makeStream(of: Never.self).stream)
        try log.write("one")
        #expect(await first.output.becomes("one\n"))
        #expect(await second.output.becomes("one\n"))
        #expect(watcher.watchCount == 1)
        ending.finish()
        try await first.task.value
        try log.write("two")
        #expect(await second.output.becomes("one\ntwo\n"))
        second.task.cancel()
        _ = await second.task.result
        watcher.close()
    }
}

@Suite struct LogRequestTests {
    private static let path = "/api/v1/namespaces/default/pods/a/log"

    private static func withLog(_ body: (ServerFixture) async throws -> Void) async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let old = "2026-01-02T03:04:05Z stdout F old\n"
            try fixture.node.logs.replaceFile("0.log", with: Array(old.utf8), mode: 0o640)
            let new = "2026-01-02T03:04:06Z stdout F one\n2026-01-02T03:04:07Z stderr F two\n"
            try fixture.node.logs.replaceFile("1.log", with: Array(new.utf8), mode: 0o640)
            try await body(fixture)
        }
    }

    @Test(
        "The query chooses what is shown",
        arguments: [
            ("", "one\ntwo\n"), ("?container=main", "one\ntwo\n"), ("?previous=true", "old\n"),
            ("?tailLines=1", "two\n"), ("?limitBytes=5", "one\nt"),
            ("?sinceTime=2026-01-02T03:04:07Z", "two\n"),
            ("?sinceSeconds=1", ""), ("?stream=Stderr", "two\n"), ("?follow=false&previous=0", "one\ntwo\n"),
            ("?tailLines=1&timestamps=true", "2026-01-02T03:04:07.000000000Z two\n"),
            ("?insecureSkipTLSVerifyBackend=true", "one\ntwo\n"),
        ]
    )
    func query(query: String, text: String) async throws {
        try await Self.withLog { fixture in
            let response = try await fixture.get(Self.path + query)
            #expect(response.status == 200)
            #expect(response.headers["content-type"] == "text/plain")
            #expect(response.text == text)
        }
    }

    @Test("A followed log comes line by line and ends with its container")
    func follow() async throws {
        try await Self.withLog { fixture in
            let client = try fixture.connect()
            try await client.send(TestClient.request("GET", Self.path + "?follow=true&tailLines=1"))
            #expect(try await client.head().status == 200)
            #expect(try await client.chunk() == Array("two\n".utf8))
            let file = try fixture.node.logs.open("1.log", flags: O_WRONLY | O_APPEND)
            try writeAll(file, Array("2026-01-02T03:04:08Z stdout F three\n".utf8), subject: "1.log")
            #expect(try await client.chunk() == Array("three\n".utf8))
            fixture.node.running.continuation.finish()
            #expect(try await client.chunk() == nil)
            client.close()
        }
    }

    @Test("A follower that hangs up gives back its connection")
    func hangUp() async throws {
        try await Self.withLog { fixture in
            let client = try fixture.connect()
            try await client.send(TestClient.request("GET", Self.path + "?follow=1"))
            #expect(try await client.head().status == 200)
            client.close()
            #expect(await eventually { fixture.server.connectionCount == 0 })
        }
    }

    @Test("A client that closes its side after asking gets the whole of a log that ends")
    func halfClosed() async throws {
        try await Self.withLog { fixture in
            let text = String(repeating: "2026-01-02T03:04:05Z stdout F line\n", count: 100_000)
            try fixture.node.logs.replaceFile("1.log", with: Array(text.utf8), mode: 0o640)
            let client = try fixture.connect()
            try await client.send(TestClient.request("GET", Self.path))
            client.shutdownWriting()
            #expect(try await client.response().body.count == 500_000)
            client.close()
        }
    }

    @Test("A client of HTTP/1.0 gets its log without chunks")
    func oldClient() async throws {
        try await Self.withLog { fixture in
            let client = try fixture.connect()
            try await client.send("GET \(Self.path) HTTP/1.0\r\n\r\n")
            let head = try await client.head()
            #expect(head.headers["transfer-encoding"] == nil)
            #expect(head.headers["connection"] == "close")
            #expect(try await client.readToEnd() == Array("one\ntwo\n".utf8))
        }
    }
}

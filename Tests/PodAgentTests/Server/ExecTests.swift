import CNamespaces
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// The process at the other end of an exec, played by the test.
private final class FakeProcess: Sendable {
    let stdin: AsyncDescriptor
    let stdout: AsyncDescriptor
    let stderr: AsyncDescriptor
    let session: ExecSession
    private let exiting: AsyncStream<ExecExit>.Continuation

    init(_ request: ExecRequest) throws(SystemFailure) {
        let (stdinEnd, stdin) = try Self.pipe()
        let (stdout, stdoutEnd) = try Self.pipe()
        let (stderr, stderrEnd) = try Self.pipe()
        (self.stdin, self.stdout, self.stderr) = (stdinEnd, stdoutEnd, stderrEnd)
        let (exit, exiting) = AsyncStream<ExecExit>.makeStream()
        self.exiting = exiting
        // The closure is made before `self` is complete, so it reaches the flag by a box of its own.
        let cancelled = Box()
        session = ExecSession(
            streams: .pipes(
                stdin: request.stdin ? stdin : nil,
                stdout: request.stdout ? stdout : nil,
                stderr: request.stderr ? stderr : nil
            ),
            exit: exit,
            cancel: { cancelled.set() }
        )
        cancelledBox = cancelled
    }

    private let cancelledBox: Box
    var wasCancelled: Bool { cancelledBox.isSet }

    func exit(_ exit: ExecExit) {
        exiting.yield(exit)
        exiting.finish()
    }

    private static func pipe() throws(SystemFailure) -> (read: AsyncDescriptor, write: AsyncDescriptor) {
        var ends: [Int32] = [0, 0]
        try check("pipe", "test") { Glibc.pipe(&ends) }
        return (
            try AsyncDescriptor(Descriptor(adopting: ends[0]), subject: "pipe"),
            try AsyncDescriptor(Descriptor(adopting: ends[1]), subject: "pipe")
        )
    }
}

private final class Box: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}

/// A WebSocket client.
private struct ExecClient {
    let client: TestClient

    enum Message: Equatable {
        case channel(UInt8, [UInt8])
        case pong([UInt8])
        case close(UInt16)
    }

    func send(_ channel: UInt8, _ bytes: [UInt8] = [], opcode: UInt8 = 2) async throws {
        try await client.send(WebSocketParserTests.frame(opcode, [channel] + bytes))
    }

    func receive() async throws -> Message {
        let header = try await client.read(2)
        #expect(header[1] & 0x80 == 0, "a server's frame is masked")
        var count = Int(header[1])
        if count == 126 { count = try await client.read(2).reduce(0) { $0 << 8 | Int($1) } }
        if count == 127 { count = try await client.read(8).reduce(0) { $0 << 8 | Int($1) } }
        let payload = try await client.read(count)
        switch header[0] {
        case 0x82: return .channel(try #require(payload.first), Array(payload.dropFirst()))
        case 0x8A: return .pong(payload)
        case 0x88: return .close(UInt16(payload[0]) << 8 | UInt16(payload[1]))
        default:
            Issue.record("frame of opcode \(header[0])")
            return .close(0)
        }
    }

    /// All that comes on the channels, up to the close frame.
    func receiveAll() async throws -> (bytes: [UInt8: [UInt8]], code: UInt16) {
        var bytes: [UInt8: [UInt8]] = [:]
        while true {
            switch try await receive() {
            case .channel(let channel, let piece): bytes[channel, default: []] += piece
            case .pong: continue
            case .close(let code): return (bytes, code)
            }
        }
    }
}

@Suite struct ExecTests {
    private static let path = "/api/v1/namespaces/default/pods/a/exec"

    private static func upgrade(_ target: String, protocols: String = "v5.channel.k8s.io") -> String {
        TestClient.request(
            "GET",
            target,
            headers: [
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": protocols,
            ]
        )
    }

    /// Runs `body` with a client and the process that it has started.
    private static func with(
        _ query: String = "?command=sh&command=-c&command=true&stdin=1&stdout=1&stderr=1",
        protocols: String = "v5.channel.k8s.io",
        _ body: (ExecClient, FakeProcess, ServerFixture) async throws -> Void
    ) async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let started = Mutex<FakeProcess?>(nil)
            fixture.node.execution.withLock { execution in
                execution = { request throws(StatusFailure) in
                    do {
                        let process = try FakeProcess(request)
                        started.withLock { $0 = process }
                        return process.session
                    } catch {
                        throw .internalError("\(error)")
                    }
                }
            }
            let client = try fixture.connect()
            try await client.send(Self.upgrade(Self.path + query, protocols: protocols))
            let head = try await client.head()
            #expect(head.status == 101)
            #expect(head.headers["sec-websocket-protocol"] == protocols)
            #expect(head.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            let process = try #require(started.withLock { $0 })
            try await body(ExecClient(client: client), process, fixture)
            client.close()
            #expect(await eventually { fixture.server.connectionCount == 0 })
        }
    }

    @Test("Output, errors and the exit code come on their channels")
    func output() async throws {
        try await Self.with { client, process, fixture in
            #expect(try await client.receive() == .channel(1, []))
            try await process.stdout.write(Array("out".utf8))
            #expect(try await client.receive() == .channel(1, Array("out".utf8)))
            try await process.stderr.write(Array("err".utf8))
            #expect(try await client.receive() == .channel(2, Array("err".utf8)))
            process.exit(.code(0))
            let (bytes, code) = try await client.receiveAll()
            #expect(
                String(decoding: bytes[3] ?? [], as: UTF8.self)
                    == #"{"apiVersion":"v1","kind":"Status","metadata":{},"status":"Success"}"#
            )
            #expect(code == 1000)
            #expect(!process.wasCancelled)
            let request = fixture.node.state.withLock { $0.execs }
            #expect(
                request == [
                    ExecRequest(
                        container: "main",
                        command: ["sh", "-c", "true"],
                        stdin: true,
                        stdout: true,
                        stderr: true,
                        tty: false
                    )
                ]
            )
        }
    }

    @Test(
        "The end is told as a Status",
        arguments: [
            (ExecExit.code(3), "3", "NonZeroExitCode"), (.signal(9), "137", "NonZeroExitCode"),
            (.failure("it was lost"), "it was lost", "InternalError"),
        ]
    )
    func exits(exit: ExecExit, text: String, reason: String) async throws {
        try await Self.with { client, process, _ in
            process.exit(exit)
            let status = try #require(
                JSONReader.read(try await client.receiveAll().bytes[3] ?? []).documents.first
            )
            #expect(status["status"]?.string == "Failure")
            #expect(status["reason"]?.string == reason)
            #expect(status["code"]?.integer == 500)
            let cause = status["details"]?["causes"]?[0]
            if case .failure = exit {
                #expect(status["message"]?.string == text)
            } else {
                #expect(cause?["reason"]?.string == "ExitCode")
                #expect(cause?["message"]?.string == text)
                #expect(
                    status["message"]?.string
                        == "command terminated with non-zero exit code: "
                        + "error executing command [sh -c true], exit code \(text)"
                )
            }
        }
    }

    @Test("Input reaches the process, and its end too; text frames carry bytes like binary ones")
    func input() async throws {
        try await Self.with { client, process, _ in
            try await client.send(0, Array("one ".utf8))
            try await client.send(0, Array("two".utf8), opcode: 1)
            try await client.send(255, [0])
            var input: [UInt8] = []
            while true {
                let piece = try await process.stdin.read(timeout: TestClient.patience)
                if piece.isEmpty { break }
                input += piece
            }
            #expect(input == Array("one two".utf8))
            process.exit(.code(0))
            #expect(try await client.receiveAll().code == 1000)
        }
    }

    @Test("A client of v4 cannot end its input, and is served all the same")
    func version4() async throws {
        try await Self.with("?command=cat&stdin=1&stdout=1", protocols: "v4.channel.k8s.io") {
            client,
            process,
            _ in
            try await client.send(255, [0])
            try await client.send(0, [7])
            #expect(try await process.stdin.read(timeout: TestClient.patience) == [7])
            process.exit(.code(0))
            #expect(try await client.receiveAll().code == 1000)
        }
    }

    @Test("Everything that was written before the exit arrives, though others hold the pipe")
    func drained() async throws {
        try await Self.with { client, process, _ in
            let bytes = [UInt8]((0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* 13) })
            try await process.stdout.write(bytes)
            try await process.stderr.write(Array("last words".utf8))
            process.exit(.code(1))
            let all = try await client.receiveAll().bytes
            #expect(all[1] == bytes)
            #expect(all[2] == Array("last words".utf8))
        }
    }

    @Test("A child that prints for ever does not keep the exec alive")
    func endlessChild() async throws {
        try await Self.with { client, process, _ in
            let child = Task {
                while true { try await process.stdout.write([UInt8](repeating: 1, count: 65_536)) }
            }
            process.exit(.code(0))
            let (bytes, code) = try await client.receiveAll()
            #expect(code == 1000)
            #expect(bytes[3] != nil)
            child.cancel()
            _ = await child.result
        }
    }

    @Test("A process that does not read holds up its input and not its output")
    func inputBackPressure() async throws {
        try await Self.with { client, process, _ in
            #expect(try await client.receive() == .channel(1, []))
            let flood = Task {
                for _ in 0..<200 { try await client.send(0, [UInt8](repeating: 0, count: 10_000)) }
            }
            try await process.stdout.write([1])
            #expect(try await client.receive() == .channel(1, [1]))
            process.exit(.code(0))
            #expect(try await client.receiveAll().code == 1000)
            client.client.close()
            _ = await flood.result
        }
    }

    @Test("A process that has closed its input loses what comes, and goes on")
    func closedInput() async throws {
        try await Self.with { client, process, _ in
            #expect(try await client.receive() == .channel(1, []))
            process.stdin.close()
            for _ in 0..<10 { try await client.send(0, [1, 2, 3]) }
            try await client.client.send(WebSocketParserTests.frame(9, [42]))
            #expect(try await client.receive() == .pong([42]))
            process.exit(.code(0))
            #expect(try await client.receiveAll().code == 1000)
        }
    }

    @Test(
        "A client that goes, politely or not, takes its process with it",
        arguments: ["close frame", "hang-up", "half"]
    )
    func clientGoes(how: String) async throws {
        try await Self.with { client, process, _ in
            switch how {
            case "close frame":
                try await client.client.send(WebSocketParserTests.frame(8, [0x03, 0xE8]))
                #expect(try await client.receiveAll().code == 1000)
            case "hang-up": client.client.close()
            default: client.client.shutdownWriting()
            }
            #expect(await eventually { process.wasCancelled })
        }
    }

    @Test("A client that vanishes behind input that nobody reads takes its process with it")
    func clientGoesBehindItsInput() async throws {
        try await Self.with { client, process, _ in
            #expect(try await client.receive() == .channel(1, []))
            let flood = Task {
                while !Task.isCancelled { try await client.send(0, [UInt8](repeating: 0, count: 10_000)) }
            }
            // Long enough for pipe and sockets to fill up; should they not be full, the test is only an easier one.
            try await Task.sleep(for: .milliseconds(200))
            client.client.close()
            #expect(await eventually { process.wasCancelled })
            flood.cancel()
            _ = await flood.result
        }
    }

    @Test("A client that breaks the protocol is closed with 1002, and its process killed")
    func violation() async throws {
        try await Self.with { client, process, _ in
            try await client.client.send(WebSocketParserTests.frame(2, [0, 1], isMasked: false))
            #expect(try await client.receiveAll().code == 1002)
            #expect(await eventually { process.wasCancelled })
        }
    }

    @Test("Stopping the server ends an exec with 1001")
    func stopping() async throws {
        try await Self.with { client, process, fixture in
            let first = try await client.receive()
            #expect(first == .channel(1, []))
            async let stopped: Void = fixture.server.stop()
            #expect(try await client.receiveAll().code == 1001)
            await stopped
            #expect(process.wasCancelled)
        }
    }

    /// Master and slave (pty(7)).
    private static func openTerminal() throws -> (master: Int32, slave: Int32) {
        let master = try check("open", "/dev/ptmx") {
            cns_openat(AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY, 0)
        }
        var (unlocked, number): (Int32, Int32) = (0, 0)
        // TIOCSPTLCK and TIOCGPTN (ioctl_tty(2)), whose macros Swift does not import.
        try check("ioctl", "TIOCSPTLCK") { cns_ioctl(master, 0x4004_5431, &unlocked) }
        try check("ioctl", "TIOCGPTN") { cns_ioctl(master, 0x8004_5430, &number) }
        let path = "/dev/pts/\(number)"
        return (master, try check("open", path) { cns_openat(AT_FDCWD, path, O_RDWR | O_NOCTTY, 0) })
    }

    @Test("A terminal has one output, and takes the size that it is given")
    func terminal() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let (master, slave) = try Self.openTerminal()
            defer { close(slave) }
            let terminal = try AsyncDescriptor(Descriptor(adopting: master), subject: "terminal")
            let (exit, exiting) = AsyncStream<ExecExit>.makeStream()
            fixture.node.execution.withLock { execution in
                execution = { request throws(StatusFailure) in
                    #expect(request.tty && !request.stderr)
                    return ExecSession(streams: .terminal(terminal), exit: exit, cancel: {})
                }
            }
            let client = ExecClient(client: try fixture.connect())
            try await client.client.send(
                Self.upgrade(Self.path + "?command=sh&stdin=1&stdout=1&stderr=1&tty=1")
            )
            #expect(try await client.client.head().status == 101)
            #expect(try await client.receive() == .channel(1, []))
            try await client.send(4, Array(#"{"Width":123,"Height":45}"#.utf8))
            #expect(
                await eventually {
                    var size = winsize()
                    _ = cns_ioctl(slave, UInt(TIOCGWINSZ), &size)
                    return size.ws_col == 123 && size.ws_row == 45
                }
            )
            try await client.send(0, Array("hi\r".utf8))
            // The terminal's own echo.
            #expect(try await client.receive() == .channel(1, Array("hi\r\n".utf8)))
            #expect(write(slave, "bye\n", 4) == 4)
            exiting.yield(.code(0))
            let (bytes, code) = try await client.receiveAll()
            #expect(bytes[1] == Array("bye\r\n".utf8))
            #expect(code == 1000)
            client.client.close()
        }
    }

    @Test(
        "What cannot be run is refused before the connection changes",
        arguments: [
            ("?command=sh&stdout=1&container=zz", 400, "container zz is not valid for pod a"),
            ("?stdout=1", 400, "you must specify a command to execute"),
            ("?command=&stdout=1", 400, "you must specify a command to execute"),
            ("?command=sh", 400, "you must specify at least 1 of stdin, stdout, stderr"),
            ("?command=sh&stdout=1", 500, "Internal error occurred: no exec in this test"),
        ]
    )
    func refused(query: String, code: Int, message: String) async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let client = try fixture.connect()
            try await client.send(Self.upgrade(Self.path + query))
            let response = try await client.response()
            #expect(response.status == code)
            #expect(try response.document["message"]?.string == message)
            client.close()
        }
    }

    @Test("A container that does not run is not found")
    func notRunning() async throws {
        try await ServerFixture.with { fixture in
            var pod = Pod.sample("a")
            pod.status.containerStatuses[0].state = .waiting(reason: "CrashLoopBackOff")
            fixture.node.add(pod)
            let client = try fixture.connect()
            try await client.send(Self.upgrade(Self.path + "?command=sh&stdout=1"))
            #expect(
                try await client.response().document["message"]?.string == "container not found (\"main\")"
            )
            client.close()
        }
    }

    @Test("A client that speaks SPDY is told what is spoken here", arguments: ["GET", "POST"])
    func spdy(method: String) async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let response = try await fixture.request(
                method,
                Self.path + "?command=sh&stdout=1",
                headers: ["Connection": "Upgrade", "Upgrade": "SPDY/3.1"]
            )
            #expect(response.status == 400)
            #expect(try response.document["message"]?.string?.contains("WebSocket only") == true)
        }
    }
}

import Dispatch
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

@Suite(.blocking, .serialized) struct ProberLoadTests {
    /// Runs calls, so many at a time, and waits for the last.
    private func run(
        _ count: Int,
        atOnce: Int,
        _ prober: NetworkProber,
        _ call: @escaping (Int) -> NetworkCall
    ) throws
        -> [ProbeOutcome: Int]
    {
        let outcomes = Shared<[ProbeOutcome: Int]>([:])
        // Begun with 0: Dispatch does not let go of a semaphore that stands below where it began.
        let room = DispatchSemaphore(value: 0)
        for _ in 0..<atOnce { room.signal() }
        for number in 0..<count {
            try #require(room.wait(timeout: .now() + 240) == .success)
            prober.call(call(number), from: .node) { outcome in
                outcomes.change { $0[outcome, default: 0] += 1 }
                room.signal()
            }
        }
        for _ in 0..<atOnce { try #require(room.wait(timeout: .now() + 240) == .success) }
        return outcomes.value
    }

    @Test("Five hundred at once are answered, and leave no descriptor behind")
    func many() throws {
        let prober = NetworkProber()
        let server = try ScriptedServer { connection in
            _ = connection.readRequest()
            usleep(50_000)
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        // What is opened once and kept is open from here on.
        #expect(try run(3, atOnce: 1, prober) { _ in .http(server.port) } == [.success: 3])
        try prober.settled()
        let before = openDescriptors()
        let outcomes = try run(1_000, atOnce: 500, prober) { number in
            number % 2 == 0 ? .http(server.port) : .tcp(server.port)
        }
        #expect(outcomes == [.success: 1_000])
        try prober.settled()
        // Tests beside this one have descriptors too; what is lost here would be hundreds.
        try eventually("the descriptors are closed", seconds: 120) { openDescriptors() < before + 200 }
    }

    @Test("Those that hang hold nobody up")
    func hanging() throws {
        let prober = NetworkProber()
        let mute = try ScriptedServer { $0.waitForClient() }
        let late = Shared<[ProbeOutcome]>([])
        for _ in 0..<200 {
            prober.call(.http(mute.port, timeout: .seconds(3)), from: .node) { outcome in
                late.change { $0.append(outcome) }
            }
        }
        let server = try ScriptedServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        let begin = Clock.tick()
        #expect(try run(200, atOnce: 10, prober) { _ in .http(server.port) } == [.success: 200])
        #expect(Clock.tick() - begin < .seconds(60))
        try eventually("those that hang are given up") { late.value.count == 200 }
        #expect(!late.value.contains(.success))
        try prober.settled()
    }

    @Test("A prober that goes away lets go of everything, and answers nobody")
    func end() throws {
        let mute = try ScriptedServer { $0.waitForClient() }
        let answered = Atomic(0)
        let gone = DispatchSemaphore(value: 0)
        final class Held: Sendable {
            let gone: DispatchSemaphore
            init(_ gone: DispatchSemaphore) { self.gone = gone }
            deinit { gone.signal() }
        }
        do {
            let prober = NetworkProber()
            let held = Held(gone)
            prober.call(.http(mute.port, timeout: .seconds(1)), from: .node) { _ in
                withExtendedLifetime(held) {}
                answered.add(1, ordering: .relaxed)
            }
            usleep(20_000)
        }
        #expect(gone.wait(timeout: .now() + 20) == .success)
        usleep(1_200_000)
        #expect(answered.load(ordering: .relaxed) == 0)
    }

    /// A measurement, for those who ask for it: `PODAGENT_MEASURE_PROBES=10000 swift test --filter ProberLoadTests`.
    @Test(
        "What a call costs",
        .enabled(
            if: getenv("PODAGENT_MEASURE_PROBES") != nil,
            "set PODAGENT_MEASURE_PROBES to a number of calls"
        ),
        arguments: ["tcp", "http"]
    )
    func cost(_ kind: String) throws {
        let count = try #require(getenv("PODAGENT_MEASURE_PROBES").flatMap { Int(String(cString: $0)) })
        let prober = NetworkProber()
        let (server, port) = try Self.outsideServer()
        defer {
            kill(server.pid, SIGKILL)
            server.wait()
        }
        let before = Self.processorTime()
        let begin = Clock.tick()
        let outcomes = try run(count, atOnce: 10, prober) { _ in kind == "tcp" ? .tcp(port) : .http(port) }
        let (cost, time) = (Self.processorTime() - before, Clock.tick() - begin)
        #expect(outcomes == [.success: count])
        print("\(kind): \(cost / count) µs of processor time for each call; \(count) in \(time)")
    }

    /// User's and system's, in microseconds.
    private static func processorTime() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000
            + Int(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }

    /// In a process of its own, so that its time is not ours.
    private static func outsideServer() throws -> (Subprocess, UInt16) {
        let script = """
            import socket
            s = socket.create_server(("127.0.0.1", 0), backlog=1024)
            print(s.getsockname()[1], flush=True)
            while True:
                c, _ = s.accept()
                try:
                    if c.recv(4096): c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
                    c.close()
                except OSError: pass
            """
        let output = "/tmp/podagent-cost-\(getpid())"
        unlink(output)
        defer { unlink(output) }
        let server = try Subprocess(
            ["/usr/bin/env", "python3", "-c", script],
            output: output,
            errors: "/dev/null"
        )
        try eventually("the server listens") { readText(output).hasSuffix("\n") }
        return (server, try #require(UInt16(readText(output).dropLast())))
    }
}

import Testing

@testable import PodCore

/// The last words of a container (reference §6.10).
@Suite struct TerminationMessageTests {
    private static let many = String(repeating: "a", count: 4095)

    private static let files: [([UInt8], String)] = [
        (Array("bye\n".utf8), "bye\n"), ([], ""), ([0x61, 0xFF, 0x62], "a\u{FFFD}b"), ([0], "\0"),
        (Array("aaaa\(many)b".utf8), "\(many)b"),
        // The limit cuts a character in two.
        (Array("é\(many)".utf8), "\u{FFFD}\(many)"),
    ]

    @Test(
        "6.10.2: the last 4096 bytes of the file are its message, and what is no UTF-8 becomes U+FFFD",
        arguments: files
    )
    func file(bytes: [UInt8], expected: String) {
        #expect(TerminationMessage.text(file: bytes) == expected)
    }

    @Test(
        "6.10.3: the log speaks only under FallbackToLogsOnError, for an empty file and a failure",
        arguments: [
            (TerminationMessagePolicy.fallbackToLogsOnError, "", Int32(1), true),
            (.fallbackToLogsOnError, "", 137, true), (.fallbackToLogsOnError, "", 0, false),
            (.fallbackToLogsOnError, "x", 1, false), (.file, "", 1, false),
        ]
    )
    func fallsBack(policy: TerminationMessagePolicy, file: String, code: Int32, expected: Bool) {
        #expect(TerminationMessage.fallsBack(policy, file: Array(file.utf8), exitCode: code) == expected)
    }

    private static func log(_ lines: [String]) -> [UInt8] {
        Array(lines.map { "2026-01-02T03:04:05.123456789Z \($0)\n" }.joined().utf8)
    }

    private static let hundred = (1...100).map { "stdout F \($0)" }
    private static let long = (0..<10).map { "stdout F " + String(repeating: "\($0)", count: 299) }

    private static let numbers = (21...100).map { "\($0)\n" }.joined()
    /// 300 bytes each with the line's end: six whole ones and 248 of a seventh.
    private static let endOfLong =
        String(repeating: "3", count: 247) + "\n" + long[4...].map { $0.dropFirst(9) + "\n" }.joined()

    private static let logs: [([String], Bool, String)] = [
        (["stdout F one", "stderr F two"], true, "one\ntwo\n"), ([], true, ""),
        (["stdout P half ", "stdout F whole"], true, "half whole\n"), (hundred, true, numbers),
        (long, true, endOfLong),
        // What was read begins somewhere in a line.
        (["stdout F one", "stdout F two"], false, "two\n"),
    ]

    @Test(
        "6.10.3: of the log the last 80 lines, at most the last 2048 bytes, of both streams",
        arguments: logs
    )
    func log(lines: [String], isWhole: Bool, expected: String) {
        #expect(TerminationMessage.text(log: Self.log(lines), isWhole: isWhole) == expected)
    }

    @Test("What is no line of a log is left out, and so is half a line at the end")
    func foreignLines() {
        let bytes =
            Array("garbage\n".utf8) + Self.log(["stdout F one"]) + Array("2026-01-02T03:04:05Z std".utf8)
        #expect(TerminationMessage.text(log: bytes, isWhole: true) == "one\n")
        #expect(TerminationMessage.text(log: Array("no end".utf8), isWhole: false) == "")
    }

    @Test(
        "6.10.4: what the runtime says comes first, and either alone as it is",
        arguments: [("a", "b", "a: b"), ("a", "", "a"), ("", "b", "b"), ("", "", "")]
    )
    func joined(runtime: String, container: String, expected: String) {
        #expect(TerminationMessage.joined(runtime: runtime, container: container) == expected)
    }

    @Test("The machine passes the message of an end on to the status")
    func isShown() {
        var machine = PodMachine(
            PodLifecycle(
                reference: "web",
                initContainers: [],
                containers: [.init(name: "c")],
                restartPolicy: .never,
                terminationGracePeriod: .seconds(30),
                backoff: .kubelet
            )
        )
        let now = Moment(tick: Tick(nanoseconds: 0), wall: Timestamp(nanoseconds: 0))
        for event in [PodEvent.alarm, .prepared, .sandboxStarted(attempt: 0)] {
            _ = machine.handle(event, at: now)
        }
        var status = ExitStatus(code: 3)
        status.message = "no database"
        _ = machine.handle(
            .containerExited(RunID(1), status, startedAt: now.wall, finishedAt: now.wall),
            at: now
        )
        #expect(machine.containers[0].newestTermination?.message == "no database")
    }
}

import Dispatch
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Programs that are run to their end, and those that have to be ended.
@Suite(.blocking)
struct CommandRunTests {
    private func run(
        _ script: String,
        input: String = "",
        limit: Duration = .seconds(20)
    ) throws(CommandRun.Failure) -> CommandRun.Outcome {
        let command = CommandRun(
            path: "/bin/sh",
            arguments: ["-c", script],
            environment: ["PATH=/usr/bin:/bin", "A=b"],
            input: Array(input.utf8),
            limit: limit
        )
        return try command.run()
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("A program is given its input and its environment, and what it prints and how it ends is kept")
    func outcome() throws {
        let answer = try run("cat; echo $A$HOME; echo no >&2; exit 7", input: "in\n")
        #expect(text(answer.output) == "in\nb\n")
        #expect(text(answer.errors) == "no\n")
        #expect(answer.end == .exited(7))
        #expect(try run("kill -TERM $$").end == .signalled(SIGTERM))
    }

    @Test(
        "It has no descriptors but its standard streams, no signal blocked, and is the first of a process group"
    )
    func surroundings() throws {
        // One that is not close-on-exec, as careless libraries have them.
        let careless = fcntl(2, F_DUPFD, 40)
        defer { close(careless) }
        let script = """
            for n in $(seq 0 \(careless)); do [ ! -e /proc/$$/fd/$n ] || printf $n; done; echo
            grep -E 'Sig(Blk|Ign)' /proc/self/status
            cut -d' ' -f5 /proc/$$/stat
            echo $$
            """
        let lines = text(try run(script).output).split(separator: "\n").map(String.init)
        try #require(lines.count == 5)
        #expect(lines[0] == "012")
        #expect(lines[1...2].allSatisfy { $0.hasSuffix("\t0000000000000000") })
        #expect(lines[3] == lines[4])
    }

    @Test("Much input and much output are no matter")
    func much() throws {
        let input = String(repeating: "0123456789abcdef", count: 60_000)
        #expect(text(try run("cat", input: input).output) == input)
        let errors = try run("seq 100000 >&2").errors
        #expect(errors.count == 16 << 10)
        #expect(text(errors).hasSuffix("99999\n100000\n"))
    }

    @Test("One that prints without end is killed")
    func tooLong() {
        #expect(throws: CommandRun.Failure.tooLong(bytes: 1 << 20)) { try run("while :; do echo yes; done") }
    }

    @Test("One that hangs is killed when its time is over, with what it has started")
    func tooSlow() throws {
        var template = Array("/tmp/podagent-command-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { rmdir(directory) }
        let file = "\(directory)/child"
        defer { unlink(file) }
        #expect(throws: CommandRun.Failure.tooSlow(limit: .milliseconds(500))) {
            try run(
                "sleep 1000 & echo $! >\(file); trap '' TERM; while :; do wait; done",
                limit: .milliseconds(500)
            )
        }
        let child = try #require(pid_t(readText(file).filter(\.isNumber)))
        try eventually("the child is gone") {
            kill(child, 0) != 0 || readText("/proc/\(child)/status").contains("State:\tZ")
        }
    }

    @Test("One that nobody wants any more is ended, and one that has not begun never begins")
    func cancelled() throws {
        let cancellation = CommandRun.Cancellation()
        let command = CommandRun(
            path: "/bin/sleep",
            arguments: ["1000"],
            environment: [],
            input: [],
            limit: .seconds(20),
            cancellation: cancellation
        )
        let before = Clock.tick()
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(200)) { cancellation.cancel() }
        #expect(throws: CommandRun.Failure.cancelled) { try command.run() }
        #expect(throws: CommandRun.Failure.cancelled) { try command.run() }
        #expect(Clock.tick() - before < .seconds(15))
    }

    @Test("What it leaves in the background, with its output, holds up nobody")
    func background() throws {
        let before = Clock.tick()
        let answer = try run("sleep 30 & echo $!")
        #expect(Clock.tick() - before < .seconds(15))
        if let child = pid_t(text(answer.output).filter(\.isNumber)) { kill(child, SIGKILL) }
    }

    @Test(
        "What cannot be executed is named with the reason",
        arguments: [("/nowhere/plugin", ENOENT), ("/etc/passwd", EACCES), ("/etc", EACCES)]
    )
    func unusable(path: String, errno: Int32) {
        let command = CommandRun(path: path, environment: [], input: [], limit: .seconds(5))
        let failure = SystemFailure(call: "execve", subject: path, errno: errno)
        #expect(throws: CommandRun.Failure.system(failure)) { try command.run() }
    }
}

import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Containers and execs with a terminal.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .serialized, .blocking)
struct LaunchTerminalTests {
    @Test("a container's terminal is its own pty, its console and its controlling terminal")
    func container() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let script =
            "tty; stat -c %t:%T /dev/pts/0 /dev/console; ls /dev/pts; echo err >&2; echo through > /dev/tty; echo again > /dev/console"
        let outcome = try shim.run(script) { $0.terminal = true }
        let lines = outcome.lines.map { String(decoding: $0.content, as: UTF8.self) }
        #expect(lines.first == "/dev/pts/0\r")
        #expect(lines[1] == "88:0\r" && lines[2] == "88:0\r", "the console is the terminal: \(lines)")
        #expect(lines.suffix(3) == ["err\r", "through\r", "again\r"])
        #expect(outcome.lines.allSatisfy { $0.stream == .stdout })
        try shim.end()
    }

    /// An exec with a terminal; its master.
    private func shell(_ shim: ShimHarness, in target: UInt64, _ run: UInt64, user: UInt32 = 0) throws
        -> SharedDescriptor
    {
        var process = shim.process(["/bin/sh"])
        process.environment = ["PATH=/bin", "PS1=> "]
        process.user = user
        try shim.exec(run, in: target, ExecLaunch(process: process, terminal: .init(rows: 33, columns: 101)))
        return try #require(try shim.event(.started, of: run).descriptor)
    }

    /// Types a line at the prompt, and reads until `mark` has been printed.
    private func type(_ line: String, _ master: SharedDescriptor, until mark: String) throws -> String {
        // A shell throws away what was typed before it has printed its prompt.
        var quiet = pollfd(fd: master.raw, events: Int16(POLLIN), revents: 0)
        var dropped = [UInt8](repeating: 0, count: 4096)
        while Glibc.poll(&quiet, 1, 150) == 1 && read(master.raw, &dropped, dropped.count) > 0 {}
        try writeAll(master, Array("\(line)\n".utf8))
        var seen = ""
        while !seen.contains(mark) {
            var poll = pollfd(fd: master.raw, events: Int16(POLLIN), revents: 0)
            try #require(Glibc.poll(&poll, 1, 5000) == 1, "no \(mark) in \(seen)")
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(master.raw, &buffer, buffer.count)
            try #require(count > 0, "the end came before \(mark): \(seen)")
            seen += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return seen
    }

    private func writeAll(_ master: SharedDescriptor, _ bytes: [UInt8]) throws {
        try #require(write(master.raw, bytes, bytes.count) == bytes.count)
    }

    @Test("an exec's terminal has a size, can be resized, and has job control", arguments: [UInt32(0), 1000])
    func exec(_ user: UInt32) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let target = shim.newRun()
        try shim.start(target, try shim.container(target, ["/bin/sleep", "60"]))
        _ = try shim.event(.started, of: target)
        let run = shim.newRun()
        let master = try shell(shim, in: target, run, user: user)
        #expect(try type("stty size; echo en''d", master, until: "end").contains("33 101"))
        #expect(
            try type("stat -c 'owner %u %a' $(tty); echo en''d", master, until: "end").contains(
                "owner \(user) 620"
            )
        )
        var size = winsize(ws_row: 50, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0)
        #expect(cns_ioctl(master.raw, UInt(TIOCSWINSZ), &size) == 0)
        #expect(try type("stty size; echo en''d", master, until: "end").contains("50 120"))
        // Ctrl-C reaches the foreground job and not the shell; Ctrl-Z stops it, `fg` takes it up again.
        try writeAll(master, Array("sleep 60\n".utf8))
        usleep(200_000)
        try writeAll(master, [3])
        #expect(try type("echo co''de $?", master, until: "code").contains("code 130"))
        try writeAll(master, Array("sleep 0.3\n".utf8))
        usleep(100_000)
        try writeAll(master, [26])
        _ = try type("jobs; echo en''d", master, until: "Stopped")
        _ = try type("fg; echo re''sumed", master, until: "resumed")
        try writeAll(master, Array("exit 5\n".utf8))
        #expect(try shim.event(.exited, of: run).status == 5 << 8)
        try shim.end()
    }

    @Test("who hangs up an exec's terminal ends it")
    func hangUp() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let target = shim.newRun()
        try shim.start(target, try shim.container(target, ["/bin/sleep", "60"]))
        _ = try shim.event(.started, of: target)
        let run = shim.newRun()
        do { _ = try shell(shim, in: target, run) }
        let exit = try shim.event(.exited, of: run)
        #expect(exit.status & 0x7f == SIGHUP || exit.status == 0, "\(exit.status)")
        try shim.end()
    }

    @Test("a container that closes its terminal and opens it again is neither hung up nor cut off")
    func reopened() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let run = shim.newRun()
        let script =
            "trap 'exit 9' HUP; echo before; exec </dev/null >/dev/null 2>&1; sleep 0.2; exec >/dev/tty; echo after"
        var launch = try shim.container(run, ["/bin/sh", "-c", script])
        launch.terminal = true
        // In the Pod's PID namespace, or the kernel would spare it the signal.
        try shim.start(run, launch, flags: [CNS_REQUEST_POD_PID])
        #expect(try shim.event(.exited, of: run).status == 0)
        #expect(
            shim.logLines(run).map { String(decoding: $0.content, as: UTF8.self) } == ["before\r", "after\r"]
        )
        try shim.end()
    }

    @Test("a console that an image planted is never opened", arguments: ["/canary", "../../../canary"])
    func plantedConsole(_ target: String) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let rootfs = try shim.root.directory("rootfs")
        _ = try rootfs.makeDirectory("dev", mode: 0o755)
        for name in ["console", "null", "ptmx", "pts", "shm", "tty"] {
            symlinkat("\(target)", try rootfs.directory("dev").raw, name)
        }
        let outcome = try shim.run("echo fine; [ -c /dev/null ] && [ -d /dev/shm ] && echo all") {
            $0.terminal = true
        }
        #expect(outcome.text == "fine\r\nall\r")
        #expect(access("\(shim.directory)/rootfs/canary", F_OK) != 0)
        #expect(access("/canary", F_OK) != 0)
        try shim.end()
    }
}

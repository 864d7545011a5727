import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What containers print, as it stands in their logs.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .serialized, .blocking)
struct LaunchLogTests {
    private static let lineMax = 16_384

    private func entries(_ lines: [CRILogLine], _ stream: CRILogLine.Stream = .stdout) -> [String] {
        lines.filter { $0.stream == stream }.map { line in
            let text = String(decoding: line.content, as: UTF8.self)
            return "\(line.isPartial ? "P" : "F") \(text.utf8.count > 40 ? "\(text.utf8.count) bytes" : text)"
        }
    }

    @Test(
        "lines are cut at 16 KiB and nowhere else, and what has no end is a piece",
        arguments: [
            ("echo hello", ["F hello"]),
            ("echo; echo; printf x", ["F ", "F ", "P x"]),
            ("printf 'a\\r\\nb\\0c\\n'", ["F a\r", "F b\0c"]),
            ("head -c 16383 /dev/zero; echo", ["F 16383 bytes"]),
            ("head -c 16384 /dev/zero; echo", ["F 16384 bytes"]),
            ("head -c 16384 /dev/zero", ["P 16384 bytes"]),
            ("head -c 16385 /dev/zero; echo", ["P 16384 bytes", "F \0"]),
            ("head -c 40000 /dev/zero; echo", ["P 16384 bytes", "P 16384 bytes", "F 7232 bytes"]),
            ("printf one; sleep 0.1; echo two", ["F onetwo"]),
        ]
    )
    func lines(_ script: String, _ expected: [String]) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        #expect(entries(try shim.run(script).lines) == expected)
        try shim.end()
    }

    @Test("the file has the form of the CRI, byte for byte, and mode 0640")
    func form() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        _ = try shim.run("echo out; sleep 0.05; printf err >&2")
        let pattern =
            #/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) stdout F out\n(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) stderr P err\n/#
        let match = try #require(try pattern.wholeMatch(in: shim.logText("1.log")))
        #expect(match.1 < match.2)
        var status = stat()
        #expect(stat("\(shim.log)/1.log", &status) == 0 && status.st_mode & 0o777 == 0o640)
        try shim.end()
    }

    @Test("both streams at once: no line is torn, lost or out of its stream's order")
    func concurrent() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let script =
            "for w in a b; do (i=0; while [ $i -lt 2000 ]; do echo $w$i; echo $w$i >&2; i=$((i+1)); done) & done; wait"
        let outcome = try shim.run(script)
        for stream in [CRILogLine.Stream.stdout, .stderr] {
            let all = entries(outcome.lines, stream)
            #expect(all.count == 4000)
            for writer in ["a", "b"] {
                let own = all.filter { $0.hasPrefix("F \(writer)") }
                #expect(own == (0..<2000).map { "F \(writer)\($0)" })
            }
        }
        try shim.end()
    }

    @Test("what a container prints last is in its log when its end is told, a full pipe of it")
    func lastWords() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        for _ in 0..<5 {
            let outcome = try shim.run("yes 0123456789 | head -n 30000; echo last")
            #expect(outcome.lines.count == 30_001)
            #expect(entries(outcome.lines).last == "F last")
        }
        try shim.end()
    }

    @Test(
        "a log is rotated before it grows beyond its limit, and only so many files stay",
        arguments: [1, 3, 5]
    )
    func rotation(_ files: Int) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let run = shim.newRun()
        let launch = try shim.container(
            run,
            ["/bin/sh", "-c", "i=1000; while [ $i -lt 3000 ]; do echo line-$i; i=$((i+1)); done"]
        )
        // 2000 lines of 51 bytes: twelve files of at most 8 KiB and a rest, had all been kept.
        try shim.start(run, launch, limits: LogLimits(bytesMax: 8192, filesMax: files))
        _ = try shim.event(.exited, of: run)
        let names = try RootedDirectory(hostPath: shim.log).entries()
        #expect(names.count == files)
        #expect(names.first == "\(run).log")
        let pattern = #/\d+\.log\.\d{8}-\d{6}(-\d\d)?/#
        for name in names.dropFirst() { #expect((try? pattern.wholeMatch(in: name)) != nil, "\(name)") }
        // Oldest first; together an unbroken end of what was printed, in files that are full.
        var numbers: [String] = []
        for name in names.dropFirst() + names.prefix(1) {
            let text = shim.logText(name)
            #expect(text.utf8.count <= 8192)
            if name != "\(run).log" { #expect(text.utf8.count > 8192 - 60) }
            numbers += text.split(separator: "\n").map { String($0.split(separator: " ").last ?? "") }
        }
        #expect(numbers == (3000 - numbers.count..<3000).map { "line-\($0)" })
        try shim.end()
    }

    @Test("a full disk costs lines, never the container, and leaves no torn line behind")
    func fullDisk() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let small = try shim.mountMemory("small", "size=16k")
        let run = shim.newRun()
        let script = """
            i=0; while [ $i -lt 1000 ]; do echo a-line-that-is-not-short-$i; i=$((i+1)); done
            touch /tmp/printed; while [ ! -e /tmp/room ]; do sleep 0.02; done; echo afterwards
            """
        try shim.start(run, try shim.container(run, ["/bin/sh", "-c", script]), logDirectory: small)
        _ = try shim.event(.started, of: run)
        let upper = "\(shim.directory)/c\(run)/upper/tmp"
        try eventually("all is printed") { access("\(upper)/printed", F_OK) == 0 }
        usleep(50_000)
        let remount: UInt = 32  // MS_REMOUNT
        try #require(mount("tmpfs", small, "tmpfs", remount, "size=64k") == 0)
        let room = cns_openat(AT_FDCWD, "\(shim.directory)/room", O_WRONLY | O_CREAT, 0o644)
        close(room)
        // Made inside, for an overlay does not promise to show what changes beneath it.
        let exec = shim.newRun()
        try shim.exec(
            exec,
            in: run,
            ExecLaunch(process: shim.process(["/bin/touch", "/tmp/room"]), terminal: nil)
        )
        let exit = try shim.event(.exited, of: run)
        #expect(exit.status == 0)
        let text = readText("\(small)/\(run).log")
        let raw = Array(text.utf8).split(separator: 10)
        let lines = raw.compactMap { CRILogLine($0[...]) }
        #expect(lines.count == raw.count, "every line can be read")
        let contents = lines.map { String(decoding: $0.content, as: UTF8.self) }
        #expect(contents.last == "afterwards")
        #expect(
            contents.dropLast().allSatisfy { $0.hasPrefix("a-line-that-is-not-short-") },
            "\(contents.suffix(3))"
        )
        #expect(lines.count + exit.lostLogLines == 1001, "each line was written or counted: \(lines.count)")
        #expect(exit.lostLogLines > 500)
        try shim.end()
    }

    @Test("a log that cannot be made anew after a rotation is tried again")
    func rotationWithoutRoom() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        // Inodes for the directory, the log and one rotated file, so that the second rotation finds none.
        let small = try shim.mountMemory("small", "nr_inodes=3")
        let run = shim.newRun()
        let script = "i=0; while [ $i -lt 100 ]; do echo $i; sleep 0.005; i=$((i+1)); done"
        let launch = try shim.container(run, ["/bin/sh", "-c", script])
        try shim.start(run, launch, limits: LogLimits(bytesMax: 1000, filesMax: 2), logDirectory: small)
        #expect(try shim.event(.exited, of: run).status == 0)
        let last = readText("\(small)/\(run).log").split(separator: "\n").last ?? ""
        #expect(last.hasSuffix(" stdout F 99"), "\(last)")
        try shim.end()
    }

    @Test("only a regular file is taken for a log", arguments: ["fifo", "device", "link"])
    func plantedLogs(_ kind: String) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let run = shim.newRun()
        let path = "\(shim.log)/\(run).log"
        let canary = "\(shim.directory)/canary"
        switch kind {
        case "fifo": mknod(path, S_IFIFO | 0o644, 0)
        case "device": mknod(path, S_IFCHR | 0o644, 1 << 8 | 3)
        default: symlink(canary, path)
        }
        try shim.start(run, try shim.container(run, ["/bin/echo", "hello"]))
        let refused = try shim.event(.refused, of: run)
        #expect([EINVAL, ENXIO, ELOOP].contains(refused.error), "\(errnoText(refused.error))")
        #expect(access(canary, F_OK) != 0)
        try shim.end()
    }
}

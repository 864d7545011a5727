import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Births, deaths and what is told of them.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .serialized, .blocking)
struct LaunchLifeTests {
    @Test(
        "the end of a container is reported exactly",
        arguments: [
            ("exit 0", 0), ("exit 1", 1), ("exit 137", 137), ("exit 255", 255),
            ("(exit 4) & wait $!; exit 3", 3),
        ]
    )
    func exits(_ script: String, _ code: Int32) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        #expect(try shim.run(script).status == code << 8)
        try shim.end()
    }

    @Test(
        "a container that dies by a signal is reported with that signal",
        arguments: [SIGKILL, SIGTERM, SIGSEGV, SIGUSR1]
    )
    func signals(_ number: Int32) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let run = shim.newRun()
        // Not the first of a PID namespace, or the kernel would spare it everything but SIGKILL.
        let launch = try shim.container(run, ["/bin/sleep", "60"])
        try shim.start(run, launch, flags: [CNS_REQUEST_POD_PID])
        _ = try shim.event(.started, of: run)
        try shim.signal(number, run)
        let exit = try shim.event(.exited, of: run)
        #expect(exit.status & 0x7f == number)
        #expect(exit.finishedAt >= (exit.startedAt ?? exit.finishedAt))
        try shim.end()
    }

    @Test("a step that fails is reported with its number and errno, and the message names call and path")
    func failingSteps() throws {
        typealias Change = (inout ContainerLaunch) -> Void
        let cases: [(String, Change, Int32, String)] = [
            (
                "no program", { $0.process.arguments = ["/nowhere"] }, ENOENT,
                #"exec: "/nowhere": No such file or directory"#
            ),
            (
                "no program on the path", { $0.process.arguments = ["nowhere"] }, ENOENT,
                #"exec: "nowhere": No such"#
            ),
            (
                "not executable", { $0.process.arguments = ["/tmp"] }, EACCES,
                #"exec: "/tmp": Permission denied"#
            ),
            (
                "a file as directory", { $0.process.workingDirectory = "/bin/busybox" }, ENOTDIR,
                "working directory \"/bin/busybox\""
            ),
            (
                "no root", { $0.root = .directory("/nowhere") }, ENOENT,
                "chdir /nowhere: No such file or directory"
            ),
            ("no upper", { $0.upperDirectory = "/nowhere" }, ENOENT, "mount overlay on "),
        ]
        let shim = try ShimHarness()
        try shim.startPause()
        for (name, change, code, message) in cases {
            let run = shim.newRun()
            var launch = try shim.container(run, ["/bin/true"])
            change(&launch)
            try shim.start(run, launch)
            let failed = try shim.event(.failed, of: run)
            #expect(failed.error == code, "\(name)")
            #expect(
                launchFailure(failed, launch.plan).hasPrefix(message),
                "\(name): \(launchFailure(failed, launch.plan))"
            )
            try shim.forget(run)
        }
        try shim.end()
    }

    @Test("what cannot be done is refused by its reason, and the connection stays")
    func refusals() throws {
        let shim = try ShimHarness()
        let early = shim.newRun()
        try shim.start(early, try shim.container(early, ["/bin/true"]))
        #expect(try shim.event(.refused, of: early).error == ESRCH)
        try shim.startPause()
        let run = shim.newRun()
        try shim.start(run, try shim.container(run, ["/bin/sleep", "60"]))
        _ = try shim.event(.started, of: run)
        try shim.start(run, try shim.container(shim.newRun(), ["/bin/true"]))
        #expect(try shim.event(.refused, of: run).error == EEXIST)
        try shim.exec(900, in: 901, ExecLaunch(process: shim.process(["/bin/true"]), terminal: nil))
        #expect(try shim.event(.refused, of: 900).error == ESRCH)
        let garbage = SharedDescriptor(Descriptor(adopting: cns_sealed_memory("garbage", "garbage", 7)))
        var request = ShimRequest(kind: CNS_REQUEST_EXEC)
        request.run = RunID(902)
        request.target = RunID(run)
        try shim.send(request, [garbage])
        #expect(try shim.event(.failed, of: 902).error == EINVAL)
        try shim.end()
    }

    @Test(
        "exits that happened while nobody was connected are replayed to each podagent until it lets them go"
    )
    func replay() throws {
        let shim = try ShimHarness()
        let pause = try shim.startPause()
        let runs = (0..<3).map { _ in shim.newRun() }
        for run in runs {
            try shim.start(run, try shim.container(run, ["/bin/sh", "-c", "sleep 0.2; exit \(40 + run)"]))
            _ = try shim.event(.started, of: run)
        }
        shim.disconnect()
        try eventually("the containers are gone") { shim.children(of: shim.pid).count == 1 }
        for _ in 0..<2 {
            try shim.connect()
            let (welcome, replayed) = try shim.hello()
            #expect(welcome.state == CNS_RUN_RUNNING)
            #expect(welcome.pid == pause)
            #expect(replayed.map(\.run) == runs.map { RunID($0) })
            #expect(replayed.map(\.label) == runs.map { "c/\($0)" })
            for (event, run) in zip(replayed, runs) {
                #expect(event.state == CNS_RUN_EXITED)
                #expect(event.status == Int32(40 + run) << 8)
                #expect(event.startedAt != nil)
            }
        }
        try shim.forget(runs[0])
        #expect(try shim.hello().runs.map(\.run) == [RunID(runs[1]), RunID(runs[2])])
        try shim.end()
    }

    @Test("the newest connection is podagent's; the earlier one is closed")
    func secondConnection() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let other = SharedDescriptor(try shim.connection())
        #expect(try shim.event() == nil)
        withExtendedLifetime(other) {}
        try shim.connect()
        #expect(try shim.hello().pause.state == CNS_RUN_RUNNING)
        try shim.end()
    }

    @Test("events for a podagent that does not read wait for it, all of them and in order")
    func slowReader() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        // More answers than a socket's buffer holds, about 280.
        for number in 0..<700 {
            try shim.exec(
                UInt64(1000 + number),
                in: 999,
                ExecLaunch(process: shim.process(["/bin/true"]), terminal: nil)
            )
        }
        usleep(300_000)
        for number in 0..<700 {
            let event = try #require(try shim.event())
            #expect(event.kind == .refused && event.run == RunID(UInt64(1000 + number)))
        }
        #expect(try shim.hello().pause.state == CNS_RUN_RUNNING)
        try shim.end()
    }

    @Test("when pause dies, every container dies with it, and each end is told")
    func pauseKilled() throws {
        let shim = try ShimHarness()
        let pause = try shim.startPause()
        let runs = (0..<2).map { _ in shim.newRun() }
        for run in runs {
            try shim.start(run, try shim.container(run, ["/bin/sh", "-c", "sleep 60 & sleep 60"]))
            _ = try shim.event(.started, of: run)
        }
        kill(pause, SIGKILL)
        var ended: Set<RunID> = []
        while ended.count < 3 {
            let event = try #require(try shim.event())
            try #require(event.kind == .exited)
            #expect(event.status & 0x7f == SIGKILL)
            ended.insert(event.run)
        }
        #expect(shim.children(of: shim.pid) == [])
        try shim.end()
    }

    @Test("pause may die at any moment of a container's birth: both ends are told, and nobody is left")
    func pauseKilledDuringBirth() throws {
        let shim = try ShimHarness()
        for attempt in 0..<200 {
            let pause = try shim.startPause()
            let run = shim.newRun()
            try shim.start(run, try shim.container(run, ["/bin/sh", "-c", "sleep 60"]))
            let moment = Clock.tick() + .microseconds(attempt * 3)
            while Clock.tick() < moment {}
            kill(pause, SIGKILL)
            var open: Set<RunID> = [RunID(0), RunID(run)]
            while !open.isEmpty {
                let event = try #require(try shim.event(), "attempt \(attempt)")
                if event.kind != .started { open.remove(event.run) }
            }
            try shim.forget(run)
        }
        #expect(shim.children(of: shim.pid) == [])
        try shim.end()
    }

    @Test("a shim that is killed takes pause and every container with it")
    func shimKilled() throws {
        let shim = try ShimHarness()
        let pause = try shim.startPause()
        let run = shim.newRun()
        try shim.start(run, try shim.container(run, ["/bin/sh", "-c", "sleep 60 & sleep 60"]))
        let container = try shim.event(.started, of: run).pid
        kill(shim.pid, SIGKILL)
        #expect(try shim.waitForEnd() & 0x7f == SIGKILL)
        try eventually("pause and the container are gone") {
            !shim.isAlive(pause) && !shim.isAlive(container)
        }
        shim.wipe()
    }

    @Test(
        "what a terminal or a node that shuts down sends to everybody does not end the shim",
        arguments: [
            SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGXFSZ,
        ]
    )
    func sparedSignals(_ number: Int32) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        kill(shim.pid, number)
        // Programs are born with every signal as usual, all the same.
        let ignored = try shim.run("grep SigIgn /proc/self/status; grep SigBlk /proc/self/status")
        #expect(
            ignored.text.split(separator: "\n").allSatisfy { $0.hasSuffix("0000000000000000") },
            "\(ignored)"
        )
        try shim.end()
    }

    @Test("a shim that nobody needs any more leaves by itself")
    func leaves() throws {
        let shim = try ShimHarness()
        _ = try shim.hello()
        shim.disconnect()
        #expect(try shim.waitForEnd() == 0)
        shim.wipe()
    }

    @Test("pause reaps what is left to it")
    func orphans() throws {
        let shim = try ShimHarness()
        let pause = try shim.startPause()
        let run = shim.newRun()
        try shim.start(
            run,
            try shim.container(
                run,
                ["/bin/sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.1 &); done; sleep 60"]
            ),
            flags: [CNS_REQUEST_POD_PID]
        )
        _ = try shim.event(.started, of: run)
        try eventually("five orphans have come to pause") { shim.children(of: pause).count == 5 }
        try eventually("and gone") { shim.children(of: pause) == [] }
        try shim.end()
    }

    @Test("in a shared PID namespace, what a container leaves behind ends with it")
    func leftBehind() throws {
        let shim = try ShimHarness()
        let pause = try shim.startPause()
        let run = shim.newRun()
        let launch = try shim.container(run, ["/bin/sh", "-c", "setsid sleep 60 & exit 0"])
        try shim.start(run, launch, flags: [CNS_REQUEST_POD_PID])
        _ = try shim.event(.exited, of: run)
        try eventually("nothing is left to pause") { shim.children(of: pause) == [] }
        try shim.end()
    }

    @Test(
        "descriptors, children and memory of the shim are after 200 containers and execs what they were before"
    )
    func churn() throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let stays = shim.newRun()
        try shim.start(stays, try shim.container(stays, ["/bin/sleep", "600"]))
        _ = try shim.event(.started, of: stays)
        func round() throws {
            let run = shim.newRun()
            try shim.start(run, try shim.container(run, ["/bin/true"]))
            _ = try shim.event(.exited, of: run)
            let exec = shim.newRun()
            let terminal = run % 2 == 0 ? ExecLaunch.Terminal() : nil
            try shim.exec(
                exec,
                in: stays,
                ExecLaunch(process: shim.process(["/bin/true"]), terminal: terminal)
            )
            _ = try shim.event(.exited, of: exec)
            for run in [run, exec] { try shim.forget(run) }
        }
        for _ in 0..<5 { try round() }
        _ = try shim.hello()
        let (descriptors, children) = (shim.openDescriptors(of: shim.pid), shim.children(of: shim.pid))
        for _ in 0..<100 { try round() }
        #expect(try shim.hello().runs.count == 1)
        #expect(shim.openDescriptors(of: shim.pid) == descriptors)
        #expect(shim.children(of: shim.pid) == children)
        try shim.end()
    }

    @Test("out of descriptors, a start is refused or fails, nothing hangs, and the shim recovers")
    func noDescriptors() throws {
        let shim = try ShimHarness(descriptorsMax: 40)
        try shim.startPause()
        var running: [UInt64] = []
        var turnedAway = 0
        for number in 0..<12 {
            let run = shim.newRun()
            var launch = try shim.container(run, ["/bin/sleep", "60"])
            launch.terminal = number % 3 == 2
            try shim.start(run, launch)
            answer: while let event = try shim.event() {
                guard event.run == RunID(run) else { continue }
                switch event.kind {
                case .started:
                    running.append(run)
                    break answer
                case .refused, .failed:
                    #expect(event.error == EMFILE, "\(event)")
                    turnedAway += 1
                    break answer
                case .exited, .welcome, .run, .replayed: Issue.record("\(event)")
                }
            }
        }
        #expect(running.count >= 2)
        #expect(turnedAway >= 2)
        // Every child of the shim is one that we know of: pause and the running ones.
        try eventually("failed births are gone") { shim.children(of: shim.pid).count == 1 + running.count }
        // podagent can always come back.
        for _ in 0..<3 {
            try shim.connect()
            #expect(try shim.hello().pause.state == CNS_RUN_RUNNING)
        }
        for run in running {
            try shim.signal(SIGKILL, run)
            _ = try shim.event(.exited, of: run)
            try shim.forget(run)
        }
        #expect(try shim.run("exit 7").status == 7 << 8)
        try shim.end()
    }

    @Test(
        "a container may have ten thousand arguments and variables",
        arguments: [ShimHarness.nested, [CNS_REQUEST_POD_PID]]
    )
    func manyArguments(_ flags: [cns_request_flags]) throws {
        let shim = try ShimHarness()
        try shim.startPause()
        let run = shim.newRun()
        let arguments = ["/bin/sh", "-c", "echo $# $LAST"] + (0..<20_000).map { "a\($0)" }
        var launch = try shim.container(run, arguments)
        launch.process.environment += (0..<10_000).map { "V\($0)=1" } + ["LAST=here"]
        try shim.start(run, launch, flags: flags)
        #expect(try shim.event(.exited, of: run).status == 0)
        #expect(shim.logLines(run).map { String(decoding: $0.content, as: UTF8.self) } == ["19999 here"])
        try shim.end()
    }
}

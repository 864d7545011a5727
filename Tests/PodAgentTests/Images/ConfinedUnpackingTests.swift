import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The process that a layer is unpacked in: what it can still do, and what becomes of it.
@Suite(.blocking, .enabled(if: geteuid() == 0, "namespaces and owners need root"))
struct ConfinedUnpackingTests {
    /// Unpacks an archive with a file of its own name (so that it is the only one of its digest) and calls `body` when
    /// half of it has been handed over.
    private func unpack(
        _ name: String = #function,
        in scratch: Scratch,
        program: UnpackerProgram = .own,
        _ body: @escaping (UnpackerWatch) throws -> Void
    ) throws -> LayerTree.Facts {
        var tar = TarWriter()
        tar.add(name, .file, "\(UInt64.random(in: 0 ... .max))")
        tar.add("second", .file, "2")
        let bytes = tar.finished()
        let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: bytes))
        var thrown: (any Error)?
        let stream = InterruptedStream(
            [Array(bytes.prefix(700)), Array(bytes.dropFirst(700))],
            before: [
                1: { () throws(StreamProblem) in
                    do {
                        try body(try #require(UnpackerWatch(diffID: layer.diffID.description)))
                    } catch {
                        thrown = error
                    }
                }
            ]
        )
        let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
        let result = Result { () throws(SourceProblem) in
            try layer.unpack(stream, into: directory, limits: ImageLimits(), program: program)
        }
        if let thrown { throw thrown }
        return try result.get()
    }

    @Test("It has five capabilities and cannot get more")
    func privileges() throws {
        try Scratch.run { scratch in
            _ = try unpack(in: scratch) { process in
                for set in ["CapPrm", "CapEff"] { #expect(process.field(set) == "000000008000001b") }
                for set in ["CapInh", "CapBnd", "CapAmb"] {
                    #expect(process.field(set) == "0000000000000000")
                }
                #expect(process.field("NoNewPrivs") == "1")
                #expect(process.field("Seccomp") == "2")
                // What is taken away from one thread would be left to another.
                #expect(process.field("Threads") == "1")
            }
        }
    }

    @Test("It sees the layer's directory and nothing else")
    func view() throws {
        try Scratch.run { scratch in
            let path = "\(scratch.path)/layer"
            _ = try unpack(in: scratch) { process in
                let mounts = readText("/proc/\(process.pid)/mountinfo").split(separator: "\n")
                #expect(mounts.count == 1)
                let words = mounts[0].split(separator: " ")
                #expect(words[3].hasSuffix("/layer") && words[4] == "/")
                for flag in ["nosuid", "nodev", "noexec"] { #expect(words[5].contains(flag)) }
                for place in ["root", "root/..", "cwd", "fd/4"] {
                    let inside = FileFacts("/proc/\(process.pid)/\(place)/.")
                    #expect(inside?.inode == FileFacts(path)?.inode, "\(place)")
                }
                let files = try RootedDirectory(hostPath: "/proc/\(process.pid)/fd").entries()
                let known = files.filter { ["0", "1", "2"].contains($0) }
                #expect(known.allSatisfy { process.link("fd/\($0)") == "/dev/null" })
                #expect(process.link("fd/3").hasPrefix("pipe:") && process.link("fd/5").hasPrefix("socket:"))
                // The file and the directory that are being made, perhaps.
                let others = files.filter { (Int32($0) ?? 0) > 5 }.map { process.link("fd/\($0)") }
                #expect(others.allSatisfy { $0 == "/" || $0.hasPrefix("/view") }, "\(others)")
            }
        }
    }

    @Test("It is in namespaces of its own", arguments: ["mnt", "net", "ipc", "uts", "pid"])
    func namespaces(kind: String) throws {
        try Scratch.run { scratch in
            _ = try unpack(in: scratch) { process in
                let own = UnpackerWatch(pid: getpid()).link("ns/\(kind)")
                #expect(process.link("ns/\(kind)").hasPrefix("\(kind):") && process.link("ns/\(kind)") != own)
            }
        }
    }

    @Test("It has limits, and is the first to go when memory runs out")
    func limits() throws {
        try Scratch.run { scratch in
            _ = try unpack(in: scratch) { process in
                #expect(process.limit("Max data size") == ["268435456", "268435456"])
                #expect(process.limit("Max file size") == ["68719476736", "68719476736"])
                #expect(process.limit("Max core file size") == ["0", "0"])
                #expect(process.limit("Max open files") == ["1024", "1024"])
                #expect(readText("/proc/\(process.pid)/oom_score_adj") == "1000\n")
            }
        }
    }

    @Test("Files that libraries of this program would read are not read in the layer")
    func filesOfLibraries() throws {
        try Scratch.run { scratch in
            let names = [
                "usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache",
                "usr/lib/aarch64-linux-gnu/gconv/gconv-modules.cache", "usr/lib/ssl/openssl.cnf",
                "etc/ssl/openssl.cnf", "etc/passwd", "etc/localtime", "etc/ld.so.cache",
            ]
            let watcher = Descriptor(adopting: inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC)))
            for name in names {
                let path = try scratch.write("layer/\(name)", Array("hostile".utf8))
                #expect(inotify_add_watch(watcher.raw, path, UInt32(IN_OPEN | IN_ACCESS)) >= 0)
            }
            var tar = TarWriter()
            // A name in a pax header is converted.
            tar.add(String(repeating: "\u{151}", count: 100), .file, "x")
            let bytes = tar.finished()
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: bytes))
            _ = try layer.unpack(
                BytesStream(Compression.gzip.apply(bytes)),
                into: scratch.root.directory("layer"),
                limits: ImageLimits()
            )
            var buffer = [UInt8](repeating: 0, count: 4096)
            #expect(read(watcher.raw, &buffer, buffer.count) == -1 && errno == EAGAIN)
        }
    }

    // MARK: Ends

    @Test("One that is killed is a failure that says so")
    func killed() throws {
        try Scratch.run { scratch in
            var pid: pid_t = 0
            let failure = #expect(throws: SourceProblem.self) {
                try unpack(in: scratch) { process in
                    pid = process.pid
                    kill(process.pid, SIGKILL)
                }
            }
            guard case .layer(_, nil, .unpacker(let end)) = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(end == .signalled(SIGKILL))
            #expect(failure?.description.hasSuffix("was killed by signal 9") == true)
            #expect(!UnpackerWatch(pid: pid).isAlive)
        }
    }

    @Test("A stream that fails ends the process, and its own problem is told")
    func failingStream() throws {
        try Scratch.run { scratch in
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: Array("failing".utf8)))
            let reset = StreamProblem.system(
                SystemFailure(call: "recv", subject: "registry", errno: ECONNRESET)
            )
            var pid: pid_t = 0
            let stream = InterruptedStream(
                [TestImage.layer("file")],
                before: [
                    1: { () throws(StreamProblem) in
                        pid = UnpackerWatch(diffID: layer.diffID.description)?.pid ?? 0
                        throw reset
                    }
                ]
            )
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            #expect(throws: SourceProblem.layer(layer.diffID, entry: nil, .stream(reset))) {
                try layer.unpack(stream, into: directory, limits: ImageLimits())
            }
            #expect(pid > 0 && !UnpackerWatch(pid: pid).isAlive)
        }
    }

    @Test("It ends with the podagent that started it")
    func agentKilled() throws {
        try Scratch.run { scratch in
            var tar = TarWriter()
            tar.addHeader("zeros", size: 4 << 30)
            var image = TestImage()
            image.layers = [Compression.zstdBomb(tar.bytes, zeros: 4 << 30)]
            let path = try scratch.write("image.tar", TestImage.archive(image.dockerFiles()))
            _ = try scratch.root.makeDirectory("state", mode: 0o755)
            let agent = try Subprocess(
                [
                    "\(TestNode.products)/podagent", "image", "load", path, "--state-dir",
                    "\(scratch.path)/state",
                ],
                output: "/dev/null",
                errors: "/dev/null"
            )
            let process = UnpackerWatch(diffID: image.diffIDs[0].description)
            kill(agent.pid, SIGKILL)
            agent.wait()
            let pid = try #require(process).pid
            for _ in 0..<2000 where UnpackerWatch(pid: pid).isAlive { usleep(5000) }
            #expect(!UnpackerWatch(pid: pid).isAlive)
        }
    }

    @Test("A program that is no podagent is a failure")
    func otherPrograms() throws {
        try Scratch.run { scratch in
            let bytes = TestImage.layer("file")
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: bytes))
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let problems: [(String, LayerProblem)] = [
                ("/bin/true", .unpacker(.exited(0))), ("/bin/false", .unpacker(.exited(1))),
                ("/nowhere", .system(SystemFailure(call: "open", subject: "/nowhere", errno: ENOENT))),
            ]
            for (path, problem) in problems {
                #expect(throws: SourceProblem.layer(layer.diffID, entry: nil, problem)) {
                    try layer.unpack(
                        BytesStream(bytes),
                        into: directory,
                        limits: ImageLimits(),
                        program: UnpackerProgram(path: path)
                    )
                }
            }
        }
    }

    @Test("Called by hand it says whose it is and touches nothing")
    func byHand() throws {
        try Scratch.run { scratch in
            let outcome = try Subprocess.run(
                ["\(TestNode.products)/podagent", "unpack-layer", "x"],
                scratch: scratch.path
            )
            #expect(outcome.code == 2 && outcome.errors.contains("podagent's own use"))
            let help = try HelpText.text(topic: [], verbs: Program.verbs)
            #expect(!help.contains("unpack-layer"))
        }
    }

    @Test("Several unpack at once")
    func severalAtOnce() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<6 {
                group.addTask {
                    try await Worker.attempt {
                        try Scratch.run { scratch in
                            var tar = TarWriter()
                            for file in 0..<50 {
                                tar.add("d\(file)/f", .file, "\(index)")
                                tar.add("d\(file)/.wh..wh..opq")
                            }
                            let bytes = tar.finished()
                            let layer = ListedLayer(file: "l", blob: nil, diffID: Digest(of: bytes))
                            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
                            let facts = try layer.unpack(
                                BytesStream(bytes),
                                into: directory,
                                limits: ImageLimits()
                            )
                            #expect(facts.entries == 150)
                            #expect(content("\(scratch.path)/layer/d49/f") == "\(index)")
                            let mark = attribute("\(scratch.path)/layer/d49", OpaqueMark.name)
                            #expect(mark == Array("y".utf8))
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("Every problem comes across as it is")
    func problems() throws {
        let digest = Digest(of: [1])
        let failure = SystemFailure(call: "openat2", subject: "/a/\u{FFFD}\"b", errno: EXDEV)
        let problems: [LayerProblem] = [
            .system(failure), .stream(.system(failure)), .stream(.archive("text")),
            .stream(.tooLong(limit: 1)),
            .stream(.size(expected: 1, found: .max)),
            .stream(.digest(expected: digest, found: Digest(of: []))),
            .name(.tooLong(limit: 1)), .name(.tooDeep(limit: 1)), .name(.nul), .name(.whiteoutOfNothing),
            .name(.beneathWhiteout), .unreadableName, .tooManyEntries(limit: 1), .tooLarge(limit: .max),
            .device,
            .unknownKind, .owner(uid: -1, gid: .max), .tooManyAttributes(limit: 1),
            .contentBehindEnd(size: 1),
            .rootIsNotADirectory, .parentIsNotADirectory, .parentCannotBeReached, .hardLinkToNothing("a"),
            .hardLinkToNoFile("a"), .nameTaken(by: "a"), .unpacker(.signalled(9)), .unpacker(.exited(1)),
            .unpacker(.incomprehensible),
        ]
        var (ours, its): (Int32, Int32) = (-1, -1)
        try #require(cns_channel(&ours, &its) == 0)
        let left = Descriptor(adopting: ours)
        let right = Descriptor(adopting: its)
        for problem in problems {
            let sent = UnpackerVerdict(entry: "a\nb", problem: problem)
            try UnpackerSocket(raw: left.raw).send(.verdict, json: sent)
            guard case .message(let message) = try UnpackerSocket(raw: right.raw).receive() else {
                Issue.record("no message")
                continue
            }
            let received = try #require(message.decoded(UnpackerVerdict.self))
            #expect(received.problem == problem && received.entry == "a\nb")
        }
    }
}

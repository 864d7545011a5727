import Testing

@testable import PodCore

@Suite struct LogFileNameTests {
    @Test("Files of an instance come oldest first and the current one last; others are left out")
    func order() {
        let names = [
            "1.log", "0.log", "1.log.20260102-030406", "1.log.20260102-030405-2", "1.log.20260102-030405",
            "1.log.20260102-030405-10", "1.log.20260102-030406.gz", "1.log.tmp", "11.log", "x.log", "1.log.",
            "1.log.20260102-0304", "-1.log", "1.log.20260102-030405-", "1.log.20260102-030405-1-1", "1",
        ]
        #expect(
            LogFileName.files(of: 1, among: names) == [
                "1.log.20260102-030405", "1.log.20260102-030405-2", "1.log.20260102-030405-10",
                "1.log.20260102-030406", "1.log",
            ]
        )
    }
}

@Suite struct TailSearchTests {
    /// Searches files the way the reader does, in blocks of `size`; the answer is all that is shown.
    private static func tail(_ files: [String], lines: Int64, block size: Int) -> String {
        var search = TailSearch(lines: lines)
        for index in files.indices.reversed() {
            let bytes = Array(files[index].utf8)
            var end = bytes.count
            while end > 0 {
                let start = max(0, end - size)
                if let found = search.search(Array(bytes[start..<end])) {
                    return String(decoding: bytes[(start + found)...], as: UTF8.self)
                        + files[(index + 1)...].joined()
                }
                end = start
            }
            if !search.needsEarlierFile { return files[index...].joined() }
        }
        return files.joined()
    }

    @Test(
        "The last lines are found over the borders of files and blocks",
        arguments: [
            (["a\nb\nc\n"], 0, ""), (["a\nb\nc\n"], 1, "c\n"), (["a\nb\nc\n"], 3, "a\nb\nc\n"),
            (["a\nb\nc\n"], 9, "a\nb\nc\n"), (["a\nb\n", "c\n"], 2, "b\nc\n"), (["a\nb\n", "c\n"], 1, "c\n"),
            (["a\nb\n", "c\n"], 3, "a\nb\nc\n"), (["a\n", "", "b\n", ""], 2, "a\nb\n"), (["", ""], 5, ""),
            (["a\nb\nunfinished"], 1, "b\nunfinished"), (["a\n", "b"], 0, "b"), ([], 3, ""),
            (["a\nb\n", "c\n"], Int64.max, "a\nb\nc\n"),
        ] as [([String], Int64, String)]
    )
    func tails(files: [String], lines: Int64, text: String) {
        for size in 1...7 { #expect(Self.tail(files, lines: lines, block: size) == text) }
    }
}

@Suite struct LogQueryTests {
    private static let now = Timestamp(seconds: 1_000)

    private static func failure(_ change: (inout LogQuery) -> Void) -> StatusFailure? {
        var query = LogQuery()
        change(&query)
        do {
            _ = try query.options(now: now)
            return nil
        } catch {
            return error
        }
    }

    @Test("Mistakes are refused in Kubernetes' words, all at once")
    func mistakes() {
        #expect(
            Self.failure { $0.tailLines = -1 }?.message
                == #"PodLogOptions "" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"#
        )
        #expect(
            Self.failure {
                $0.limitBytes = 0
                $0.sinceSeconds = 0
            }?.message
                == #"PodLogOptions "" is invalid: [limitBytes: Invalid value: 0: must be greater than 0, "#
                + "sinceSeconds: Invalid value: 0: must be greater than 0]"
        )
        let both = Self.failure {
            $0.sinceSeconds = 1
            $0.sinceTime = Timestamp(seconds: 1)
        }
        #expect(
            both?.message.contains("at most one of `sinceTime` or `sinceSeconds` may be specified") == true
        )
        #expect(both?.code == 422)
        #expect(Self.failure { $0.stream = "Stdin" }?.message.contains("supported values:") == true)
    }

    @Test("Seconds are counted back from now")
    func since() throws {
        var query = LogQuery()
        query.sinceSeconds = 10
        #expect(try query.options(now: Self.now).since == Timestamp(seconds: 990))
        query.sinceSeconds = .max
        #expect(try query.options(now: Self.now).since?.seconds ?? 0 < 0)
    }
}

@Suite struct LogTargetTests {
    private static func pod(_ change: (inout ContainerStatus) -> Void = { _ in }) -> Pod {
        var pod = Pod()
        pod.metadata.name = "p"
        for name in ["a", "b"] {
            var container = Container()
            container.name = name
            pod.spec.containers.append(container)
        }
        var status = ContainerStatus()
        status.name = "a"
        status.containerID = "podagent://now"
        status.state = .running(since: Timestamp(seconds: 1))
        change(&status)
        pod.status.containerStatuses = [status]
        return pod
    }

    private static func ended(_ id: String) -> ContainerState {
        var terminated = ContainerStateTerminated()
        terminated.containerID = id
        return .terminated(terminated)
    }

    @Test("A running container's log is the running instance's")
    func running() throws {
        let target = try LogTarget.choose(in: Self.pod(), container: "a", previous: false)
        #expect(target == LogTarget(container: "a", containerID: "podagent://now", hasEnded: false))
    }

    @Test("The instance before is the one that last ended")
    func previous() throws {
        let pod = Self.pod { $0.lastState = Self.ended("podagent://old") }
        let target = try LogTarget.choose(in: pod, container: "a", previous: true)
        #expect(target == LogTarget(container: "a", containerID: "podagent://old", hasEnded: true))
    }

    @Test(
        "A container that does not run shows the last instance that did",
        arguments: [
            (ended("podagent://x"), ContainerState.empty, "podagent://x"),
            (ended(""), ended("podagent://old"), "podagent://old"),
            (.waiting(reason: "CrashLoopBackOff"), ended("podagent://old"), "podagent://old"),
        ] as [(ContainerState, ContainerState, String)]
    )
    func notRunning(state: ContainerState, last: ContainerState, id: String) throws {
        let pod = Self.pod {
            $0.state = state
            $0.lastState = last
        }
        #expect(try LogTarget.choose(in: pod, container: "a", previous: false).containerID == id)
    }

    @Test(
        "Without a log the reason is given in Kubernetes' words",
        arguments: [
            (ContainerState.waiting(reason: "ErrImagePull"), "is waiting to start: image can't be pulled"),
            (.waiting(reason: "ImagePullBackOff"), "is waiting to start: trying and failing to pull image"),
            (.waiting(reason: "ContainerCreating"), "is waiting to start: ContainerCreating"),
            (.empty, "is waiting to start - no logs yet"),
            (ended(""), "is terminated"),
        ]
    )
    func noLog(state: ContainerState, text: String) {
        let pod = Self.pod { $0.state = state }
        let failure = #expect(throws: StatusFailure.self) {
            try LogTarget.choose(in: pod, container: "a", previous: false)
        }
        #expect(failure == .badRequest(#"container "a" in pod "p" "# + text))
    }

    @Test(
        "A container that cannot be shown is refused in Kubernetes' words",
        arguments: [
            (nil, false, "a container name must be specified for pod p, choose one of: [a b]"),
            ("", false, "a container name must be specified for pod p, choose one of: [a b]"),
            ("x", false, "container x is not valid for pod p"),
            ("b", false, #"container "b" in pod "p" is not available"#),
            ("a", true, #"previous terminated container "a" in pod "p" not found"#),
        ] as [(String?, Bool, String)]
    )
    func refused(container: String?, previous: Bool, message: String) {
        let failure = #expect(throws: StatusFailure.self) {
            try LogTarget.choose(in: Self.pod(), container: container, previous: previous)
        }
        #expect(failure == .badRequest(message))
    }

    @Test("Init containers are named in the choice, and are valid")
    func initContainers() throws {
        var pod = Self.pod()
        var container = Container()
        container.name = "setup"
        pod.spec.initContainers = [container]
        let failure = #expect(throws: StatusFailure.self) { try pod.containerName(nil) }
        #expect(failure?.message.hasSuffix("[a b] or one of the init containers: [setup]") == true)
        #expect(try pod.containerName("setup") == "setup")
        pod.spec.containers.removeLast()
        #expect(try pod.containerName(nil) == "a")
    }
}

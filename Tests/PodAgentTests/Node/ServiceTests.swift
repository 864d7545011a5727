import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A real agent as the service of a manager that is the test.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .serialized, .blocking)
struct ServiceTests {
    private static func pod(
        _ name: String,
        image: String = "busybox:1.36",
        policy: String = "Always",
        _ command: String
    )
        -> String
    {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          restartPolicy: \(policy)
          terminationGracePeriodSeconds: 0
          containers:
          - {name: c, image: "\(image)", command: [sh, -c, "\(command)"]}
        """
    }

    private func receiver(_ test: String) throws -> NotifyReceiver {
        try NotifyReceiver("@podagent-test-\(getpid())-\(test)")
    }

    private func write(_ text: String, to path: String) throws {
        let raw = cns_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(raw >= 0)
        try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: path)
    }

    @Test("A node says that it is ready, what Pods it has as that changes, and that it ends")
    func life() throws {
        let receiver = try receiver("life")
        let node = try TestNode(environment: ["NOTIFY_SOCKET=\(receiver.name)"])
        let agent = try #require(node.agent)
        #expect(receiver.next() == .init(lines: ["READY=1", "STATUS=no Pods"], processID: agent.pid))
        try node.put("a.yaml", Self.pod("a", image: "127.0.0.1:1/nowhere:1", "true"))
        #expect(receiver.next()?.lines == ["STATUS=1 Pod: 1 pending"])
        try node.put("b.yaml", Self.pod("b", image: "127.0.0.1:1/nowhere:1", "true"))
        #expect(receiver.next()?.lines == ["STATUS=2 Pods: 2 pending"])
        node.remove("a.yaml")
        node.remove("b.yaml")
        _ = try receiver.message(with: "STATUS=no Pods")
        kill(agent.pid, SIGTERM)
        #expect(receiver.next()?.lines == ["STOPPING=1"])
        #expect(agent.wait() == 0)
        node.killAgent()
        try node.end()
    }

    @Test("A crowd of Pods is one line of status or a few, not one for each Pod")
    func crowd() throws {
        let receiver = try receiver("crowd")
        let node = try TestNode(environment: ["NOTIFY_SOCKET=\(receiver.name)"])
        let names = (0..<40).map { "p\($0)" }
        let began = Clock.tick()
        for name in names {
            try node.put("\(name).yaml", Self.pod(name, image: "127.0.0.1:1/nowhere:1", "true"))
        }
        var messages = 0
        while let received = receiver.next() {
            messages += 1
            if received.lines == ["STATUS=40 Pods: 40 pending"] { break }
        }
        // READY=1, and then four lines a second, however long the machine takes.
        let most = 3 + Int((Clock.tick() - began).wholeMilliseconds / 250)
        #expect((2...most).contains(messages), "\(messages) messages")
        try node.end()
    }

    @Test(
        "A restarted agent is ready when the status of every Pod is whole again, and no earlier",
        .enabled(if: TestNode.images != nil, TestNode.needsImages)
    )
    func restart() throws {
        let receiver = try receiver("restart")
        let node = try TestNode(images: ["busybox"], environment: ["NOTIFY_SOCKET=\(receiver.name)"])
        try node.put("a.yaml", Self.pod("a", "exec sleep 1000"))
        try node.put("b.yaml", Self.pod("b", policy: "Never", "exit 3"))
        try node.wait("a", for: "condition=Ready")
        try node.wait("b", for: "phase=Failed")
        node.killAgent()
        let shim = try #require(node.processes().first { readText("/proc/\($0)/comm") == "podshim\n" })
        kill(shim, SIGSTOP)
        defer { kill(shim, SIGCONT) }
        while receiver.next(within: 0.5) != nil {}
        try node.startAgent()
        #expect(receiver.next()?.lines.first?.hasPrefix("STATUS=waiting for podshim of ") == true)
        #expect(receiver.next(within: 1) == nil, "ready, though the shim of a has not answered")
        kill(shim, SIGCONT)
        #expect(receiver.next()?.lines == ["READY=1", "STATUS=2 Pods: 1 running, 1 failed"])
        #expect(try node.ask("get", "pods", "-o", "name").split(separator: "\n").count == 2)
        try node.end()
    }

    @Test("Signs of life come while the node's queue runs, and stop when it hangs")
    func watchdog() throws {
        let receiver = try receiver("hang")
        let node = try TestNode(environment: [
            "NOTIFY_SOCKET=\(receiver.name)", "WATCHDOG_USEC=400000", "PODAGENT_TEST_HANG=1",
        ])
        let agent = try #require(node.agent)
        for _ in 0..<5 { _ = try receiver.message(with: "WATCHDOG=1") }
        kill(agent.pid, SIGUSR2)
        // What was on its way.
        while receiver.next(within: 0.4) != nil {}
        #expect(receiver.next(within: 2) == nil)
        // Only the queue hangs: the socket still takes connections, as it would of a defect.
        #expect(throws: Never.self) { _ = try connectUnixSocket(path: node.socket).raw }
        node.killAgent()
        try node.end()
    }

    @Test("Only who asks for it by the variable can be made to hang")
    func noHang() { #expect(TestHang.signals == []) }

    @Test("SIGHUP has the configuration read again; one that is wrong changes nothing")
    func reload() throws {
        let receiver = try receiver("reload")
        let file = "/tmp/podagent-test-\(getpid())-reload.yaml"
        defer { unlink(file) }
        try write("restartBackoff: 1s", to: file)
        let node = try TestNode(
            flags: ["--config", file],
            environment: ["NOTIFY_SOCKET=\(receiver.name)"]
        )
        let agent = try #require(node.agent)
        _ = try receiver.message(with: "READY=1")
        try write("restartBackoff: 2s\nlogFormat: json\nsocketGroup: 7\nbridge: br7", to: file)
        try reload(agent, receiver)
        let line = try #require(node.agentLog.split(separator: "\n").last.map(String.init))
        let entry = ManifestParser.parse(Array(line.utf8), format: .json5).documents.first
        #expect(
            entry?["message"]?.string
                == "configuration reloaded: socket-group, log-format in effect; restart-backoff in effect for Pods that "
                + "begin from now on; bridge NOT in effect before the agent is started again"
        )
        #expect(entry?["node"]?.string == "node1")
        #expect(group(of: node.socket) == 7)

        for wrong in ["restartBackoff: never", "socketGroup: no-such-group\nlogFormat: text", "{"] {
            try write(wrong, to: file)
            let before = node.agentLog.split(separator: "\n").count
            try reload(agent, receiver)
            let lines = node.agentLog.split(separator: "\n")
            #expect(lines.count == before + 1)
            #expect(lines.last?.contains("\"level\":\"error\"") == true)
            #expect(lines.last?.contains("the configuration is refused and stays as it was") == true)
            #expect(group(of: node.socket) == 7)
        }

        try write("", to: file)
        unlink(file)
        try reload(agent, receiver)
        #expect(node.agentLog.contains("No such file"))
        try write("{}", to: file)
        try reload(agent, receiver)
        #expect(group(of: node.socket) == getegid())
        try node.end()
    }

    /// One reload, begun and ended.
    private func reload(_ agent: Subprocess, _ receiver: NotifyReceiver) throws {
        kill(agent.pid, SIGHUP)
        let begun = try #require(receiver.next())
        #expect(begun.lines.first == "RELOADING=1")
        let time = try #require(begun.lines.last?.split(separator: "=").last.flatMap { Int64($0) })
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let age = Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000 - time
        #expect((0..<20_000_000).contains(age), "MONOTONIC_USEC is \(age) µs ago")
        #expect(receiver.next()?.lines.first == "READY=1")
    }

    private func group(of path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_gid : nil
    }

    @Test("Several reloads asked for at once end with the newest configuration")
    func manyReloads() throws {
        let receiver = try receiver("many")
        let file = "/tmp/podagent-test-\(getpid())-many.yaml"
        defer { unlink(file) }
        try write("{}", to: file)
        let node = try TestNode(flags: ["--config", file], environment: ["NOTIFY_SOCKET=\(receiver.name)"])
        let agent = try #require(node.agent)
        _ = try receiver.message(with: "READY=1")
        for number in 1...30 {
            try write("socketGroup: \(number)", to: "\(file).new")
            rename("\(file).new", file)
            kill(agent.pid, SIGHUP)
        }
        try eventually("the newest is in effect") { group(of: node.socket) == 30 }
        try node.end()
    }

    @Test(
        "Log limits hold for containers that start after the reload",
        .enabled(if: TestNode.images != nil, TestNode.needsImages)
    )
    func logLimits() throws {
        let receiver = try receiver("limits")
        let file = "/tmp/podagent-test-\(getpid())-limits.yaml"
        defer { unlink(file) }
        try write("{}", to: file)
        let node = try TestNode(
            images: ["busybox"],
            flags: ["--config", file],
            environment: ["NOTIFY_SOCKET=\(receiver.name)"]
        )
        let agent = try #require(node.agent)
        let much = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exec sleep 1000"
        try node.put("before.yaml", Self.pod("before", much))
        try eventually("all is printed") {
            try node.podagent("logs", "before").output.contains("line 1999\n")
        }
        try write("containerLogMaxSize: 20Ki\ncontainerLogMaxFiles: 2", to: file)
        kill(agent.pid, SIGHUP)
        _ = try receiver.message(with: "READY=1")
        try eventually("it is reloaded") { node.agentLog.contains("configuration reloaded") }
        try node.put("after.yaml", Self.pod("after", much))
        try eventually("all is printed") { try node.podagent("logs", "after").output.contains("line 1999\n") }
        #expect(try logFiles(node, "before") == 1)
        #expect(try logFiles(node, "after") == 2)
        try node.end()
    }

    private func logFiles(_ node: TestNode, _ pod: String) throws -> Int {
        let root = try RootedDirectory(hostPath: node.logs)
        let name = try #require(try root.entries().first { $0.hasPrefix("default_\(pod)-node1_") })
        return try root.directory(name).directory("c").entries().count
    }

    @Test("A start that fails says why in the format that the log would have had")
    func failedStart() throws {
        let scratch = "/tmp/podagent-test-\(getpid())-start"
        mkdir(scratch, 0o700)
        defer { try? RootedDirectory(hostPath: "/tmp").removeTree("podagent-test-\(getpid())-start") }
        let serve = ["\(TestNode.products)/podagent", "serve", "--state-dir", scratch, "--run-dir", scratch]
        let failing = ["--log-dir", scratch, "--node-name", "n1", "--shim", "/etc/passwd"]
        let text = try Subprocess.run(serve + failing, scratch: scratch)
        #expect(text.code == 1)
        #expect(text.errors.hasPrefix("podagent: cannot use podshim at /etc/passwd"))
        let json = try Subprocess.run(serve + failing + ["--log-format", "json"], scratch: scratch)
        #expect(json.code == 1)
        let entry = ManifestParser.parse(Array(json.errors.utf8), format: .json5).documents.first
        #expect(entry?["level"]?.string == "error")
        #expect(entry?["message"]?.string?.hasPrefix("cannot use podshim at /etc/passwd") == true)
    }
}

import CNamespaces
import Glibc
import Testing

@testable import PodAgent

/// What happens when things die, and when what is asked for cannot be had.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct NodeTests {
    private func manifest(_ name: String, _ command: String, policy: String = "Always", extra: String = "")
        -> String
    {
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: \(name)
        spec:
          restartPolicy: \(policy)
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: busybox:1.36
            command: ["/bin/sh", "-c", "\(command)"]
        \(extra)
        """
    }

    /// One field of the only container, by its path in the JSON.
    private func field(_ node: TestNode, _ pod: String, _ key: String) throws -> String {
        let json = try node.ask("get", "pod", pod, "-o", "json")
        let line = json.split(separator: "\n").first { $0.contains("\"\(key)\":") } ?? ""
        let value = line.split(separator: ":", maxSplits: 1).last ?? ""
        return value.filter { !" \",".contains($0) }
    }

    private func pids(_ node: TestNode, named name: String) -> [pid_t] {
        node.processes().filter { readText("/proc/\($0)/comm") == "\(name)\n" }
    }

    /// The processes of `sleep 1000`, when there are as many as wanted: a container is ready as its shell starts, a moment
    /// before that becomes the sleep.
    private func sleepers(_ node: TestNode, count: Int = 1) throws -> [pid_t] {
        var found: [pid_t] = []
        try eventually("\(count) sleep") {
            found = pids(node, named: "sleep").filter {
                readText("/proc/\($0)/cmdline") == "sleep\0" + "1000\0"
            }
            return found.count == count
        }
        return found
    }

    @Test("An agent that is killed leaves containers running, and the next one knows what happened meanwhile")
    func agentDies() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("stays.yaml", manifest("stays", "echo up; exec sleep 1000"))
        try node.put(
            "ends.yaml",
            manifest("ends", "until [ -e /tmp/go ]; do sleep 0.05; done; exit 7", policy: "Never")
        )
        try node.put("goes.yaml", manifest("goes", "exec sleep 1000"))
        for pod in ["stays", "ends", "goes"] { try node.wait(pod, for: "condition=Ready") }
        let started = try field(node, "stays", "startedAt")
        let before = try sleepers(node, count: 2)
        _ = try node.ask("exec", "ends", "--", "sh", "-c", "(sleep 0.5; touch /tmp/go) >/dev/null 2>&1 &")
        node.killAgent()
        node.remove("goes.yaml")
        try node.put("comes.yaml", manifest("comes", "exec sleep 1000"))
        usleep(1_000_000)  // the exit happens without an agent
        try node.startAgent()
        #expect(try field(node, "stays", "startedAt") == started)
        #expect(try field(node, "stays", "restartCount") == "0")
        try node.wait("ends", for: "phase=Failed")
        #expect(try field(node, "ends", "exitCode") == "7")
        try node.wait("comes", for: "condition=Ready")
        try node.wait("goes", for: "delete")
        #expect(Set(try sleepers(node, count: 2)).intersection(before).count == 1)
        try node.end()
    }

    @Test("When pause dies the sandbox is made anew and the container restarted in it")
    func pauseDies() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("web.yaml", manifest("web", "exec sleep 1000"))
        try node.wait("web", for: "condition=Ready")
        let pause = try #require(pids(node, named: "pause").first)
        kill(pause, SIGKILL)
        try eventually("it runs again") { try field(node, "web", "restartCount") == "1" }
        try node.wait("web", for: "condition=Ready")
        #expect(try node.ask("events").contains("SandboxChanged"))
        try node.end()
    }

    @Test("When the shim dies its containers die with it, and how they ended is said to be unknown")
    func shimDies() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("web.yaml", manifest("web", "exec sleep 1000"))
        try node.wait("web", for: "condition=Ready")
        let sleeper = try sleepers(node)
        kill(try #require(pids(node, named: "podshim").first), SIGKILL)
        try eventually("it runs again") { try field(node, "web", "restartCount") == "1" }
        #expect(try node.ask("get", "pod", "web", "-o", "json").contains("ContainerStatusUnknown"))
        #expect(try sleepers(node) != sleeper)
        try node.end()
    }

    struct BadCase: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var image = "busybox:1.36"
        var policy = "IfNotPresent"
        var command = "[\"sleep\", \"1000\"]"
        var extra = ""
        var reason: String
        var says: String
    }

    @Test(
        "What cannot start says why, in Kubernetes' words",
        arguments: [
            BadCase(
                testDescription: "an image that is not there, policy Never",
                image: "nowhere:1",
                policy: "Never",
                reason: "ErrImageNeverPull",
                says: "is not present with pull policy of Never"
            ),
            BadCase(
                testDescription: "an image that is not there",
                image: "127.0.0.1:1/nowhere:1",
                reason: "ImagePullBackOff",
                says: "127.0.0.1 port 1"
            ),
            BadCase(
                testDescription: "a program that is not there",
                command: "[\"/nope\"]",
                reason: "RunContainerError",
                says: "No such file"
            ),
            BadCase(
                testDescription: "a program that is none",
                command: "[\"/etc/passwd\"]",
                reason: "RunContainerError",
                says: "Permission denied"
            ),
            BadCase(
                testDescription: "a working directory that leads out by a magic link",
                extra: "workingDir: /proc/self/fd/5",
                reason: "RunContainerError",
                says: "/proc/self/fd/5"
            ),
            BadCase(
                testDescription: "an image that runs as root under runAsNonRoot",
                extra: "securityContext: {runAsNonRoot: true}",
                reason: "CreateContainerConfigError",
                says: "image will run as root"
            ),
        ]
    )
    func badInput(_ c: BadCase) throws {
        let node = try TestNode(images: ["busybox"])
        try node.put(
            "bad.yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: bad}
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: c
                image: \(c.image)
                imagePullPolicy: \(c.policy)
                command: \(c.command)
                \(c.extra)
            """
        )
        try eventually("the reason is shown") {
            let shown = try node.podagent("get", "pod", "bad", "-o", "json").output
            return shown.contains("\"reason\": \"\(c.reason)\"") && shown.contains(c.says)
        }
        try node.end()
    }

    @Test("A file that turns bad leaves its Pod running, and is reported with its line")
    func badEdit() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("web.yaml", manifest("web", "exec sleep 1000"))
        try node.wait("web", for: "condition=Ready")
        let started = try field(node, "web", "startedAt")
        try node.put("web.yaml", manifest("web", "exec sleep 1000", extra: "  nonsense: ["))
        try eventually("it is reported") { try node.ask("events", "-A").contains("web.yaml:") }
        #expect(try field(node, "web", "startedAt") == started)
        try node.end()
    }

    @Test("A second agent on the same run directory is refused in one line")
    func secondAgent() throws {
        let node = try TestNode()
        let second = try node.podagent(
            "serve",
            "--manifests",
            node.manifests,
            "--state-dir",
            "\(node.directory)/state2",
            "--run-dir",
            "\(node.directory)/run",
            "--log-dir",
            node.logs,
            "--socket",
            "\(node.directory)/other.sock"
        )
        #expect(second.code == 1)
        #expect(second.errors.contains("another podagent uses the run directory"))
        #expect(second.errors.split(separator: "\n").count == 1)
        try node.end()
    }

    @Test(
        "A record that is damaged or gone ends what ran of its Pod, which its file then brings back",
        arguments: ["damaged", "gone", "all gone"]
    )
    func damagedRecord(how: String) throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("web.yaml", manifest("web", "exec sleep 1000"))
        try node.wait("web", for: "condition=Ready")
        let sleeper = try sleepers(node)
        let uid = try field(node, "web", "uid")
        node.killAgent()
        let pods = try RootedDirectory(hostPath: "\(node.directory)/state/pods")
        switch how {
        case "damaged":
            try pods.directory(uid).replaceFile("machine.json", with: Array("{\"ver".utf8), mode: 0o600)
        case "gone": try pods.directory(uid).removeTree("machine.json")
        default: try pods.removeTree(uid)
        }
        try node.startAgent()
        try node.wait("web", for: "condition=Ready")
        #expect(try sleepers(node) != sleeper)
        #expect(try field(node, "web", "restartCount") == "0")
        let aside = try pods.entries().filter { $0.hasPrefix("unreadable-\(uid)") }
        #expect(aside.count == (how == "damaged" ? 1 : 0))
        #expect(try node.ask("events", "-A").contains("UnreadableRecord") == (how == "damaged"))
        for name in aside { try pods.removeTree(name) }
        try node.end()
    }

    @Test("What is applied over the socket is persisted, and what is deleted stays gone")
    func applyAndDelete() throws {
        let node = try TestNode(images: ["busybox"])
        let file = "\(node.directory)/scratch/pod.yaml"
        let raw = cns_openat(AT_FDCWD, file, O_WRONLY | O_CREAT, 0o600)
        try writeAll(
            Descriptor(adopting: raw),
            Array(manifest("made", "exec sleep 1000").utf8),
            subject: file
        )
        #expect(try node.ask("apply", "-f", file).contains("created"))
        try node.wait("made", for: "condition=Ready")
        node.killAgent()
        try node.startAgent()
        try node.wait("made", for: "condition=Ready")
        #expect(try field(node, "made", "restartCount") == "0")
        _ = try node.ask("delete", "pod", "made")
        try node.wait("made", for: "delete")
        node.killAgent()
        try node.startAgent()
        #expect(try node.podagent("get", "pod", "made").code == 1)
        try node.end()
    }
}

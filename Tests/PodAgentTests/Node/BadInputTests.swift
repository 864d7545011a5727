import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What people get wrong, given to a real agent: it says what to do in one line, or goes on.
@Suite(.serialized, .enabled(if: TestNode.hasRights, TestNode.needsRoot))
struct BadInputTests {
    /// A start that must fail; `NODE` stands for the directory of a node that runs already.
    struct Refusal: CustomTestStringConvertible {
        var testDescription: String
        var flags: [String]
        var code: Int32 = 1
        var says: String
    }

    static let refusals = [
        Refusal(
            testDescription: "a run directory in use",
            flags: ["--run-dir", "NODE/run", "--state-dir", "NODE/state2"],
            says: "another podagent uses the run directory NODE/run; stop it, or choose another by --run-dir"
        ),
        Refusal(
            testDescription: "a state directory in use",
            flags: ["--run-dir", "NODE/run2", "--state-dir", "NODE/state"],
            says:
                "another podagent uses the state directory NODE/state; stop it, or choose another by --state-dir"
        ),
        Refusal(
            testDescription: "a socket in use",
            flags: [
                "--run-dir", "NODE/run2", "--state-dir", "NODE/state2", "--socket", "NODE/run/podagent.sock",
            ],
            says: "another server answers on NODE/run/podagent.sock"
        ),
        Refusal(
            testDescription: "a state directory that cannot be written to",
            flags: ["--run-dir", "NODE/run2", "--state-dir", "/proc/sys/podagent"],
            says: "cannot use the directory /proc/sys/podagent"
        ),
        Refusal(
            testDescription: "a log directory that is a file",
            flags: ["--run-dir", "NODE/run2", "--state-dir", "NODE/state2", "--log-dir", "/etc/passwd"],
            says: "cannot use the directory /etc/passwd: Not a directory; choose another by --log-dir"
        ),
        Refusal(
            testDescription: "a shim that is no program",
            flags: ["--run-dir", "NODE/run2", "--state-dir", "NODE/state2", "--shim", "/etc/passwd"],
            says: "cannot use podshim at /etc/passwd: Permission denied; name it by --shim"
        ),
        Refusal(
            testDescription: "a shim that is a directory",
            flags: ["--run-dir", "NODE/run2", "--state-dir", "NODE/state2", "--shim", "/etc"],
            says: "cannot use podshim at /etc: Permission denied; name it by --shim"
        ),
        Refusal(
            testDescription: "a cgroup outside of the hierarchy",
            flags: ["--cgroup", "../podagent"],
            code: 2,
            says: "--cgroup must be a path below the cgroup2 mount, without . and .., not '../podagent'"
        ),
        Refusal(
            testDescription: "a setting with a NUL character",
            flags: ["--config", "NODE/nul.json"],
            says: "NODE/nul.json:1: state-dir must not contain a NUL character"
        ),
    ]

    @Test("A start that cannot go well ends with one line that says what to do")
    func refusals() throws {
        let node = try TestNode()
        let raw = cns_openat(AT_FDCWD, "\(node.directory)/nul.json", O_WRONLY | O_CREAT, 0o600)
        try #require(raw >= 0)
        let text = #"{"state-dir": "/tmp/a\u0000b"}"#
        try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: "nul.json")
        let cgroups = try RootedDirectory(hostPath: Cgroups.mountPoint())
        for refusal in Self.refusals {
            let fill = { (text: String) in Self.replace("NODE", in: text, with: node.directory) }
            // timeout(1), because one that starts after all would never end.
            let arguments = ["/usr/bin/timeout", "10", "\(TestNode.products)/podagent", "serve"]
            let common = ["--manifests", node.manifests, "--node-name", "node2"]
            let outcome = try Subprocess.run(
                arguments + common + refusal.flags.map(fill),
                scratch: "\(node.directory)/scratch"
            )
            #expect(outcome.code == refusal.code, "\(refusal.testDescription): \(outcome)")
            #expect(outcome.errors.contains(fill(refusal.says)), "\(refusal.testDescription): \(outcome)")
            #expect(
                outcome.errors.split(separator: "\n").count == 1,
                "\(refusal.testDescription): \(outcome)"
            )
        }
        let second = TestNode.cgroup(ofRunDirectory: "\(node.directory)/run2")
        #expect(try !cgroups.entries().contains(second))
        try node.end()
    }

    private static func replace(_ word: String, in text: String, with value: String) -> String {
        text.split(separator: word, omittingEmptySubsequences: false).joined(separator: value)
    }

    @Test(
        "A Pod with the longest name there is, and no room for its log directory, says so and can be removed"
    )
    func longestName() throws {
        let node = try TestNode()
        let name = String(repeating: "a", count: 253 - "-node1".count)
        try node.put("long.yaml", Self.pod(name, "rootfs:/"))
        try eventually("the Pod says why it does not run") {
            try node.podagent("describe", "pod", name).output.contains("File name too long")
        }
        node.remove("long.yaml")
        try node.wait(name, for: "delete")
        try node.end()
    }

    @Test("A grace period that goes beyond all time is no end for the agent")
    func longestGracePeriod() throws {
        let node = try TestNode()
        try node.put("patient.yaml", Self.pod("patient", "rootfs:/nowhere", grace: .max))
        try eventually("the Pod is there") { try node.podagent("get", "pod", "patient").code == 0 }
        node.remove("patient.yaml")
        try node.wait("patient", for: "delete")
        try node.end()
    }

    @Test(
        "Logs go on in a directory of their own after somebody has removed them all",
        .enabled(if: TestNode.images != nil, TestNode.needsImages)
    )
    func removedLogs() throws {
        let node = try TestNode(images: ["busybox"])
        try RootedDirectory(hostPath: node.directory).removeTree("log")
        try node.put("hello.yaml", Self.pod("hello", "busybox:1.36", command: "echo here; sleep 1000"))
        try node.wait("hello", for: "condition=Ready")
        try eventually("the log is there") { try node.ask("logs", "hello") == "here\n" }
        try node.end()
    }

    private static func pod(_ name: String, _ image: String, command: String = "sleep 1000", grace: Int64 = 1)
        -> String
    {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: \(grace)
          containers:
          - {name: c, image: "\(image)", command: [sh, -c, "\(command)"]}
        """
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What becomes of a Pod when plugins, or the agent between two of their calls, do not what they should. The plugins are
/// scripts that make no network.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct CNIScriptTests {
    private static let manifest = """
        apiVersion: v1
        kind: Pod
        metadata: {name: app}
        spec:
          terminationGracePeriodSeconds: 0
          containers: [{name: c, image: "busybox:1.36", command: [sleep, "1000"]}]
        """

    private func node(_ fixture: CNIFixture) throws -> TestNode {
        try TestNode(images: ["busybox"], flags: fixture.flags, ownNetwork: true)
    }

    @Test(
        "Plugins are run in order for ADD and in reverse for DEL, each with the result of the one before, DEL with the last"
    )
    func order() throws {
        let fixture = try CNIFixture()
        try fixture.script("first")
        try fixture.script("second")
        try fixture.describeScripts("first", "second")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try node.wait("app", for: "condition=Ready")
        #expect(try node.toldPods().first?.status.podIP == "10.9.9.9")
        #expect(fixture.told("first", "ADD")?["prevResult"] == nil)
        #expect(fixture.told("second", "ADD")?["prevResult"]?["ips"]?[0]?["address"]?.string == "10.9.9.9/24")
        node.killAgent()
        try node.startAgent()
        try eventually("the plugins are asked") { fixture.calls.count >= 4 }
        node.remove("app.yaml")
        try node.wait("app", for: "delete")
        #expect(
            fixture.calls == [
                "ADD first in a namespace", "ADD second in a namespace", "CHECK first in a namespace",
                "CHECK second in a namespace", "DEL second in a namespace", "DEL first in a namespace",
            ]
        )
        for (name, command) in [("first", "CHECK"), ("second", "DEL"), ("first", "DEL")] {
            #expect(
                fixture.told(name, command)?["prevResult"]?["ips"]?[0]?["address"]?.string == "10.9.9.9/24"
            )
        }
        try node.end()
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var body: String
        var message: String
    }

    @Test(
        "A Pod whose ADD fails has no sandbox, is told why, and is freed at once",
        arguments: [
            Fault(
                testDescription: "a reported error",
                body:
                    #"[ $CNI_COMMAND != ADD ] || { echo '{"code": 7, "msg": "bad range", "details": "10.x"}'; exit 1; }"#,
                message: #"network "scripts": plugin "app": ADD: bad range; 10.x"#
            ),
            Fault(
                testDescription: "no reason",
                body: "[ $CNI_COMMAND != ADD ] || { echo lost the thread >&2; exit 3; }",
                message: #"plugin "app": ADD: it exited with code 3: lost the thread"#
            ),
            Fault(
                testDescription: "garbage",
                body: "[ $CNI_COMMAND != ADD ] || { echo well done; exit 0; }",
                message: #"plugin "app": ADD: it printed no result as JSON, but "well done\n""#
            ),
            Fault(
                testDescription: "no address",
                body: "[ $CNI_COMMAND != ADD ] || { echo '{}'; exit 0; }",
                message: #"plugin "app": ADD: its result has no address for eth0 of the Pod"#
            ),
        ]
    )
    func add(_ fault: Fault) throws {
        let fixture = try CNIFixture()
        try fixture.script("app", fault.body)
        try fixture.describeScripts("app")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try eventually("the failure is told, and the Pod is freed") {
            try node.ask("events").contains(fault.message) && fixture.calls.contains("DEL app in a namespace")
        }
        let events = try node.ask("events")
        #expect(events.contains("FailedCreatePodSandBox"))
        #expect(try node.toldPods().first?.status.podIP == "")
        // Tried again as any sandbox.
        try fixture.script("app")
        try node.wait("app", for: "condition=Ready")
        try node.end()
    }

    @Test("Without a configuration Pods wait, and are told which directory has none")
    func nothing() throws {
        let fixture = try CNIFixture()
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try eventually("the directory is named") {
            try node.ask("events").contains(
                "no network configuration in \(fixture.configurations): there is no .conflist, .conf or .json file"
            )
        }
        try fixture.describeScripts("app")
        try fixture.script("app")
        try node.wait("app", for: "condition=Ready")
        try node.end()
    }

    @Test("A DEL that fails is told and done again until it succeeds, and the Pod stays until then")
    func delete() throws {
        let fixture = try CNIFixture()
        let body =
            #"[ $CNI_COMMAND != DEL ] || [ $(grep -c DEL $dir/calls) -gt 2 ] || "#
            + #"{ echo '{"code": 11, "msg": "busy"}'; exit 1; }"#
        try fixture.script("app", body)
        try fixture.describeScripts("app")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try node.wait("app", for: "condition=Ready")
        node.remove("app.yaml")
        try eventually("the failure is told") {
            try node.ask("events").contains(
                #"error killing pod: network "scripts": plugin "app": DEL: busy (it asks to be asked again later)"#
            )
        }
        #expect(try node.toldPods().count == 1)
        try node.wait("app", for: "delete")
        #expect(fixture.calls.filter { $0.hasPrefix("DEL") }.count == 3)
        try node.end()
    }

    @Test("A Pod that is removed while a plugin hangs in ADD is freed at once")
    func givenUp() throws {
        let fixture = try CNIFixture()
        try fixture.script("app", "[ $CNI_COMMAND != ADD ] || sleep 1000")
        try fixture.describeScripts("app")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try eventually("ADD has begun") { !fixture.calls.isEmpty }
        node.remove("app.yaml")
        try node.wait("app", for: "delete")
        #expect(fixture.calls == ["ADD app in a namespace", "DEL app in a namespace"])
        #expect(!isRunning("\(fixture.plugins)/app"))
        try node.end()
    }

    @Test(
        "What an agent that dies during ADD has left goes on, and is waited for and freed by the next, which begins anew"
    )
    func killed() throws {
        let fixture = try CNIFixture()
        let body =
            "[ $CNI_COMMAND != ADD ] || [ -e $dir/shot ] || "
            + "{ touch $dir/shot; kill -9 $PPID; sleep 3; echo late work >>$dir/calls; exit 0; }"
        try fixture.script("app", body)
        try fixture.describeScripts("app")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        #expect(node.waitForAgent() == 128 + SIGKILL)
        try node.startAgent()
        try node.wait("app", for: "condition=Ready")
        let calls = fixture.calls
        #expect(calls.prefix(2) == ["ADD app in a namespace", "late work"])
        #expect(calls.dropFirst(2).first?.hasPrefix("DEL app") == true)
        #expect(calls.last == "ADD app in a namespace")
        try node.end()
        #expect(fixture.calls.last?.hasPrefix("DEL") == true)
    }

    private func isRunning(_ program: String) -> Bool {
        let entries = (try? RootedDirectory(hostPath: "/proc").entries()) ?? []
        return entries.compactMap { pid_t($0) }.contains { readText("/proc/\($0)/cmdline").contains(program) }
    }

    @Test("A network that its plugins find wrong after a restart is told, and its sandbox made again")
    func check() throws {
        let fixture = try CNIFixture()
        let body = #"[ $CNI_COMMAND != CHECK ] || { echo '{"code": 100, "msg": "eth0 is gone"}'; exit 1; }"#
        try fixture.script("app", body)
        try fixture.describeScripts("app")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try node.wait("app", for: "condition=Ready")
        node.killAgent()
        try node.startAgent()
        try eventually("the sandbox is made again") {
            fixture.calls.filter { $0.hasPrefix("ADD") }.count == 2
        }
        try node.wait("app", for: "condition=Ready")
        let events = try node.ask("events")
        #expect(events.contains("CHECK: eth0 is gone"))
        #expect(events.contains("Pod sandbox changed, it will be killed and re-created."))
        // While pause was there.
        #expect(fixture.calls.contains("DEL app in a namespace"))
        try node.end()
    }

    @Test("A CHECK that cannot be done is told, and changes nothing")
    func unchecked() throws {
        let fixture = try CNIFixture()
        try fixture.script("app")
        try fixture.describeScripts("app")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try node.wait("app", for: "condition=Ready")
        let before = Set(node.processes())
        node.killAgent()
        unlink("\(fixture.plugins)/app")
        try node.startAgent()
        try eventually("it is told") {
            try node.ask("events").contains("Unable to get pod sandbox status: network")
        }
        try eventually("nothing else was done") { Set(node.processes()) == before }
        try fixture.script("app")
        try node.end()
    }

    struct Loss: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Files of the Pod's state directory; all of it without any.
        var files: [String]
        /// Whether they are damaged rather than gone.
        var areDamaged = false
        /// Whether the plugins are told the result that they gave.
        var keepsResult: Bool
    }

    @Test(
        "A Pod of which records were lost while no agent ran is freed, with what is left of them or by its UID",
        arguments: [
            Loss(testDescription: "all of them", files: [], keepsResult: false),
            Loss(testDescription: "who it was", files: ["pod.json", "machine.json"], keepsResult: true),
            Loss(
                testDescription: "what it did, damaged",
                files: ["machine.json"],
                areDamaged: true,
                keepsResult: true
            ),
            Loss(
                testDescription: "its network, damaged",
                files: ["cni.json"],
                areDamaged: true,
                keepsResult: false
            ),
        ]
    )
    func unknown(_ loss: Loss) throws {
        let fixture = try CNIFixture()
        try fixture.script("app")
        try fixture.describeScripts("app")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try node.wait("app", for: "condition=Ready")
        let uid = try #require(try node.toldPods().first?.metadata.uid)
        node.killAgent()
        node.remove("app.yaml")
        let pods = try RootedDirectory(hostPath: "\(node.directory)/state/pods")
        if loss.files.isEmpty { try pods.removeTree(uid) }
        for file in loss.files {
            if loss.areDamaged {
                try pods.directory(uid).replaceFile(file, with: Array("{}".utf8), mode: 0o600)
            } else {
                unlink("\(pods.name)/\(uid)/\(file)")
            }
        }
        try node.startAgent()
        try eventually("the plugins are asked") { fixture.calls.last == "DEL app in a namespace" }
        let result = fixture.told("app", "DEL")?["prevResult"]
        #expect((result != nil) == loss.keepsResult)
        // Without a record nobody knows whose these are.
        for entry in try pods.entries() where entry.hasPrefix("unreadable-") { try pods.removeTree(entry) }
        let logs = try RootedDirectory(hostPath: node.logs)
        for entry in try logs.entries() { try logs.removeTree(entry) }
        try node.end()
    }

    @Test(
        "A Pod with a network of plugins is freed with its own plugins also by an agent that is told nothing of CNI"
    )
    func withoutCNI() throws {
        let fixture = try CNIFixture()
        try fixture.script("app")
        try fixture.describeScripts("app")
        let node = try node(fixture)
        try node.put("app.yaml", Self.manifest)
        try node.wait("app", for: "condition=Ready")
        node.killAgent()
        node.flags = []
        try node.startAgent()
        #expect(try node.toldPods().first?.status.podIP == "10.9.9.9")
        node.remove("app.yaml")
        try node.wait("app", for: "delete")
        #expect(fixture.calls.last == "DEL app in a namespace")
        try node.end()
    }

    @Test("An agent that is told of two networks does not start, and says so in one line")
    func both() throws {
        let fixture = try CNIFixture()
        let node = try TestNode(ownNetwork: true)
        node.killAgent()
        let outcome = try Subprocess.run(
            node.inNetwork(
                [
                    "\(TestNode.products)/podagent", "serve", "--manifests", node.manifests, "--state-dir",
                    "\(node.directory)/state", "--run-dir", "\(node.directory)/run", "--log-dir", node.logs,
                    "--pod-cidr", "10.1.0.0/16",
                ] + fixture.flags
            ),
            scratch: "\(node.directory)/scratch"
        )
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("--cni-conf-dir and --pod-cidr are two networks"))
        try node.end()
    }
}

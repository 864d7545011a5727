import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Choosing a network and running its plugins, without an agent.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .blocking)
struct CNIChainTests {
    private func pod() -> Pod {
        var pod = Pod()
        (pod.metadata.name, pod.metadata.namespace, pod.metadata.uid) = ("a", "default", "0123")
        return pod
    }

    private func cni(_ fixture: CNIFixture, limit: Duration = .seconds(20)) -> NodeCNI {
        NodeCNI(configurations: fixture.configurations, pluginDirectories: [fixture.plugins], limit: limit)
    }

    @Test(
        "The first file by name that describes a network is taken",
        arguments: [
            ([("20-b.conflist", "b"), ("10-a.conflist", "a")], "a"),
            ([("10-a.conf", "a"), ("20-b.conflist", "b")], "a"),
            ([("20-b.conflist", "b"), ("10-a.conflist.bak", "a"), ("00-readme", "r")], "b"),
            ([("30-c.json", "c")], "c"),
            ([("10-a.conflist", "../bad"), ("20-b.conflist", "b")], "b"),
        ] as [([(String, String)], String)]
    )
    func choice(files: [(String, String)], expected: String) throws {
        let fixture = try CNIFixture()
        for (file, name) in files {
            let plugin = file.hasSuffix(".conflist") ? #""plugins": [{"type": "p"}]"# : #""type": "p""#
            try fixture.write("net.d/\(file)", #"{"cniVersion": "1.0.0", "name": "\#(name)", \#(plugin)}"#)
        }
        #expect(try CNIDirectory(path: fixture.configurations).network().name == expected)
    }

    @Test("Why no file describes a network is told of each")
    func noChoice() throws {
        let fixture = try CNIFixture()
        try fixture.write("net.d/10-a.conflist", "{")
        try fixture.write("net.d/20-b.conf", #"{"cniVersion": "1.0.0", "name": "b"}"#)
        let failure = #expect(throws: CommandFailure.self) {
            try CNIDirectory(path: fixture.configurations).network()
        }
        let text = try #require(failure?.description)
        #expect(
            text.hasPrefix("no network configuration in \(fixture.configurations): 10-a.conflist: no JSON: ")
        )
        #expect(text.hasSuffix("; 20-b.conf: type is missing"))
        let missing = #expect(throws: CommandFailure.self) { try CNIDirectory(path: "/nowhere").network() }
        #expect(missing?.description == "no network configuration in /nowhere: No such file or directory")
    }

    @Test("The record is there before ADD, has the result after it, and is gone after DEL")
    func record() throws {
        let fixture = try CNIFixture()
        try fixture.script("app", "cp $dir/cni.json $dir/record.$CNI_COMMAND")
        try fixture.describeScripts("app")
        let state = try RootedDirectory(hostPath: fixture.directory)
        let record = try cni(fixture).attach(
            pod(),
            in: state,
            namespace: "/proc/1/ns/net",
            cgroup: fixture.cgroup("0123")
        )
        #expect(record.addresses == ["10.9.9.9"])
        #expect(readText("\(fixture.directory)/record.ADD").contains("scripts"))
        #expect(!readText("\(fixture.directory)/record.ADD").contains("10.9.9.9"))
        #expect(try CNIRecordFile.read(from: state) == record)
        // Another network since: DEL is of the one that the Pod was added to.
        try fixture.write(
            "net.d/00-new.conflist",
            #"{"cniVersion": "1.0.0", "name": "new", "plugins": [{"type": "x"}]}"#
        )
        try NodeCNI.detach(
            "0123",
            in: state,
            namespace: nil,
            cgroup: fixture.cgroup("0123"),
            otherwise: cni(fixture)
        )
        #expect(readText("\(fixture.directory)/record.DEL").contains("10.9.9.9"))
        #expect(fixture.told("app", "DEL")?["name"]?.string == "scripts")
        #expect(try CNIRecordFile.read(from: state) == nil)
        #expect(fixture.calls == ["ADD app in a namespace", "DEL app"])
    }

    @Test("What an attachment has left that was never freed is freed before the next")
    func leftover() throws {
        let fixture = try CNIFixture()
        try fixture.script("app")
        try fixture.describeScripts("app")
        let state = try RootedDirectory(hostPath: fixture.directory)
        _ = try cni(fixture).attach(
            pod(),
            in: state,
            namespace: "/proc/1/ns/net",
            cgroup: fixture.cgroup("0123")
        )
        _ = try cni(fixture).attach(
            pod(),
            in: state,
            namespace: "/proc/2/ns/net",
            cgroup: fixture.cgroup("0123")
        )
        #expect(fixture.calls == ["ADD app in a namespace", "DEL app", "ADD app in a namespace"])
    }

    @Test(
        "A plugin that hangs is ended and its Pod can be freed; one that is missing is named with its directory"
    )
    func hanging() throws {
        let fixture = try CNIFixture()
        try fixture.script("app", "[ $CNI_COMMAND != ADD ] || sleep 1000")
        try fixture.describeScripts("app")
        let state = try RootedDirectory(hostPath: fixture.directory)
        let hurried = cni(fixture, limit: .milliseconds(500))
        let failure = #expect(throws: CNIFailure.self) {
            try hurried.attach(pod(), in: state, namespace: "/proc/1/ns/net", cgroup: fixture.cgroup("0123"))
        }
        #expect(failure?.cause == .tooSlow(limit: .milliseconds(500)))
        #expect(try CNIRecordFile.read(from: state)?.state == .begun)
        unlink("\(fixture.plugins)/app")
        let missing = #expect(throws: CNIFailure.self) {
            try NodeCNI.detach(
                "0123",
                in: state,
                namespace: nil,
                cgroup: fixture.cgroup("0123"),
                otherwise: nil
            )
        }
        #expect(missing?.cause == .notFound(directories: [fixture.plugins]))
        try fixture.script("app")
        try NodeCNI.detach("0123", in: state, namespace: nil, cgroup: fixture.cgroup("0123"), otherwise: nil)
        #expect(fixture.told("app", "DEL")?["prevResult"] == nil)
        #expect(try CNIRecordFile.read(from: state) == nil)
    }

    @Test(
        "CHECK is not called when the network or its version is without it",
        arguments: ["0.3.1", "disabled", "1.0.0"]
    )
    func check(how: String) throws {
        let fixture = try CNIFixture()
        try fixture.script("app")
        let version = how == "disabled" ? "1.0.0" : how
        let text = #"{"cniVersion": "\#(version)", "name": "n", "disableCheck": \#(how == "disabled"), "#
        try fixture.write("net.d/a.conflist", text + #""plugins": [{"type": "app"}]}"#)
        let state = try RootedDirectory(hostPath: fixture.directory)
        let cni = cni(fixture)
        let record = try cni.attach(pod(), in: state, namespace: "/n", cgroup: fixture.cgroup("0123"))
        try cni.check(record, namespace: "/n", cgroup: fixture.cgroup("0123"))
        #expect(fixture.calls.contains("CHECK app in a namespace") == (how == "1.0.0"))
        try NodeCNI.detach("0123", in: state, namespace: "/n", cgroup: fixture.cgroup("0123"), otherwise: nil)
        #expect((fixture.told("app", "DEL")?["prevResult"] != nil) == (version == "1.0.0"))
    }
}

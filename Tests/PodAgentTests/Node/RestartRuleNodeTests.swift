import Glibc
import PodCore
import Testing

@testable import PodAgent

/// When real containers are started again, how they are asked to end, and when a Pod's time is over.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct RestartRuleNodeTests {
    private func rules(_ action: String) -> [String] {
        [
            "restartPolicy: Never",
            "restartPolicyRules: [{action: \(action), exitCodes: {operator: In, values: [42]}}]",
        ]
    }

    @Test("A container is restarted for the exit code that its rule names, and for no other")
    func restart() throws {
        let node = try TestNode(images: ["busybox"])
        let script = "echo c >>/d/diary; test $(wc -l </d/diary) -gt 1 && exit 7; exit 42"
        let container = LifecyclePod.Container(script: script, fields: rules("Restart"))
        try node.put(LifecyclePod(policy: "Never", containers: [container]))
        try node.wait("p", for: "phase=Failed")
        #expect(node.diary == ["c", "c"])
        let status = try #require(try node.container())
        #expect(status.restartCount == 1)
        #expect(status.state.terminated?.exitCode == 7)
        #expect(status.lastState.terminated?.exitCode == 42)
        try node.end()
    }

    @Test("RestartAllContainers runs the whole Pod again, init containers first, in the same sandbox")
    func restartAll() throws {
        let node = try TestNode(images: ["busybox"])
        let script = "until test -e /d/go; do sleep 0.05; done; rm /d/go; exit 42"
        try node.put(
            LifecyclePod(
                policy: "Never",
                initContainers: [.init(name: "setup", script: "echo setup >>/d/diary")],
                containers: [
                    .init(name: "asks", script: script, fields: rules("RestartAllContainers")),
                    .init(name: "other", script: "echo other >>/d/diary; exec sleep 1000"),
                ]
            )
        )
        try node.wait("p", for: "condition=Ready")
        try eventually("the other one has begun") { node.diary == ["setup", "other"] }
        let (uid, pause) = (try node.told("p")?.metadata.uid, try node.pause(of: "p"))
        try node.touch("go")
        try eventually("all have begun again") { node.diary == ["setup", "other", "setup", "other"] }
        try node.wait("p", for: "condition=Ready")
        #expect(try node.told("p")?.metadata.uid == uid)
        #expect(try node.pause(of: "p") == pause)
        #expect(try node.container("other")?.restartCount == 1)
        try node.end()
    }

    @Test("A Pod whose time is over has Failed, with the reason")
    func deadline() throws {
        let node = try TestNode(images: ["busybox"])
        let container = LifecyclePod.Container(script: LifecyclePod.diary("c"))
        try node.put(LifecyclePod(fields: ["activeDeadlineSeconds: 2"], containers: [container]))
        try node.wait("p", for: "phase=Failed")
        #expect(try node.told("p")?.status.reason == "DeadlineExceeded")
        try eventually("its container has ended") { node.commandLines().isEmpty }
        #expect(node.diary == ["c", "c ends"])
        try node.end()
    }

    struct StopSignal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var image = "nginx:1.22"
        var fields: [String] = []
        var signal: String
        var agentRestarts = false
    }

    @Test(
        "A container is asked to end by its own signal",
        arguments: [
            StopSignal(testDescription: "the image's", signal: "QUIT"),
            StopSignal(
                testDescription: "the image's, by the next agent",
                signal: "QUIT",
                agentRestarts: true
            ),
            StopSignal(
                testDescription: "the spec's, before the image's",
                fields: ["lifecycle: {stopSignal: SIGUSR1}"],
                signal: "USR1"
            ),
            StopSignal(
                testDescription: "the spec's, by the next agent",
                fields: ["lifecycle: {stopSignal: SIGUSR1}"],
                signal: "USR1",
                agentRestarts: true
            ),
        ]
    )
    func stopSignal(_ c: StopSignal) throws {
        let node = try TestNode(images: ["nginx"])
        let script = LifecyclePod.diary("c", signal: c.signal)
        let container = LifecyclePod.Container(image: c.image, script: script, fields: c.fields)
        try node.put(LifecyclePod(grace: 60, fields: ["os: {name: linux}"], containers: [container]))
        try eventually("the container has begun") { node.diary == ["c"] }
        if c.agentRestarts {
            node.killAgent()
            try node.startAgent()
        }
        node.remove("p.yaml")
        try node.wait("p", for: "delete")
        #expect(node.diary == ["c", "c ends"])
        try node.end()
    }
}

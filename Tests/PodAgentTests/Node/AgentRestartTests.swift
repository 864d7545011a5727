import Glibc
import Testing

@testable import PodAgent

/// What clients see of an agent that goes and comes back.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct AgentRestartTests {
    /// All that is said of a Pod, without the version, which belongs to one agent's life.
    private func description(_ node: TestNode, _ pod: String) throws -> [Substring] {
        try node.ask("get", "pod", pod, "-o", "json").split(separator: "\n")
            .filter { !$0.contains("\"resourceVersion\"") }
    }

    @Test("The next agent says the same of a Pod, to the last time stamp", arguments: [SIGTERM, SIGKILL])
    func sameStatus(signal: Int32) throws {
        let node = try TestNode(images: ["busybox"])
        try node.put(
            "stays.yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata:
              name: stays
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: c
                image: busybox:1.36
                command: ["sleep", "1000"]
            """
        )
        try node.wait("stays", for: "condition=Ready")
        let before = try description(node, "stays")
        // Time stamps in a status are whole seconds: what is reckoned afresh would get another one.
        usleep(1_100_000)
        node.endAgent(by: signal)
        try node.startAgent()
        #expect(try description(node, "stays") == before)
        try node.end()
    }
}

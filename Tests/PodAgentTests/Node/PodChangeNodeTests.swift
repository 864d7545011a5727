import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What becomes of real Pods when their files change.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct PodChangeNodeTests {
    private static let pod = LifecyclePod(
        grace: 0,
        labels: ["tier": "one"],
        containers: [
            .init(name: "changes", script: "exec sleep 1000"),
            .init(name: "stays", script: "exec sleep 1000"),
        ]
    )

    /// What identifies a Pod and its containers.
    private struct Identity: Equatable {
        var uid: String
        var pause: pid_t?
        var containers: [String: String]
    }

    private func identity(_ node: TestNode) throws -> Identity {
        let pod = try #require(try node.told("p"))
        let containers = pod.status.containerStatuses.map { ($0.name, $0.containerID) }
        return Identity(
            uid: pod.metadata.uid,
            pause: try node.pause(of: "p"),
            containers: Dictionary(uniqueKeysWithValues: containers)
        )
    }

    /// Another agent finds everything as it is.
    private func restartAgent(_ node: TestNode) throws {
        let before = try identity(node)
        node.killAgent()
        try node.startAgent()
        try node.wait("p", for: "condition=Ready")
        #expect(try identity(node) == before)
    }

    @Test("Another label restarts nothing, now and by the next agent")
    func label() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put(Self.pod)
        try node.wait("p", for: "condition=Ready")
        let before = try identity(node)
        var changed = Self.pod
        changed.labels = ["tier": "two"]
        try node.put(changed)
        try eventually("it has the label") { try node.told("p")?.metadata.labels["tier"] == "two" }
        #expect(try identity(node) == before)
        #expect(try node.hasEvent("Changed"), "\(node.eventsText)")
        try restartAgent(node)
        #expect(try identity(node) == before)
        #expect(try node.told("p")?.metadata.labels["tier"] == "two")
        try node.end()
    }

    @Test("Another image restarts its container alone, in the same sandbox")
    func image() throws {
        let node = try TestNode(images: ["busybox", "nginx"])
        try node.put(Self.pod)
        try node.wait("p", for: "condition=Ready")
        let before = try identity(node)
        var changed = Self.pod
        changed.containers[0].image = "nginx:1.22"
        try node.put(changed)
        try eventually("its container runs again") {
            let status = try node.container("changes")
            return status?.restartCount == 1 && status?.state.running != nil
        }
        try node.wait("p", for: "condition=Ready")
        let after = try identity(node)
        #expect(after.uid == before.uid)
        #expect(after.pause == before.pause)
        #expect(after.containers["stays"] == before.containers["stays"])
        #expect(after.containers["changes"] != before.containers["changes"])
        #expect(try node.container("changes")?.image.contains("nginx:1.22") == true)
        #expect(try node.ask("exec", "p", "-c", "changes", "--", "ls", "/etc/nginx").contains("nginx.conf"))
        #expect(try node.hasEvent("Changed"), "\(node.eventsText)")
        try restartAgent(node)
        try node.end()
    }

    @Test("Anything else ends the Pod and starts another, which says so")
    func replaced() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put(Self.pod)
        try node.wait("p", for: "condition=Ready")
        let before = try identity(node)
        var changed = Self.pod
        changed.containers[0].script = "exec sleep 2000"
        try node.put(changed)
        try eventually("there is another Pod") {
            try node.told("p").map { $0.metadata.uid != before.uid } ?? false
        }
        try node.wait("p", for: "condition=Ready")
        #expect(try identity(node).containers["stays"] != before.containers["stays"])
        let description = try node.ask("describe", "pod", "p")
        #expect(description.contains("Replaced"), "\(description)")
        #expect(description.contains("command"), "\(description)")
        try restartAgent(node)
        try node.end()
    }

    @Test("A file that changes while no agent runs changes its Pod when there is one again")
    func away() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put(Self.pod)
        try node.wait("p", for: "condition=Ready")
        let before = try identity(node)
        node.killAgent()
        var changed = Self.pod
        changed.labels = ["tier": "two"]
        try node.put(changed)
        try node.startAgent()
        try eventually("it has the label") { try node.told("p")?.metadata.labels["tier"] == "two" }
        #expect(try identity(node) == before)
        try node.end()
    }
}

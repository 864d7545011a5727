import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Pods that the node does not admit, by an agent of its own.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking
)
struct RejectionTests {
    private func manifest(_ name: String, port: Int) -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          hostNetwork: true
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: busybox:1.36
            command: [sleep, "1000"]
            ports: [{containerPort: \(port)}]
        """
    }

    private func entries(_ path: String) -> [String] {
        (try? RootedDirectory(hostPath: path).entries()) ?? []
    }

    @Test(
        "Of two Pods that want one port the second is rejected, shown as the kubelet shows it, until it can run"
    )
    func ports() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("web.yaml", manifest("web", port: 8080))
        try node.wait("web", for: "condition=Ready")
        try node.put("other.yaml", manifest("other", port: 8080))
        try node.wait("other", for: "phase=Failed")
        let other = try #require(try node.toldPods().first { $0.metadata.name == "other-node1" })
        let text =
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports: "
            + "TCP port 8080 is taken by Pod default/web-node1"
        #expect(other.status.reason == "NodePorts")
        #expect(other.status.message == "Pod was rejected: \(text)")
        #expect(other.status.conditions.isEmpty && other.status.containerStatuses.isEmpty)
        #expect(try node.ask("get", "pods").contains(#/other-node1 +0/1 +NodePorts +0 /#))
        #expect(try node.ask("events").contains(text))
        #expect(entries("\(node.directory)/run/pods").count == 1)
        #expect(entries(node.logs).count == 1)
        #expect(
            Set(entries("\(node.directory)/state/pods/\(other.metadata.uid)")) == [
                "machine.json", "pod.json",
            ]
        )

        // Looked at again by the next agent, as it was before: web runs on, and has the port.
        node.killAgent()
        try node.startAgent()
        try eventually("it is rejected again") {
            try node.podagent("get", "pods").output.contains(#/other-node1 +0/1 +NodePorts/#)
        }
        #expect(try node.ask("get", "pods").contains(#/web-node1 +1/1 +Running +0 /#))

        node.remove("web.yaml")
        try node.wait("web", for: "delete")
        try node.put("other.yaml", manifest("other", port: 8080) + "\n# again\n")
        #expect(try node.ask("get", "pods").contains("NodePorts"))
        _ = try node.ask("delete", "pod", "other")
        try eventually("its file has it run") {
            try node.podagent("get", "pods").output.contains(#/other-node1 +1/1 +Running/#)
        }
        try node.end()
    }

    @Test("A Pod that is renamed in its file waits for the ports of its former self")
    func renamed() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("web.yaml", manifest("web", port: 8080).replacing("Seconds: 0", with: "Seconds: 3"))
        try node.wait("web", for: "condition=Ready")
        try node.put("web.yaml", manifest("renamed", port: 8080))
        let message = "Pod default/web-node1 has a port of the node that this one wants, and is ending"
        try eventually("it waits") { try node.ask("events").contains(message) }
        // Over the socket there is nobody to wait: the client is told to.
        try RootedDirectory(hostPath: node.directory).replaceFile(
            "applied.yaml",
            with: Array(manifest("applied", port: 8080).utf8),
            mode: 0o600
        )
        let refused = try node.podagent("apply", "-f", "\(node.directory)/applied.yaml")
        #expect(
            refused.code == 1 && refused.errors.contains("is ending: try again when it is gone"),
            "\(refused)"
        )
        try eventually("the new one runs") {
            try node.podagent("get", "pods").output.contains(#/renamed-node1 +1/1 +Running/#)
        }
        #expect(try !node.ask("get", "pods").contains("web-node1"))
        try node.end()
    }
}

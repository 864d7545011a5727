import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A node's images as people handle them.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking
)
struct ImageNodeTests {
    private static func pod(_ name: String, image: String = "busybox:1.36") -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 0
          containers: [{name: c, image: "\(image)", command: [sleep, infinity]}]
        """
    }

    /// The images as `image list -o json` has them.
    private static func images(_ node: TestNode) throws -> [Document] {
        let text = try node.ask("image", "list", "-o", "json")
        let parsed = ManifestParser.parse(Array(text.utf8), format: .json5)
        guard case .list(let items)? = parsed.documents.first?["items"]?.value else { return [] }
        return items
    }

    private static func texts(_ document: Document?) -> [String] {
        if case .list(let items)? = document?.value { items.compactMap(\.string) } else { [] }
    }

    private static func name(_ node: TestNode) throws -> String {
        let image = try #require(
            images(node).first { texts($0["names"]).contains { $0.contains("busybox") } }
        )
        return try #require(texts(image["names"]).first)
    }

    @Test("What a Pod has is shown as its, and neither pruned nor removed; what is pinned neither")
    func keeping() throws {
        let node = try TestNode(images: ["busybox"])
        let name = try Self.name(node)
        #expect(try node.ask("image", "list").contains("<never>"))
        try node.put("web.yaml", Self.pod("web", image: name))
        try node.wait("web", for: "condition=Ready")
        let image = try #require(Self.images(node).first)
        #expect(Self.texts(image["usedBy"]) == ["default/web-node1"])
        #expect(Self.texts(image["namedBy"]) == ["\(node.manifests)/web.yaml"])
        #expect(image["lastUsed"]?.string != nil && image["pinned"]?.value == .bool(false))
        #expect(try node.ask("image", "list", "-o", "wide").contains("default/web-node1"))

        #expect(try node.ask("image", "prune", "--all") == "Freed: 0B (0 bytes)\n")
        let refused = try node.podagent("image", "rm", name)
        #expect(refused.code == 1 && refused.errors.contains("in use"), "\(refused)")
        let offline = try node.podagent("image", "rm", name, "--state-dir", "\(node.directory)/state")
        #expect(offline.code == 1 && offline.errors.contains("an agent uses"), "\(offline)")

        let status = try node.ask("get", "node", "-o", "json")
        #expect(status.contains("sizeBytes") && status.contains(name))

        // Its container runs on without an agent, and still has its image.
        node.endAgent(by: SIGTERM)
        let alone = try node.podagent("image", "prune", "-a", "--state-dir", "\(node.directory)/state")
        #expect(alone.output == "Freed: 0B (0 bytes)\n", "\(alone)")
        try node.startAgent()
        try node.wait("web", for: "condition=Ready")

        #expect(try node.ask("image", "pin", name) == "Pinned image: \(name)\n")
        node.remove("web.yaml")
        try node.wait("web", for: "delete")
        #expect(try node.ask("image", "prune", "--all") == "Freed: 0B (0 bytes)\n")
        let pinned = try node.podagent("image", "rm", name)
        #expect(pinned.code == 1 && pinned.errors.contains("podagent image unpin"), "\(pinned)")
        #expect(try node.ask("image", "unpin", name) == "Unpinned image: \(name)\n")
        let pruned = try node.ask("image", "prune", "--all")
        #expect(pruned.hasPrefix("Removed image: \(name)\nFreed: ") && !pruned.contains(" 0 bytes"))
        try eventually("the node's status forgets it") {
            try !node.ask("get", "node", "-o", "json").contains("sizeBytes")
        }
        try node.end()
    }

    @Test(
        "An image whose name has moved on stays while its container runs, also across a restart of the agent"
    )
    func movedName() throws {
        let node = try TestNode(images: ["busybox"])
        let name = try Self.name(node)
        try node.put("web.yaml", Self.pod("web", image: name))
        try node.wait("web", for: "condition=Ready")
        let other = TestImage(annotations: ["org.opencontainers.image.ref.name": name])
        let archive = "\(node.directory)/other.tar"
        try RootedDirectory(hostPath: node.directory).replaceFile(
            "other.tar",
            with: TestImage.archive(other.layoutFiles),
            mode: 0o600
        )
        _ = try node.ask("image", "load", archive)
        for round in 0..<2 {
            #expect(try node.ask("image", "prune") == "Freed: 0B (0 bytes)\n", "round \(round)")
            #expect(try node.ask("exec", "web", "--", "/bin/echo", "alive") == "alive\n")
            node.killAgent()
            try node.startAgent()
        }
        try node.end()
    }

    @Test("Limits that contradict each other are refused at the start")
    func limits() throws {
        let scratch = try TemporaryDirectory()
        let outcome = try Subprocess.run(
            [
                "\(TestNode.products)/podagent", "serve", "--image-gc-high-threshold-percent", "50",
                "--image-gc-low-threshold-percent", "50",
            ],
            scratch: scratch.path
        )
        #expect(outcome.code == 2 && outcome.errors.contains("must be lower than"), "\(outcome)")
    }
}

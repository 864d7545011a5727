import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A node that brings its images along.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking
)
struct PreloadNodeTests {
    private static func manifest(_ image: String) -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: web}
        spec:
          terminationGracePeriodSeconds: 0
          containers: [{name: c, image: "\(image)", command: [sleep, infinity]}]
        """
    }

    private static func preload(_ node: TestNode) throws -> RootedDirectory {
        try RootedDirectory(hostPath: node.directory).makeDirectory("state/preload", mode: 0o755)
    }

    /// Puts an archive of one image in place.
    private static func put(
        _ file: String,
        name: String,
        layer: String = "x",
        in node: TestNode
    ) throws {
        let image = TestImage(
            layers: [TestImage.layer(layer)],
            annotations: ["org.opencontainers.image.ref.name": name]
        )
        let bytes = TestImage.archive(image.layoutFiles)
        try preload(node).replaceFile(file, with: bytes, mode: 0o644)
    }

    private static func names(_ node: TestNode) throws -> [String] {
        try node.ask("image", "list", "--no-headers").split(separator: "\n").map {
            String($0.prefix { $0 != " " })
        }
    }

    private static func loads(_ node: TestNode) -> [String] {
        node.agentLog.split(separator: "\n").compactMap { line in
            line.firstRange(of: ": loaded ").flatMap { range in
                line[..<range.lowerBound].split(separator: "/").last.map(String.init)
            }
        }
    }

    @Test("A Pod starts offline from what was preloaded, a broken archive is told of once and stops no other")
    func offline() throws {
        let busybox = try #require(TestNode.images, TestNode.needsImages) + "/busybox.tar"
        let node = try TestNode(prepare: { node in
            let directory = try Self.preload(node)
            try directory.replaceFile("0-broken.tar", with: Array("no archive".utf8), mode: 0o644)
            try directory.replaceFile(".copying.tar", with: [1], mode: 0o644)
            _ = try directory.makeDirectory("1-directory", mode: 0o755)
            try check("symlink", busybox) { symlink(busybox, "\(directory.name)/2-busybox.tar") }
            try Self.put("3-other.tar", name: "example.com/other:1", in: node)
            // Wanted before it is there.
            try node.put("web.yaml", Self.manifest("busybox:1.36"))
        })
        try eventually("all is loaded") { Self.loads(node).contains("3-other.tar") }
        try node.wait("web", for: "condition=Ready")
        let events = try node.ask("events", "-A").split(separator: "\n").filter {
            $0.contains("PreloadFailed")
        }
        #expect(events.count == 2, "\(events)")
        #expect(
            events.contains { $0.contains("0-broken.tar") } && events.contains { $0.contains("1-directory") }
        )

        // Pinned by where they came from.
        let refused = try node.podagent("image", "rm", "example.com/other:1")
        #expect(refused.code == 1 && refused.errors.contains("move that file away"), "\(refused)")
        #expect(try node.ask("image", "prune", "-a") == "Freed: 0B (0 bytes)\n")

        // The next agent loads neither again, and lets go of what is no longer there.
        unlink("\(node.directory)/state/preload/3-other.tar")
        node.endAgent(by: SIGTERM)
        try node.startAgent()
        try node.wait("web", for: "condition=Ready")
        #expect(Self.loads(node) == ["2-busybox.tar", "3-other.tar"])
        #expect(try node.ask("image", "prune", "-a").contains("Removed image: example.com/other:1"))
        try node.end()
    }

    @Test("An archive is loaded again when it is replaced, and when an image of it has gone")
    func again() throws {
        let node = try TestNode(prepare: { node in
            try Self.put("a.tar", name: "example.com/a:1", in: node)
            try Self.put("b.tar", name: "example.com/b:1", layer: "y", in: node)
        })
        func restart(_ loads: [String]) throws {
            node.endAgent(by: SIGTERM)
            try node.startAgent()
            try eventually("\(loads)\n\(node.agentLog)") { Self.loads(node) == loads }
        }
        try eventually("both are loaded") { Self.loads(node).count == 2 }
        try Self.put("a.tar", name: "example.com/a:2", layer: "z", in: node)
        try restart(["a.tar", "b.tar", "a.tar"])
        // The older one is not pinned any more.
        #expect(try node.ask("image", "prune", "-a").contains("Removed image: example.com/a:1"))

        // Away, gone, and back under the same name with the same inode.
        let (path, away) = ("\(node.directory)/state/preload/b.tar", "\(node.directory)/b.tar")
        try check("rename", path) { rename(path, away) }
        _ = try node.ask("image", "rm", "example.com/b:1")
        try check("rename", path) { rename(away, path) }
        try restart(["a.tar", "b.tar", "a.tar", "b.tar"])
        #expect(try Self.names(node) == ["example.com/a:2", "example.com/b:1"])
        try node.end()
    }

    @Test(
        "An agent that is killed while it preloads is followed by one that has everything",
        arguments: CrashPoint.preload
    )
    func killed(at point: CrashPoint) throws {
        let node = try TestNode(
            prepare: { node in
                // Found at the first start, when nothing crashes yet: there is no preload directory.
                try node.put("web.yaml", Self.manifest("example.com/web:1"))
            }
        )
        try Self.put("a.tar", name: "example.com/a:1", in: node)
        try Self.put("b.tar", name: "example.com/b:1", layer: "y", in: node)
        node.endAgent(by: SIGTERM)
        for passing in 1...2 {
            try node.spawnAgent(environment: ["PODAGENT_CRASH_AT=\(point.rawValue):\(passing)"])
            // The second time there may be one archive left only.
            if passing == 1 { #expect(node.waitForAgent() == 128 + SIGKILL) } else { usleep(300_000) }
            node.killAgent()
        }
        try node.startAgent()
        try eventually("both images are here\n\(node.agentLog)") {
            try Self.names(node) == ["example.com/a:1", "example.com/b:1"]
        }
        let state = try RootedDirectory(hostPath: "\(node.directory)/state/images")
        // The locks of layers stay until the store is opened the next time.
        try eventually("nothing is half there") {
            try state.directory("work").entries().allSatisfy { $0.hasSuffix(".lock") }
        }
        try eventually("both are remembered") { try state.directory("preloads").entries().count == 2 }
        node.remove("web.yaml")
        try node.end()
    }
}

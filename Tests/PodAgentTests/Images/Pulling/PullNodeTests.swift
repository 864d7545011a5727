import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Pods whose images are at a registry.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: ChaosNode.hasBusybox, ChaosNode.needsBusybox),
    .serialized,
    .blocking
)
struct PullNodeTests {
    /// Its container tells its image's version and ends when somebody makes the file `/end`.
    private static func pod(_ name: String, _ image: String, policy: String = "IfNotPresent") -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: \(image)
            imagePullPolicy: \(policy)
            command: [sh, -c, "cat /version; until [ -e /end ]; do sleep 0.1; done"]
        """
    }

    /// Runs a test with a registry and a node of its own; the registry outlives the node.
    private func facing(
        _ contents: [String: HostileRegistry.Content],
        _ script: @escaping HostileRegistry.Script = { _, _ in nil },
        _ body: (HostileRegistry, TestNode) throws -> Void
    ) throws {
        let registry = try HostileRegistry(contents, script)
        try withExtendedLifetime(registry) {
            let node = try TestNode(flags: ["--restart-backoff", "1s"])
            try body(registry, node)
            try node.end()
        }
    }

    private func events(_ node: TestNode, of pod: String) throws -> String {
        try node.ask("events", "--for", "pod/\(pod)", "-o", "wide")
    }

    private func waitForEvent(_ node: TestNode, of pod: String, _ text: String) throws {
        try eventually("an event of \(pod) says: \(text)\n\(node.agentLog)") {
            try events(node, of: pod).contains(text)
        }
    }

    /// Waits until the container waits for this reason.
    private func waitForReason(_ node: TestNode, _ pod: String, _ reason: String) throws {
        try eventually("\(pod) waits: \(reason)\n\(node.agentLog)") {
            try node.toldPods().first { $0.metadata.name == "\(pod)-node1" }?
                .status("c")?.state.waiting?.reason == reason
        }
    }

    @Test("What is not present is pulled, and what is present is not asked for")
    func ifNotPresent() throws {
        let image = TestImage.runnable("one")
        try facing(image.published()) { registry, node in
            let name = "\(registry.host)/app:1"
            try node.put("first.yaml", Self.pod("first", name))
            try node.wait("first", for: "condition=Ready")
            try eventually("it tells its version") { try node.ask("logs", "first") == "one\n" }
            try waitForEvent(node, of: "first", "Pulling image \"\(name)\"")
            try waitForEvent(node, of: "first", "Successfully pulled image \"\(name)\" in ")
            registry.forgetRequests()
            try node.put("second.yaml", Self.pod("second", name))
            try node.wait("second", for: "condition=Ready")
            try waitForEvent(
                node,
                of: "second",
                "Container image \"\(name)\" already present on machine and can be accessed by the pod"
            )
            #expect(registry.asked == [])
        }
    }

    @Test("Always asks at every start, and sees a tag that has moved")
    func always() throws {
        let (one, two) = (TestImage.runnable("one"), TestImage.runnable("two"))
        try facing(one.published()) { registry, node in
            try node.put("web.yaml", Self.pod("web", "\(registry.host)/app:1", policy: "Always"))
            try node.wait("web", for: "condition=Ready")
            try eventually("it tells its version") { try node.ask("logs", "web") == "one\n" }
            registry.forgetRequests()
            _ = try node.ask("exec", "web", "--", "touch", "/end")
            try eventually("it has started again") { try restarts(node, "web") == 1 }
            try eventually("it tells its version") { try node.ask("logs", "web") == "one\n" }
            #expect(registry.asked == ["HEAD /v2/app/manifests/1"])
            registry.replace(two.published())
            _ = try node.ask("exec", "web", "--", "touch", "/end")
            try eventually("it has started again") { try restarts(node, "web") == 2 }
            try eventually("the new image runs\n\(node.agentLog)") { try node.ask("logs", "web") == "two\n" }
            #expect(two.blobs.map(registry.fetches) == [0, 1])
        }
    }

    private func restarts(_ node: TestNode, _ pod: String) throws -> Int32? {
        let status = try node.toldPods().first { $0.metadata.name == "\(pod)-node1" }?.status("c")
        return status?.state.running == nil ? nil : status?.restartCount
    }

    @Test("Never asks nobody")
    func never() throws {
        let image = TestImage.runnable("one")
        try facing(image.published()) { registry, node in
            let name = "\(registry.host)/app:1"
            try node.put("web.yaml", Self.pod("web", name, policy: "Never"))
            try waitForReason(node, "web", "ErrImageNeverPull")
            #expect(registry.asked == [])
            // Somebody else may bring it.
            _ = try node.ask("image", "pull", name)
            try node.wait("web", for: "condition=Ready")
        }
    }

    @Test(
        "Without its registry a Pod that always asks waits, even for an image that is here, until the registry is back",
        .enabled(if: RegistryProcess.isInstalled, RegistryProcess.isNeeded)
    )
    func registryAway() throws {
        try Scratch.run { scratch in
            try RegistryProcess.run(in: scratch.path) { registry in
                var image = TestImage.runnable("one")
                image.compression = .gzip
                let layout = try scratch.write("layout", files: image.layoutFiles)
                try registry.push("oci:\(layout):example.com/app:1", as: "app:1")
                let node = try TestNode()
                let name = "\(registry.host)/app:1"
                try node.put("first.yaml", Self.pod("first", name))
                try node.wait("first", for: "condition=Ready")
                registry.stop()
                try node.put("always.yaml", Self.pod("always", name, policy: "Always"))
                try node.put("present.yaml", Self.pod("present", name))
                try waitForReason(node, "always", "ErrImagePull")
                try waitForReason(node, "always", "ImagePullBackOff")
                try node.wait("present", for: "condition=Ready")
                for text in [
                    "Failed to pull image \"\(name)\": ", "Error: ErrImagePull",
                    "Back-off pulling image \"\(name)\"",
                    "Error: ImagePullBackOff",
                ] {
                    try waitForEvent(node, of: "always", text)
                }
                try registry.start()
                try node.wait("always", for: "condition=Ready")
                try node.end()
            }
        }
    }

    /// Text that cannot be packed: no layer of it comes in one piece.
    private static let noise: String = {
        var random = SplitMix(state: 1)
        return String(
            (0..<100_000).map { _ in Character(UnicodeScalar(UInt8.random(in: 33...126, using: &random))) }
        )
    }()

    /// A registry whose upper layer comes a byte at a time for as long as somebody wants it.
    private func dripping(_ image: TestImage, _ body: (HostileRegistry, TestNode, Flag, Flag) throws -> Void)
        throws
    {
        let (blob, isAsked, isLeft) = (image.blobs[1], Flag(), Flag())
        let path = image.blobPath(blob)
        try facing(image.published()) { request, _ in
            guard request.path == path else { return nil }
            return HostileRegistry.Reply(announced: blob.count) { connection in
                isAsked.set()
                for byte in blob where connection.write([byte]) { usleep(20_000) }
                isLeft.set()
            }
        } _: { registry, node in
            try body(registry, node, isAsked, isLeft)
        }
    }

    @Test("The pull of a Pod that is deleted ends with it")
    func deleted() throws {
        var image = TestImage.runnable("one")
        image.layers[1] = TestImage.layer("big", Self.noise)
        try dripping(image) { registry, node, isAsked, isLeft in
            try node.put("web.yaml", Self.pod("web", "\(registry.host)/app:1"))
            isAsked.wait()
            try eventually("how far it is stands in the description") {
                let description = try node.ask("describe", "pod", "web")
                let progress = #/Message: +Pulling image: [\d.]+.?B of [\d.]+.B, 1 of 2 layers/#
                return description.contains(progress)
            }
            node.remove("web.yaml")
            try node.wait("web", for: "delete")
            #expect(isLeft.wait())
            #expect(try !node.ask("image", "list").contains("\(registry.host)/app"))
        }
    }

    @Test("A client that goes takes its pull along")
    func clientGone() throws {
        var image = TestImage.runnable("one")
        image.layers[1] = TestImage.layer("big", Self.noise)
        try dripping(image) { registry, node, isAsked, isLeft in
            let output = "\(node.directory)/scratch/pull"
            let client = try Subprocess(
                ["\(TestNode.products)/podagent", "image", "pull", "\(registry.host)/app:1"],
                environment: ["PODAGENT_SOCKET=\(node.socket)"],
                output: output,
                errors: output
            )
            isAsked.wait()
            // Anything else may be blocked in the threads of tests, and so in what they begin.
            kill(client.pid, SIGKILL)
            client.wait()
            #expect(isLeft.wait())
            #expect(try !node.ask("image", "list").contains("\(registry.host)/app"))
            unlink(output)
        }
    }

    @Test("A client is told of each layer and of the image; of a failure in the registry's words")
    func client() throws {
        let image = TestImage.runnable("one")
        try facing(image.published()) { registry, node in
            let name = "\(registry.host)/app:1"
            let pulled = try node.podagent("image", "pull", name)
            #expect(pulled.code == 0, "\(pulled)")
            for blob in image.blobs {
                #expect(pulled.errors.contains("\(Digest(of: blob).hex.prefix(12)): done"), "\(pulled)")
            }
            let told = "\(name) (\(registry.host)/app@\(image.manifestDigest))\n"
            #expect(pulled.output == "Pulled image: \(told)")
            #expect(try node.ask("image", "pull", name) == "Image is up to date: \(told)")
            #expect(try node.ask("image", "pull", "--quiet", name) == "\(image.id)\n")
            let failed = try node.podagent("image", "pull", "\(registry.host)/app:2")
            #expect(failed.code == 1)
            #expect(failed.errors.contains("MANIFEST_UNKNOWN"), "\(failed)")
        }
    }

    @Test("A container goes on running while the image of its successor cannot be had")
    func changed() throws {
        let (one, two) = (TestImage.runnable("one"), TestImage.runnable("two"))
        try facing(one.published()) { registry, node in
            try node.put("web.yaml", Self.pod("web", "\(registry.host)/app:1"))
            try node.wait("web", for: "condition=Ready")
            let before = try node.toldPods().first?.status("c")?.containerID
            let next = "\(registry.host)/app:2"
            try node.put("web.yaml", Self.pod("web", next))
            try waitForEvent(node, of: "web", "Failed to pull image \"\(next)\"")
            try waitForEvent(node, of: "web", "Back-off pulling image \"\(next)\"")
            let status = try node.toldPods().first?.status("c")
            #expect(status?.state.running != nil)
            #expect(status?.containerID == before)
            #expect(status?.restartCount == 0)
            registry.replace(two.published(tag: "2"))
            try eventually("the new image runs\n\(node.agentLog)") { try node.ask("logs", "web") == "two\n" }
        }
    }
}

extension TestImage {
    /// With a busybox in its lower layer, and in the upper one a file that tells its version.
    static func runnable(_ version: String) -> TestImage {
        var tar = TarWriter()
        tar.add("bin", .directory)
        let directory = try? RootedDirectory(hostPath: "/")
        let program = (try? directory?.read(ChaosNode.busybox, limit: 16 << 20)) ?? []
        tar.add(Array("bin/busybox".utf8), .file, program, mode: 0o755)
        for name in ["sh", "cat", "sleep", "touch"] { tar.add("bin/\(name)", .symbolicLink, link: "busybox") }
        return TestImage(
            layers: [tar.finished(), layer("version", "\(version)\n")],
            run: #"{"Cmd":["/bin/sleep","1000"],"Env":["PATH=/bin"]}"#
        )
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Images as other tools write them. Their programs are not needed anywhere else.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct ForeignToolTests {
    static func isInstalled(_ tool: String) -> Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").contains { access("\($0)/\(tool)", X_OK) == 0 }
    }

    /// Runs a program and waits for it; what it prints goes to a file that a failure shows.
    private func run(_ scratch: Scratch, _ arguments: String...) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let log = "\(scratch.path)/log"
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var words = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        try #require(posix_spawnp(&process, arguments[0], &actions, nil, &words, environ) == 0)
        var status: Int32 = 0
        try #require(waitpid(process, &status, 0) == process)
        try #require(status == 0, "\(arguments.joined(separator: " ")): \(content(log) ?? "")")
    }

    @Test(
        "What skopeo writes can be loaded, in each of its forms",
        .enabled(if: isInstalled("skopeo"), "skopeo is not installed"),
        arguments: [
            "docker-archive:%/out.tar:example.com/app:2", "oci-archive:%/out.tar:example.com/app:2",
            "oci:%/out.tar:example.com/app:2",
        ]
    )
    func skopeo(destination: String) throws {
        for format in ["gzip", "zstd"] {
            try Scratch.run { scratch in
                let image = TestImage(layers: [
                    TestImage.layer("hello"),
                    TestImage.layer("other", String(repeating: "text ", count: 10_000)),
                ])
                let source = try scratch.write("source", files: image.layoutFiles)
                try run(
                    scratch,
                    "skopeo",
                    "copy",
                    "--insecure-policy",
                    "--dest-compress-format",
                    format,
                    "oci:\(source):example.com/app:1",
                    destination.replacing("%", with: scratch.path)
                )
                let store = try scratch.store()
                let loaded = try store.load(path: "\(scratch.path)/out.tar")
                #expect(loaded.map(\.name) == ["example.com/app:2"])
                let resolved = try #require(try store.resolve("example.com/app:2"))
                #expect(resolved.root == .layers(image.diffIDs.reversed().map(\.shortName)))
                #expect(resolved.config.entrypoint == ["/bin/app"])
            }
        }
    }

    @Test(
        "Layers that umoci makes can be loaded, whiteouts among them",
        .enabled(if: isInstalled("umoci"), "umoci is not installed")
    )
    func umoci() throws {
        try Scratch.run { scratch in
            let (layout, bundle) = ("\(scratch.path)/layout", "\(scratch.path)/bundle")
            try run(scratch, "umoci", "init", "--layout", layout)
            try run(scratch, "umoci", "new", "--image", "\(layout):latest")
            try run(scratch, "umoci", "unpack", "--image", "\(layout):latest", bundle)
            _ = try scratch.write("bundle/rootfs/etc/kept", Array("kept".utf8))
            _ = try scratch.write("bundle/rootfs/etc/removed", Array("x".utf8))
            #expect(link("\(bundle)/rootfs/etc/kept", "\(bundle)/rootfs/etc/same") == 0)
            #expect(chmod("\(bundle)/rootfs/etc/kept", 0o4755) == 0)
            try run(scratch, "umoci", "repack", "--refresh-bundle", "--image", "\(layout):latest", bundle)
            #expect(unlink("\(bundle)/rootfs/etc/removed") == 0)
            try run(scratch, "umoci", "repack", "--image", "\(layout):latest", bundle)
            try run(scratch, "umoci", "config", "--config.cmd", "/etc/kept", "--image", "\(layout):latest")

            let store = try scratch.store()
            #expect(throws: ImageFailure.source(path: layout, .noName(tags: ["latest"]))) {
                try store.load(path: layout)
            }
            _ = try store.load(path: layout, name: "example.com/umoci")
            let resolved = try #require(try store.resolve("example.com/umoci"))
            #expect(resolved.config.cmd == ["/etc/kept"])
            guard case .layers(let layers) = resolved.root, layers.count == 2 else {
                Issue.record("\(resolved.root)")
                return
            }
            let (upper, lower) = ("\(store.layersPath)/\(layers[0])", "\(store.layersPath)/\(layers[1])")
            #expect(content("\(lower)/etc/kept") == "kept")
            #expect(FileFacts("\(lower)/etc/kept")?.mode == 0o4755)
            #expect(FileFacts("\(lower)/etc/same")?.inode == FileFacts("\(lower)/etc/kept")?.inode)
            #expect(FileFacts("\(upper)/etc/removed")?.isWhiteout == true)
        }
    }
}

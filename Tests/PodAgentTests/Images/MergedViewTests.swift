import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The stack of layers as overlayfs shows it, and as the agent reads it without mounting.
@Suite(.enabled(if: geteuid() == 0, "mounting needs root"))
struct MergedViewTests {
    /// Three layers in which everything that can hide something hides something.
    private var image: TestImage {
        var low = TarWriter()
        low.add("etc/passwd", .file, "root:x:0:0::/root:/bin/sh\nlow:x:5:6::/low:/bin/sh\n")
        low.add("etc/group", .file, "root:x:0:\naudio:x:29:app\n")
        low.add("etc/only-low", .file, "low")
        low.add("opaque/below", .file, "low")
        low.add("removed-dir/file", .file, "low")
        low.add("replaced-dir/file", .file, "low")
        low.add("file-then-dir", .file, "low")
        low.add("dir-then-file/file", .file, "low")
        low.add("link", .symbolicLink, link: "/etc")
        low.add("up", .symbolicLink, link: "../../../etc/../etc")
        low.add("loop", .symbolicLink, link: "loop")
        var middle = TarWriter()
        middle.add("etc/passwd", .file, "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n")
        middle.add(".wh.removed-dir")
        middle.add(".wh.replaced-dir")
        middle.add("replaced-dir/new", .file, "middle")
        middle.add("opaque/", .directory)
        middle.add("opaque/.wh..wh..opq")
        middle.add("opaque/above", .file, "middle")
        middle.add("file-then-dir/", .directory)
        middle.add("file-then-dir/inner", .file, "middle")
        middle.add("dir-then-file", .file, "middle")
        var high = TarWriter()
        high.add("etc/.wh.only-low")
        high.add("etc/high", .file, "high")
        return TestImage(layers: [low.finished(), middle.finished(), high.finished()])
    }

    private let paths = [
        "etc/passwd", "etc/group", "etc/only-low", "etc/high", "opaque/below", "opaque/above",
        "removed-dir/file", "replaced-dir/file", "replaced-dir/new", "file-then-dir", "file-then-dir/inner",
        "dir-then-file", "dir-then-file/file", "link/passwd", "up/high", "link/only-low", "nothing", "loop",
        "link/../etc/high", "../../etc/high", "etc",
    ]

    private func withImage(_ body: (ImageStore, ResolvedImage, Scratch) throws -> Void) throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            _ = try store.load(path: scratch.write("layout", files: image.layoutFiles))
            try body(store, try #require(try store.resolve("example.com/app:1")), scratch)
        }
    }

    @Test("The agent reads each file as overlayfs shows it")
    func agreesWithOverlay() throws {
        try withImage { store, image, scratch in
            guard case .layers(let names) = image.root else {
                Issue.record("no layers")
                return
            }
            _ = try scratch.root.makeDirectory("mounted", mode: 0o755)
            let target = "\(scratch.path)/mounted"
            let lower = names.map { "\(image.layersPath)/\($0)" }.joined(separator: ":")
            try #require(mount("overlay", target, "overlay", 0, "lowerdir=\(lower)") == 0)
            defer { umount2(target, Int32(MNT_DETACH)) }
            let mounted = try RootedDirectory(hostPath: target)
            let merged = LayeredRoot(
                layers: try names.map { try store.layers.entry(directory: FileName($0)) }
            )
            for path in paths {
                // Both refuse directories and circles, with whatever error.
                let expected = try? mounted.read(path, limit: 10_000)
                let found = (try? merged.read(path, limit: 10_000)) ?? nil
                #expect(found == expected, "\(path)")
            }
            #expect(try mounted.directory("replaced-dir").entries() == ["new"])
            #expect(try mounted.directory("opaque").entries() == ["above"])
            #expect(try mounted.directory("etc").entries() == ["group", "high", "passwd"])
        }
    }

    @Test("A user is looked up in the topmost account files")
    func accounts() throws {
        try withImage { store, image, _ in
            let accounts = try store.accounts(of: image)
            let identity = try accounts.identity(of: image.config.user)
            #expect(identity.uid == 1000 && identity.gid == 1000 && identity.groups == [29])
            #expect(throws: AccountFailure.unknownUser("low")) { try accounts.identity(of: "low") }
        }
    }

    @Test("An image without account files has no names, and a directory's are read inside it")
    func otherAccounts() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let none = try #require(try store.resolve("rootfs:\(scratch.path)/canary"))
            #expect(try store.accounts(of: none) == AccountFiles())
            _ = try scratch.write("tree/files/passwd", Array("in:x:7:8::/:/bin/sh\n".utf8))
            #expect(symlink("/files", "\(scratch.path)/tree/etc") == 0)
            let tree = try #require(try store.resolve("rootfs:\(scratch.path)/tree"))
            #expect(try store.accounts(of: tree).identity(of: "in").uid == 7)
        }
    }

    @Test("Account files that are too large or no files are refused", arguments: ["large", "fifo"])
    func hostileAccounts(kind: String) throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            var tar = TarWriter()
            if kind == "large" {
                tar.add(Array("etc/passwd".utf8), .file, [UInt8](repeating: 0x0A, count: 5 << 20))
            } else {
                tar.add("etc/passwd", .fifo)
            }
            let image = TestImage(layers: [tar.finished()])
            _ = try store.load(path: scratch.write("layout", files: image.layoutFiles))
            let resolved = try #require(try store.resolve("example.com/app:1"))
            let failure = #expect(throws: ImageFailure.self) { try store.accounts(of: resolved) }
            guard case .accounts(_, let why) = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(why.errno == (kind == "large" ? EFBIG : EINVAL))
        }
    }
}

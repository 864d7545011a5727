import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What layers made to do harm become: confined or refused, and never more than that. Every test checks the canary.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct HostileLayerTests {
    private func limits(_ change: (inout ImageLimits) -> Void) -> ImageLimits {
        var limits = ImageLimits()
        change(&limits)
        return limits
    }

    /// Unpacks in a scratch directory; `build` gets the canary's path.
    private func unpack(
        limits: ImageLimits = ImageLimits(),
        _ build: (inout TarWriter, String) -> Void,
        _ body: (String) throws -> Void = { _ in }
    ) throws {
        try Scratch.run { scratch in
            var tar = TarWriter()
            build(&tar, scratch.canary)
            let bytes = tar.finished()
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: bytes))
            _ = try layer.unpack(BytesStream(bytes), into: directory, limits: limits)
            try body("\(scratch.path)/layer")
        }
    }

    /// The problem with which unpacking ends.
    private func problem(
        limits: ImageLimits = ImageLimits(),
        _ build: (inout TarWriter, String) -> Void
    ) throws -> LayerProblem? {
        do {
            try unpack(limits: limits, build)
            return nil
        } catch SourceProblem.layer(_, _, let problem) {
            return problem
        }
    }

    @Test("Names with .. and absolute names stay in the layer")
    func traversal() throws {
        try unpack { tar, canary in
            tar.add("../../../../../../../../../../tmp/up", .file, "1")
            tar.add(canary, .file, "2")
            tar.add("a/../../../b", .file, "3")
            tar.add("/etc/../../abs", .file, "4")
        } _: { path in
            #expect(content("\(path)/tmp/up") == "1")
            #expect(content("\(path)/b") == "3")
            #expect(content("\(path)/abs") == "4")
        }
    }

    @Test(
        "A file beneath a link that leads out lands inside",
        arguments: ["absolute", "relative", "proc", "chain"]
    )
    func linkThenFile(kind: String) throws {
        try unpack { tar, canary in
            let directory = String(canary.dropLast("/file".count))
            let up = String(repeating: "../", count: 40)
            switch kind {
            case "absolute": tar.add("out", .symbolicLink, link: directory)
            case "relative": tar.add("out", .symbolicLink, link: up + directory.dropFirst())
            case "proc": tar.add("out", .symbolicLink, link: "/proc/self/root" + directory)
            default:
                tar.add("one", .symbolicLink, link: "/")
                tar.add("out", .symbolicLink, link: "one/.." + directory)
            }
            tar.add("out/file", .file, "overwritten")
            tar.add("out/.wh.file2")
            tar.add("out/dir/", .directory, mode: 0o777)
            tar.add("out/.wh..wh..opq")
        } _: { path in
            #expect(FileFacts("\(path)/out")?.kind == S_IFLNK)
        }
    }

    @Test("A file, directory, FIFO or link over a link replaces the link and leaves its target alone")
    func objectsOverLinks() throws {
        try unpack { tar, canary in
            for name in ["file", "dir", "pipe", "link", "hard"] {
                tar.add(name, .symbolicLink, link: canary)
            }
            tar.add("source", .file, "s")
            tar.add("file", .file, "overwritten", mode: 0o777, uid: 9)
            tar.add("dir/", .directory, mode: 0o777, uid: 9)
            tar.add("pipe", .fifo, mode: 0o777, uid: 9)
            tar.add("link", .symbolicLink, uid: 9, link: "elsewhere")
            tar.add("hard", .hardLink, link: "source")
        } _: { path in
            #expect(content("\(path)/file") == "overwritten")
            #expect(FileFacts("\(path)/dir")?.kind == S_IFDIR)
            #expect(FileFacts("\(path)/pipe")?.kind == S_IFIFO)
            #expect(FileFacts("\(path)/hard")?.kind == S_IFREG)
        }
    }

    @Test("Removing what a later entry replaces does not follow links")
    func replacingATreeOfLinks() throws {
        try unpack { tar, canary in
            tar.add("tree/link", .symbolicLink, link: canary)
            tar.add("tree/up", .symbolicLink, link: "/")
            tar.add("tree/inner/link", .symbolicLink, link: String(canary.dropLast("/file".count)))
            tar.add("tree", .file, "gone")
        } _: { path in
            #expect(content("\(path)/tree") == "gone")
        }
    }

    @Test("A time for a directory that a link has replaced is not set through the link")
    func timesDoNotFollow() throws {
        try unpack { tar, canary in
            tar.add("dir/", .directory, modifiedAt: 1)
            tar.add("dir/file", .file)
            tar.add("dir", .symbolicLink, link: String(canary.dropLast("/file".count)))
            tar.add("dir/", .directory, modifiedAt: 2)
            tar.add("dir", .symbolicLink, link: canary)
        }
    }

    @Test("A hard link that leads out finds nothing", arguments: ["absolute", "dots", "through a link"])
    func hardLinkOut(kind: String) throws {
        let found = try problem { tar, canary in
            switch kind {
            case "absolute": tar.add("hard", .hardLink, link: canary)
            case "dots": tar.add("hard", .hardLink, link: "../../../../../.." + canary)
            default:
                tar.add("out", .symbolicLink, link: String(canary.dropLast("/file".count)))
                tar.add("hard", .hardLink, link: "out/file")
            }
        }
        guard case .hardLinkToNothing = found else {
            Issue.record("\(String(describing: found))")
            return
        }
    }

    @Test(
        "A hard link to a link, a directory, a FIFO or the root is refused",
        arguments: ["link", "dir", "pipe", "."]
    )
    func hardLinkToNoFile(target: String) throws {
        let found = try problem { tar, canary in
            tar.add("link", .symbolicLink, link: canary)
            tar.add("dir/", .directory)
            tar.add("pipe", .fifo)
            tar.add("hard", .hardLink, link: target)
        }
        #expect(found == .hardLinkToNoFile(target))
    }

    @Test("Writing over a hard link breaks it instead of changing its other name")
    func writingOverHardLinks() throws {
        try unpack { tar, _ in
            tar.add("one", .file, "one")
            tar.add("two", .hardLink, link: "one")
            tar.add("two", .file, "two", mode: 0o600)
        } _: { path in
            #expect(content("\(path)/one") == "one")
            #expect(FileFacts("\(path)/one")?.mode == 0o644)
        }
    }

    @Test(
        "Whiteouts of nothing, of . and of .. are refused",
        arguments: [".wh.", ".wh..", ".wh...", "a/.wh...", ".wh.a/b"]
    )
    func badWhiteouts(name: String) throws {
        let found = try problem { tar, _ in
            tar.add("a/b", .file, "x")
            tar.add(name)
        }
        guard case .name = found else {
            Issue.record("\(String(describing: found))")
            return
        }
    }

    @Test("A whiteout beneath a link that leads out hides something inside")
    func whiteoutThroughALink() throws {
        try unpack { tar, canary in
            tar.add("out", .symbolicLink, link: String(canary.dropLast("/file".count)))
            tar.add("out/.wh.file")
        } _: { path in
            #expect(FileFacts("\(path)/out")?.kind == S_IFLNK)
        }
    }

    @Test("Devices are refused", arguments: [TarWriter.Kind.characterDevice, .blockDevice])
    func devices(kind: TarWriter.Kind) throws {
        #expect(try problem { tar, _ in tar.add("dev/null", kind) } == .device)
    }

    @Test("An entry in something that is no directory is refused")
    func parentIsAFile() throws {
        let found = try problem { tar, _ in
            tar.add("file", .file, "x")
            tar.add("file/inner", .file, "x")
        }
        #expect(found == .parentIsNotADirectory)
    }

    @Test("Links that lead in circles are refused")
    func circles() throws {
        let found = try problem { tar, _ in
            tar.add("a", .symbolicLink, link: "b")
            tar.add("b", .symbolicLink, link: "a")
            tar.add("a/file", .file, "x")
        }
        #expect(found == .parentCannotBeReached)
    }

    @Test("Links that multiply on the way are refused before they cost anything")
    func multiplyingLinks() throws {
        let found = try problem { tar, _ in
            for level in 1..<50 {
                tar.add("l\(level)", .symbolicLink, link: "l\(level - 1)/../l\(level - 1)/../l\(level - 1)")
            }
            tar.add("l0", .symbolicLink, link: "nowhere")
            tar.add("l49/file", .file, "x")
        }
        #expect(found == .parentCannotBeReached)
    }

    @Test("The root cannot be replaced by a link or a file", arguments: [TarWriter.Kind.symbolicLink, .file])
    func rootReplaced(kind: TarWriter.Kind) throws {
        #expect(try problem { tar, canary in tar.add(".", kind, link: canary) } == .rootIsNotADirectory)
    }

    @Test("Owners out of range are refused, -1 among them", arguments: [4_294_967_295, 4_294_967_296])
    func owners(owner: Int) throws {
        #expect(
            try problem { tar, _ in tar.add("file", .file, uid: owner) } == .owner(uid: Int64(owner), gid: 0)
        )
        #expect(
            try problem { tar, _ in tar.add("file", .file, gid: owner) } == .owner(uid: 0, gid: Int64(owner))
        )
    }

    @Test("Names that are too long or too deep are refused")
    func names() throws {
        let long = String(repeating: "a/", count: 100) + String(repeating: "n", count: 5000)
        #expect(try problem { tar, _ in tar.add(long) } == .name(.tooLong(limit: 4096)))
        let deep = String(repeating: "a/", count: 300) + "x"
        #expect(try problem { tar, _ in tar.add(deep) } == .name(.tooDeep(limit: 256)))
        let component = String(repeating: "n", count: 300)
        guard case .system(let failure) = try problem({ tar, _ in tar.add(component) }) else {
            Issue.record("a name of 300 bytes was taken")
            return
        }
        #expect(failure.errno == ENAMETOOLONG)
    }

    @Test("More entries than allowed are refused")
    func tooManyEntries() throws {
        let found = try problem(limits: limits { $0.layerEntries = 10 }) { tar, _ in
            for index in 0..<11 { tar.add("f\(index)") }
        }
        #expect(found == .tooManyEntries(limit: 10))
        let implied = try problem(limits: limits { $0.layerEntries = 10 }) { tar, _ in
            tar.add("1/2/3/4/5/6/7/8/9/10/11", .file)
        }
        #expect(implied == .tooManyEntries(limit: 10))
    }

    @Test("More content than allowed is refused, whether in one file or in many")
    func tooLarge() throws {
        let small = limits { $0.layerBytes = 10_000 }
        let many = try problem(limits: small) { tar, _ in
            for index in 0..<8 { tar.add("f\(index)", .file, String(repeating: "x", count: 900)) }
        }
        #expect(many == .stream(.tooLong(limit: 10_000)))
        let one = try problem(limits: small) { tar, _ in tar.addHeader("huge", size: 8_000_000_000) }
        #expect(one == .tooLarge(limit: 10_000))
    }

    @Test("A sparse file of huge size is refused although it takes no room")
    func sparseGiant() throws {
        var map = Array("1\n0\n0\n".utf8)
        map += [UInt8](repeating: 0, count: 512 - map.count)
        let found = try problem { tar, _ in
            tar.add(
                Array("sparse".utf8),
                .file,
                map,
                pax: [
                    ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "sparse"),
                    ("GNU.sparse.realsize", "9223372036854775807"),
                ]
            )
        }
        #expect(found == .tooLarge(limit: 64 << 30))
    }

    @Test("A zstd bomb stops at the limit")
    func bomb() throws {
        var tar = TarWriter()
        tar.addHeader("zeros", size: 4 << 30)
        let blob = Compression.zstdBomb(tar.bytes, zeros: 4 << 30)
        #expect(blob.count < 200_000)
        try Scratch.run { scratch in
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: blob))
            let small = limits { $0.layerBytes = 1 << 20 }
            let failure = #expect(throws: SourceProblem.self) {
                try layer.unpack(BytesStream(blob), into: directory, limits: small)
            }
            #expect(failure == .layer(layer.diffID, entry: "zeros", .tooLarge(limit: 1 << 20)))
            // Zeros behind the end of the archive count as well.
            let padded = Compression.zstdBomb(TarWriter().finished(), zeros: 4 << 30)
            let after = #expect(throws: SourceProblem.self) {
                try layer.unpack(BytesStream(padded), into: directory, limits: small)
            }
            #expect(after == .layer(layer.diffID, entry: nil, .stream(.tooLong(limit: 1 << 20))))
        }
    }

    @Test("A truncated archive is refused wherever it was cut", arguments: [0, 100, 512, 700, 1100, 1536])
    func truncated(count: Int) throws {
        let whole = TestImage.layer("file", String(repeating: "x", count: 1000))
        try Scratch.run { scratch in
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: whole))
            #expect(throws: SourceProblem.self) {
                try layer.unpack(
                    BytesStream(Array(whole.prefix(count))),
                    into: directory,
                    limits: ImageLimits()
                )
            }
        }
    }

    @Test("A damaged header is refused and not skipped")
    func damagedHeader() throws {
        var tar = TarWriter()
        tar.add("first", .file, "1")
        tar.add("second", .file, "2")
        var bytes = tar.finished()
        bytes[1024 + 5] ^= 1
        try Scratch.run { scratch in
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: bytes))
            #expect(throws: SourceProblem.self) {
                try layer.unpack(BytesStream(bytes), into: directory, limits: ImageLimits())
            }
        }
    }

    @Test(
        "Random entries of nasty parts never leave the layer, whatever came before them",
        arguments: UInt64(0)..<8
    )
    func randomEntries(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        try Scratch.run { scratch in
            let parts = ["a", "b", "c", "..", ".", "", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh...", "\u{FF}"]
            func name() -> String {
                (0..<Int.random(in: 1...4, using: &random))
                    .map { _ in parts.randomElement(using: &random) ?? "a" }
                    .joined(separator: "/")
            }
            func target() -> [UInt8] {
                switch Int.random(in: 0..<5, using: &random) {
                case 0: Array(scratch.canary.utf8)
                case 1: Array(scratch.canary.dropLast("/file".count).utf8)
                case 2: Array((String(repeating: "../", count: 30) + scratch.canary.dropFirst()).utf8)
                case 3: Array(("/" + name()).utf8)
                default: Array(name().utf8)
                }
            }
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let tree = LayerTree(directory, limits: ImageLimits())
            var placed = 0
            for _ in 0..<500 {
                let kinds: [ArchiveEntry.Kind] = [
                    .file, .directory, .fifo, .symbolicLink(target: target()), .hardLink(target: target()),
                ]
                let entry = ArchiveEntry(
                    name: Array(name().utf8),
                    kind: kinds.randomElement(using: &random) ?? .file,
                    mode: 0o777,
                    uid: 7,
                    gid: 7,
                    modifiedAt: timespec(),
                    size: 0,
                    attributes: [("user.x", [1])]
                )
                // A real load stops at the first refusal; here the next entry tries its luck.
                do throws(LayerProblem) {
                    try tree.place(entry, content: nil)
                    placed += 1
                } catch { continue }
            }
            #expect(placed > 100)
            let made = try scratch.root.entries()
            #expect(made == ["canary", "layer"])
        }
    }

    @Test("A layer with random bytes in it is unpacked or refused", arguments: UInt64(0)..<8)
    func randomBytes(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        try Scratch.run { scratch in
            var tar = TarWriter()
            for index in 0..<10 {
                tar.add("d\(index)/f", .file, "content", attributes: [("user.x", [1])])
                tar.add("d\(index)/l", .symbolicLink, link: scratch.canary)
            }
            for round in 0..<20 {
                var bytes = tar.finished()
                for _ in 0..<3 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
                        in: 0...255,
                        using: &random
                    )
                }
                let directory = try scratch.root.makeDirectory("layer\(round)", mode: 0o755)
                let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: bytes))
                do throws(SourceProblem) {
                    _ = try layer.unpack(BytesStream(bytes), into: directory, limits: ImageLimits())
                } catch { continue }
            }
        }
    }

    @Test("A failure names the layer and the entry")
    func messages() throws {
        var tar = TarWriter()
        tar.add("dev/\nnull", .characterDevice)
        let bytes = tar.finished()
        try Scratch.run { scratch in
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: bytes))
            let failure = #expect(throws: SourceProblem.self) {
                try layer.unpack(BytesStream(bytes), into: directory, limits: ImageLimits())
            }
            #expect(
                failure?.description
                    == "layer \(layer.diffID): entry \"dev/\\nnull\": it is a device, which images may not bring along"
            )
        }
    }
}

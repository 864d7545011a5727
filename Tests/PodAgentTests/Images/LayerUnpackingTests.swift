import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What well-formed layers become.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct LayerUnpackingTests {
    /// Unpacks one layer and hands over the path of its directory.
    private func unpack(
        _ tar: [UInt8],
        limits: ImageLimits = ImageLimits(),
        _ body: (String, LayerTree.Facts) throws -> Void
    ) throws {
        try Scratch.run { scratch in
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let layer = ListedLayer(file: "layer", blob: nil, diffID: Digest(of: tar))
            let facts = try layer.unpack(BytesStream(tar), into: directory, limits: limits)
            try body("\(scratch.path)/layer", facts)
        }
    }

    private func unpack(
        _ build: (inout TarWriter) -> Void,
        _ body: (String, LayerTree.Facts) throws -> Void
    ) throws {
        var tar = TarWriter()
        build(&tar)
        try unpack(tar.finished(), body)
    }

    @Test("Files, directories, links and FIFOs keep owner, mode and time")
    func objects() throws {
        try unpack { tar in
            tar.add("dir/", .directory, mode: 0o1777, uid: 3, gid: 4, modifiedAt: 11)
            tar.add("dir/file", .file, "text", mode: 0o4755, uid: 1000, gid: 2000, modifiedAt: 12)
            tar.add("dir/sgid", .file, "", mode: 0o2711, uid: 5, gid: 6)
            tar.add(
                "dir/link",
                .symbolicLink,
                mode: 0o777,
                uid: 7,
                gid: 8,
                modifiedAt: 13,
                link: "../../../etc"
            )
            tar.add("dir/pipe", .fifo, mode: 0o622, uid: 9, gid: 10, modifiedAt: 14)
            tar.add("big", .file, uid: 4_000_000_000, gid: 4_294_967_294)
        } _: { path, facts in
            let directory = try #require(FileFacts("\(path)/dir"))
            #expect(directory.kind == S_IFDIR && directory.mode == 0o1777 && directory.uid == 3)
            #expect(directory.modifiedAt == 11)
            let file = try #require(FileFacts("\(path)/dir/file"))
            #expect(file.mode == 0o4755 && file.uid == 1000 && file.gid == 2000 && file.modifiedAt == 12)
            #expect(content("\(path)/dir/file") == "text")
            #expect(FileFacts("\(path)/dir/sgid")?.mode == 0o2711)
            let link = try #require(FileFacts("\(path)/dir/link"))
            #expect(link.kind == S_IFLNK && link.uid == 7 && link.gid == 8 && link.modifiedAt == 13)
            let pipe = try #require(FileFacts("\(path)/dir/pipe"))
            #expect(pipe.kind == S_IFIFO && pipe.mode == 0o622 && pipe.uid == 9 && pipe.modifiedAt == 14)
            #expect(FileFacts("\(path)/big")?.gid == 4_294_967_294)
            #expect(FileFacts(path)?.mode == 0o755)
            #expect(facts.bytes == 4 && facts.entries == 6)
        }
    }

    @Test("A link's target is kept to the byte")
    func linkTargets() throws {
        let targets = ["/etc//passwd", "../..", "a/./b", "relative", String(repeating: "x/", count: 1500)]
        try unpack { tar in
            for (index, target) in targets.enumerated() { tar.add("l\(index)", .symbolicLink, link: target) }
        } _: { path, _ in
            let directory = try RootedDirectory(hostPath: path)
            for (index, target) in targets.enumerated() {
                #expect(try directory.target(ofSymbolicLink: FileName("l\(index)")) == Array(target.utf8))
            }
        }
    }

    @Test("An entry for the root sets the root's mode and owner")
    func rootEntry() throws {
        try unpack {
            $0.add("./", .directory, mode: 0o700, uid: 1, gid: 2, modifiedAt: 99)
        } _: { path, _ in
            let root = try #require(FileFacts(path))
            #expect(root.mode == 0o700 && root.uid == 1 && root.gid == 2 && root.modifiedAt == 99)
        }
    }

    @Test("A directory keeps its time, whatever is made, replaced or hidden in it afterwards")
    func directoryTimes() throws {
        try unpack { tar in
            tar.add("./", .directory, modifiedAt: 1)
            tar.add("a/", .directory, modifiedAt: 2)
            tar.add("a/b/", .directory, modifiedAt: 3)
            tar.add("a/file", .file, "x")
            tar.add("a/b/pipe", .fifo)
            tar.add("a/b/file", .hardLink, link: "a/file")
            tar.add("a/implied/deep/file", .file, "x")
            tar.add("a/.wh.gone")
            tar.add("a/b", .directory, modifiedAt: 4)
            tar.add("a/file", .directory, modifiedAt: 5)
            tar.add("top", .symbolicLink, link: "a")
            tar.add("top/through", .file)
        } _: { path, _ in
            #expect(FileFacts(path)?.modifiedAt == 1)
            #expect(FileFacts("\(path)/a")?.modifiedAt == 2)
            #expect(FileFacts("\(path)/a/b")?.modifiedAt == 4)
            #expect(FileFacts("\(path)/a/file")?.modifiedAt == 5)
        }
    }

    @Test("Missing parents are made")
    func missingParents() throws {
        try unpack {
            $0.add("a/b/c", .file, "x")
        } _: { path, _ in
            #expect(FileFacts("\(path)/a/b")?.mode == 0o755)
            #expect(content("\(path)/a/b/c") == "x")
        }
    }

    @Test("Whiteouts become overlay whiteouts, opaque marks overlay's attribute")
    func whiteouts() throws {
        try unpack { tar in
            tar.add("gone/.wh.file")
            tar.add("opaque/", .directory)
            tar.add("opaque/.wh..wh..opq")
            tar.add("opaque/kept", .file, "k")
            tar.add(".wh..wh.plnk/1.2", .file, "aufs")
        } _: { path, facts in
            #expect(FileFacts("\(path)/gone/file")?.isWhiteout == true)
            #expect(FileFacts("\(path)/gone/.wh.file") == nil)
            #expect(attribute("\(path)/opaque", "trusted.overlay.opaque") == Array("y".utf8))
            #expect(attribute("\(path)/gone", "trusted.overlay.opaque") == nil)
            #expect(content("\(path)/opaque/kept") == "k")
            #expect(FileFacts("\(path)/opaque/.wh..wh..opq") == nil)
            #expect(FileFacts("\(path)/.wh..wh.plnk") == nil)
            #expect(!facts.hidesLowerLayers)
        }
    }

    @Test("A whiteout and an object of the same layer: the object stays and what lies below is hidden")
    func whiteoutsBesideObjects() throws {
        try unpack { tar in
            tar.add(".wh.before")
            tar.add("before/", .directory)
            tar.add("after/file", .file, "x")
            tar.add(".wh.after")
            tar.add(".wh.implied")
            tar.add("implied/deep/file", .file, "x")
            tar.add(".wh.plain")
            tar.add("plain", .file, "x")
            tar.add("plain2", .file, "x")
            tar.add(".wh.plain2")
        } _: { path, _ in
            for name in ["before", "after", "implied"] {
                #expect(FileFacts("\(path)/\(name)")?.kind == S_IFDIR)
                #expect(attribute("\(path)/\(name)", "trusted.overlay.opaque") == Array("y".utf8), "\(name)")
            }
            #expect(content("\(path)/after/file") == "x")
            #expect(content("\(path)/implied/deep/file") == "x")
            #expect(content("\(path)/plain") == "x")
            #expect(content("\(path)/plain2") == "x")
        }
    }

    @Test("An opaque root is reported, since overlayfs does not look there")
    func opaqueRoot() throws {
        try unpack {
            $0.add(".wh..wh..opq")
        } _: { _, facts in
            #expect(facts.hidesLowerLayers)
        }
    }

    @Test("A hard link is the same file, wherever its directory is reached through")
    func hardLinks() throws {
        try unpack { tar in
            tar.add("real/file", .file, "one", mode: 0o755)
            tar.add("alias", .symbolicLink, link: "/real")
            tar.add("second", .hardLink, link: "real/file")
            tar.add("third", .hardLink, link: "./alias/../alias/file")
            tar.add("real/file", .hardLink, link: "second")
        } _: { path, _ in
            let first = try #require(FileFacts("\(path)/real/file"))
            #expect(first.links == 3)
            #expect(FileFacts("\(path)/second")?.inode == first.inode)
            #expect(FileFacts("\(path)/third")?.inode == first.inode)
        }
    }

    @Test("Capabilities and users' attributes are kept, others are dropped and reported")
    func attributes() throws {
        // struct vfs_cap_data, version 2: cap_net_bind_service, permitted and effective.
        let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        try unpack { tar in
            tar.add(
                "file",
                .file,
                "x",
                uid: 5,
                attributes: [
                    ("security.capability", capability), ("user.note", Array("n".utf8)),
                    ("trusted.overlay.redirect", Array("/etc".utf8)), ("security.selinux", [1]),
                    ("user.overlay.opaque", Array("y".utf8)),
                ]
            )
            tar.add("dir", .directory, attributes: [("trusted.overlay.opaque", Array("y".utf8))])
            tar.add("link", .symbolicLink, link: "x", attributes: [("user.note", [1])])
        } _: { path, facts in
            #expect(attribute("\(path)/file", "security.capability") == capability)
            #expect(attribute("\(path)/file", "user.note") == Array("n".utf8))
            #expect(attribute("\(path)/file", "trusted.overlay.redirect") == nil)
            #expect(attribute("\(path)/file", "security.selinux") == nil)
            #expect(attribute("\(path)/dir", "trusted.overlay.opaque") == nil)
            #expect(
                facts.droppedAttributes == [
                    "trusted.overlay.redirect", "security.selinux", "user.overlay.opaque",
                    "trusted.overlay.opaque", "user.note",
                ]
            )
        }
    }

    @Test("Of entries with one name the last counts, whatever kinds they are")
    func duplicates() throws {
        try unpack { tar in
            tar.add("file", .file, "first")
            tar.add("file", .file, "second", mode: 0o600)
            tar.add("tree/deep/file", .file, "x")
            tar.add("tree", .file, "now a file")
            tar.add("leaf", .file, "x")
            tar.add("leaf/", .directory, mode: 0o711)
            tar.add("leaf/inner", .file, "inner")
            tar.add("dir/", .directory, mode: 0o700)
            tar.add("dir/kept", .file, "kept")
            tar.add("dir/", .directory, mode: 0o750, modifiedAt: 5)
            tar.add("swap/", .directory)
            tar.add("swap/one", .file, "1")
            tar.add("swap", .symbolicLink, link: "dir")
            tar.add("swap/two", .file, "2")
        } _: { path, _ in
            #expect(content("\(path)/file") == "second")
            #expect(FileFacts("\(path)/file")?.mode == 0o600)
            #expect(content("\(path)/tree") == "now a file")
            #expect(content("\(path)/leaf/inner") == "inner")
            #expect(content("\(path)/dir/kept") == "kept")
            #expect(FileFacts("\(path)/dir")?.mode == 0o750)
            #expect(FileFacts("\(path)/dir")?.modifiedAt == 5)
            #expect(content("\(path)/dir/two") == "2")
        }
    }

    @Test(
        "A parent that is a link of the same layer is resolved inside the layer, also when it leads nowhere yet"
    )
    func linkedParents() throws {
        try unpack { tar in
            tar.add("run/", .directory)
            tar.add("var/run", .symbolicLink, link: "/run")
            tar.add("var/run/file", .file, "1")
            tar.add("dangling", .symbolicLink, link: "../../new/../made/here")
            tar.add("dangling/file", .file, "2")
        } _: { path, _ in
            #expect(content("\(path)/run/file") == "1")
            #expect(content("\(path)/made/here/file") == "2")
        }
    }

    @Test("Names that are not ASCII or not UTF-8 are kept to the byte")
    func names() throws {
        let long = Array(String(repeating: "n", count: 150).utf8)
        let names: [[UInt8]] = [
            Array("F\u{151}tan\u{FA}s\u{ED}tv\u{E1}ny.crt".utf8),
            // Decomposed: must not become the composed form.
            Array("e\u{301}".utf8),
            [0x63, 0xE9, 0xFF],
            long + Array("e\u{301}".utf8),
            long + [0xE9],
        ]
        var tar = TarWriter()
        for name in names { tar.add(Array("d/".utf8) + name, .file, [1]) }
        try unpack(tar.finished()) { path, _ in
            let found = try RootedDirectory(hostPath: "\(path)/d").entryNames().map(\.bytes)
            #expect(Set(found) == Set(names))
        }
    }

    @Test("A sparse file has its holes and its size")
    func sparseFiles() throws {
        // GNU's pax format 1.0: the map of pieces stands before the content.
        var map = Array("2\n0\n4\n1048576\n0\n".utf8)
        map += [UInt8](repeating: 0, count: 512 - map.count)
        var tar = TarWriter()
        tar.add(
            Array("GNUSparseFile.0/sparse".utf8),
            .file,
            map + Array("data".utf8),
            pax: [
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "sparse"),
                ("GNU.sparse.realsize", "1048576"),
            ]
        )
        try unpack(tar.finished()) { path, facts in
            #expect(FileFacts("\(path)/sparse")?.size == 1_048_576)
            #expect(facts.bytes == 1_048_576)
            #expect(content("\(path)/sparse")?.hasPrefix("data\0") == true)
        }
    }

    @Test("A layer without entries is a directory without any")
    func emptyLayer() throws {
        try unpack([UInt8](repeating: 0, count: 1024)) { path, facts in
            let entries = try RootedDirectory(hostPath: path).entries()
            #expect(entries.isEmpty)
            #expect(facts.entries == 0)
        }
    }

    @Test("A layer is unpacked from every compression", arguments: Compression.allCases)
    func compressions(compression: Compression) throws {
        var tar = TarWriter()
        tar.add(Array("large".utf8), .file, [UInt8](repeating: 7, count: 300_000))
        let bytes = tar.finished()
        let blob = compression.apply(bytes)
        try Scratch.run { scratch in
            let directory = try scratch.root.makeDirectory("layer", mode: 0o755)
            let descriptor = try ContentDescriptor(
                mediaType: nil,
                digest: Digest(of: blob).description,
                size: Int64(blob.count)
            )
            let layer = ListedLayer(file: "layer", blob: descriptor, diffID: Digest(of: bytes))
            _ = try layer.unpack(BytesStream(blob), into: directory, limits: ImageLimits())
            #expect(FileFacts("\(scratch.path)/layer/large")?.size == 300_000)
        }
    }
}

import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Every form in which an image can be loaded, and what is refused.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct ImageLoadingTests {
    enum Form: String, CaseIterable {
        case layout, ociArchive, dockerArchive
    }

    private func write(_ image: TestImage, _ form: Form, to scratch: Scratch) throws -> String {
        switch form {
        case .layout: try scratch.write("layout", files: image.layoutFiles)
        case .ociArchive: try scratch.write("image.tar", TestImage.archive(image.layoutFiles))
        case .dockerArchive: try scratch.write("image.tar", TestImage.archive(image.dockerFiles()))
        }
    }

    /// The problem with which loading some files, as a layout and as an archive of it, ends.
    private func problem(
        _ files: [String: [UInt8]],
        name: String? = nil,
        limits: ImageLimits = ImageLimits()
    ) throws -> SourceProblem? {
        try Scratch.run { scratch in
            let store = try scratch.store(limits: limits)
            let archive = try scratch.write("image.tar", TestImage.archive(files))
            let directory = try scratch.write("layout", files: files)
            var problems: [SourceProblem?] = []
            for path in [archive, directory] {
                do {
                    _ = try store.load(path: path, name: name)
                    problems.append(nil)
                } catch ImageFailure.source(_, let problem) {
                    problems.append(problem)
                }
                let images = try store.list()
                #expect(images.isEmpty, "\(path) left an image behind")
                for part in ["layers", "layer-info", "blobs", "names", "records", "work"] {
                    let left = try scratch.stored(part).filter { $0 != "empty" }
                    #expect(left.isEmpty, "\(path) left \(left) in \(part)")
                }
            }
            #expect(problems[0] == problems[1])
            return problems[0]
        }
    }

    @Test(
        "An image is loaded from every form with layers of every compression",
        arguments: Form.allCases,
        Compression.allCases
    )
    func forms(form: Form, compression: Compression) throws {
        try Scratch.run { scratch in
            var upper = TarWriter()
            upper.add("bin/app", .file, "program", mode: 0o755)
            let image = TestImage(
                layers: [TestImage.layer("hello", "from below"), upper.finished()],
                compression: compression
            )
            let store = try scratch.store()
            let loaded = try store.load(path: write(image, form, to: scratch))
            #expect(loaded.map(\.name) == ["example.com/app:1"])
            #expect(loaded.map(\.newLayers) == [2])
            #expect(loaded.flatMap(\.warnings).isEmpty)

            let resolved = try #require(try store.resolve("example.com/app:1"))
            #expect(resolved.name == "example.com/app:1")
            #expect(resolved.id == image.id.description)
            let digest =
                form == .dockerArchive ? image.id.description : "example.com/app@\(image.manifestDigest)"
            #expect(resolved.imageID == digest)
            #expect(
                resolved.config
                    == ImageConfig(
                        entrypoint: ["/bin/app"],
                        cmd: ["serve"],
                        env: ["A=1"],
                        workingDir: "/srv",
                        user: "app"
                    )
            )
            #expect(resolved.root == .layers(image.diffIDs.reversed().map(\.shortName)))
            #expect(content("\(resolved.layersPath)/\(image.diffIDs[0].shortName)/hello") == "from below")
            #expect(content("\(resolved.layersPath)/\(image.diffIDs[1].shortName)/bin/app") == "program")
        }
    }

    @Test("An archive may be compressed as a whole", arguments: [Compression.gzip, .zstd])
    func compressedArchives(compression: Compression) throws {
        try Scratch.run { scratch in
            let image = TestImage(compression: .gzip)
            for files in [image.layoutFiles, image.dockerFiles()] {
                let path = try scratch.write("image.tar.z", compression.apply(TestImage.archive(files)))
                #expect(try scratch.store().load(path: path).count == 1)
            }
        }
    }

    @Test(
        "A name is taken from the annotations or the tags and normalised",
        arguments: [
            (["org.opencontainers.image.ref.name": "busybox:1.36"], "docker.io/library/busybox:1.36"),
            (
                ["io.containerd.image.name": "docker.io/a/b:2", "org.opencontainers.image.ref.name": "2"],
                "docker.io/a/b:2"
            ),
            (["org.opencontainers.image.ref.name": "localhost/x"], "localhost/x:latest"),
        ]
    )
    func annotatedNames(annotations: [String: String], name: String) throws {
        try Scratch.run { scratch in
            let image = TestImage(annotations: annotations)
            let path = try scratch.write("layout", files: image.layoutFiles)
            #expect(try scratch.store().load(path: path).map(\.name) == [name])
        }
    }

    @Test("Each tag of a docker-archive is a name")
    func tags() throws {
        try Scratch.run { scratch in
            let files = TestImage().dockerFiles(tags: ["busybox", "busybox:1.36"])
            let store = try scratch.store()
            let loaded = try store.load(path: scratch.write("image.tar", TestImage.archive(files)))
            #expect(
                loaded.map(\.name) == ["docker.io/library/busybox:latest", "docker.io/library/busybox:1.36"]
            )
            #expect(try store.list().map(\.names) == [loaded.map(\.name).sorted()])
        }
    }

    @Test("An image without a name needs one to be given, and a tag alone is no name")
    func namelessImages() throws {
        let tagged = TestImage(annotations: ["org.opencontainers.image.ref.name": "latest"])
        #expect(try problem(tagged.layoutFiles) == .noName(tags: ["latest"]))
        #expect(try problem(TestImage(annotations: [:]).layoutFiles) == .noName(tags: []))
        #expect(try problem(TestImage().dockerFiles(tags: [])) == .noName(tags: []))
        try Scratch.run { scratch in
            let path = try scratch.write("layout", files: tagged.layoutFiles)
            #expect(
                try scratch.store().load(path: path, name: "given").map(\.name) == [
                    "docker.io/library/given:latest"
                ]
            )
            let failure = #expect(throws: ImageFailure.self) {
                try scratch.store().load(path: path, name: "BAD")
            }
            #expect(failure?.waitingReason == "InvalidImageName")
        }
    }

    @Test("One name cannot be given to several images")
    func oneNameForSeveral() throws {
        var files = TestImage().contentFiles
        var other = TestImage(layers: [TestImage.layer("other")])
        other.annotations = ["org.opencontainers.image.ref.name": "example.com/other:1"]
        files.merge(other.contentFiles) { old, _ in old }
        files["index.json"] = TestImage.index([TestImage().listed(), other.listed()])
        #expect(try problem(files, name: "given") == .oneNameForSeveral(2))
        try Scratch.run { scratch in
            let store = try scratch.store()
            let loaded = try store.load(path: scratch.write("image.tar", TestImage.archive(files)))
            #expect(loaded.map(\.name) == ["example.com/app:1", "example.com/other:1"])
        }
    }

    @Test("The image for this machine is chosen, from an index of its own and among entries of one name")
    func platforms() throws {
        let mine = TestImage()
        var other = TestImage(layers: [TestImage.layer("other")])
        other.architecture = "s390x"
        var files = mine.contentFiles.merging(other.contentFiles) { old, _ in old }
        files["index.json"] = TestImage.index([other.listed(platform: true), mine.listed(platform: true)])
        try Scratch.run { scratch in
            let loaded = try scratch.store().load(path: scratch.write("layout", files: files))
            #expect(loaded.map(\.id) == [mine.id.description])
        }
        let inner = TestImage.index([other.listed(platform: true), mine.listed(platform: true)])
        files[TestImage.path(inner)] = inner
        files["index.json"] = TestImage.index([
            TestImage.descriptor(
                "application/vnd.oci.image.index.v1+json",
                inner,
                extra: #","annotations":{"org.opencontainers.image.ref.name":"example.com/multi:1"}"#
            )
        ])
        try Scratch.run { scratch in
            let store = try scratch.store()
            let loaded = try store.load(path: scratch.write("layout", files: files))
            // The name stands for the index, as it would at a registry; both digests lead to the image.
            #expect(loaded.map(\.imageID) == ["example.com/multi@\(Digest(of: inner))"])
            #expect(try store.resolve("example.com/multi@\(Digest(of: inner))") != nil)
            #expect(try store.resolve("example.com/multi@\(mine.manifestDigest)") != nil)
            #expect(try store.resolve("example.com/multi@\(other.manifestDigest)") == nil)
        }
        files["index.json"] = TestImage.index([other.listed(platform: true)])
        #expect(try problem(files) == .noPlatform(host: .host))
        files["index.json"] = TestImage.index([other.listed()])
        guard case .document(_, .platform) = try problem(files) else {
            Issue.record("an image for s390x was taken")
            return
        }
    }

    @Test("Indexes that lie in one another too deep are refused")
    func nestedIndexes() throws {
        let image = TestImage()
        var files = image.contentFiles
        var listed = image.listed()
        for _ in 0..<5 {
            let index = TestImage.index([listed])
            files[TestImage.path(index)] = index
            listed = TestImage.descriptor(
                "application/vnd.oci.image.index.v1+json",
                index,
                extra: #","annotations":{"org.opencontainers.image.ref.name":"example.com/deep:1"}"#
            )
        }
        files["index.json"] = TestImage.index([listed])
        guard case .document(_, .tooDeep) = try problem(files) else {
            Issue.record("taken")
            return
        }
    }

    @Test("A document that could be an index and a manifest is refused")
    func ambiguousManifest() throws {
        var image = TestImage()
        image.annotations = [:]
        var files = image.contentFiles
        var text = String(decoding: image.manifestBytes, as: UTF8.self)
        text.insert(
            contentsOf: #","manifests":[\#(image.listed())]"#,
            at: text.lastIndex(of: "}") ?? text.endIndex
        )
        let manifest = Array(text.utf8)
        files[TestImage.path(manifest)] = manifest
        files["index.json"] = TestImage.index([
            TestImage.descriptor(
                "application/vnd.oci.image.manifest.v1+json",
                manifest,
                extra: #","annotations":{"org.opencontainers.image.ref.name":"example.com/two:1"}"#
            )
        ])
        guard case .document(_, .ambiguous) = try problem(files) else {
            Issue.record("taken")
            return
        }
    }

    @Test(
        "A digest that is none is refused before a path is built from it",
        arguments: [
            "sha256:../../../../../../../../../../../../../../../../../../../../etc/",
            "sha256:ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789",
            "sha256:" + String(repeating: "a", count: 63), "../canary",
            "md5:" + String(repeating: "a", count: 32),
            "sha256:" + String(repeating: "/", count: 64),
        ]
    )
    func badDigests(digest: String) throws {
        let listed =
            #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(digest)","size":1}"#
        guard
            case .document("index.json", .digest(digest, _)) = try problem([
                "index.json": TestImage.index([listed])
            ])
        else {
            Issue.record("taken")
            return
        }
    }

    @Test("Content that is not what its digest says is refused", arguments: ["manifest", "config", "layer"])
    func wrongContent(part: String) throws {
        let image = TestImage(compression: .gzip)
        let blob =
            switch part {
            case "manifest": image.manifestBytes
            case "config": image.configBytes
            default: image.blobs[0]
            }
        var files = image.layoutFiles
        // A blank more in JSON, or another byte in a stored block: still readable, but not the same.
        var changed = blob
        if part == "layer" { changed[changed.count / 2] ^= 1 } else { changed[changed.count - 1] = 0x20 }
        if part != "layer" { changed.append(UInt8(ascii: "}")) }
        files[TestImage.path(blob)] = changed
        let found = try problem(files)
        switch (part, found) {
        case ("manifest", .blob(_, .digest)), ("config", .blob(_, .digest)), ("layer", .layer(_, _, .stream)):
            return
        default: Issue.record("\(String(describing: found))")
        }
    }

    @Test("A layer whose archive is not the one that the config lists is refused", arguments: Form.allCases)
    func wrongDiffID(form: Form) throws {
        let honest = TestImage()
        let liar = TestImage(layers: [TestImage.layer("other")])
        var files: [String: [UInt8]]
        if form == .dockerArchive {
            files = honest.dockerFiles()
            files["0/layer.tar"] = liar.layers[0]
        } else {
            // The manifest lists the blob as it is; only the config says otherwise.
            let manifest = Array(
                """
                {"schemaVersion":2,
                "config":\(TestImage.descriptor("application/vnd.oci.image.config.v1+json", honest.configBytes)),
                "layers":[\(TestImage.descriptor("application/vnd.oci.image.layer.v1.tar", liar.blobs[0]))]}
                """.utf8
            )
            files = honest.contentFiles.merging(liar.contentFiles) { old, _ in old }
            files[TestImage.path(manifest)] = manifest
            files["index.json"] = TestImage.index([
                TestImage.descriptor(
                    "application/vnd.oci.image.manifest.v1+json",
                    manifest,
                    extra: #","annotations":{"org.opencontainers.image.ref.name":"example.com/liar:1"}"#
                )
            ])
        }
        let expected = SourceProblem.layer(
            honest.diffIDs[0],
            entry: nil,
            .stream(.digest(expected: honest.diffIDs[0], found: liar.diffIDs[0]))
        )
        #expect(try problem(files) == expected)
    }

    @Test("A blob that is longer or shorter than announced is refused", arguments: [-1, 1])
    func wrongSize(difference: Int) throws {
        let image = TestImage()
        let text = String(decoding: image.manifestBytes, as: UTF8.self)
        let size = image.blobs[0].count
        let manifest = Array(text.replacing("\"size\":\(size)", with: "\"size\":\(size + difference)").utf8)
        var files = image.contentFiles
        files[TestImage.path(manifest)] = manifest
        files["index.json"] = TestImage.index([
            TestImage.descriptor(
                "application/vnd.oci.image.manifest.v1+json",
                manifest,
                extra: #","annotations":{"org.opencontainers.image.ref.name":"example.com/app:1"}"#
            )
        ])
        guard case .layer(_, _, .stream) = try problem(files) else {
            Issue.record("taken")
            return
        }
    }

    @Test("A layer that is missing is named", arguments: [true, false])
    func missingLayer(docker: Bool) throws {
        let image = TestImage()
        var files = docker ? image.dockerFiles() : image.layoutFiles
        let name = docker ? "0/layer.tar" : TestImage.path(image.blobs[0])
        files[name] = nil
        #expect(try problem(files) == .missing(name))
    }

    @Test("A config's name that claims a digest must have it")
    func dockerConfigName() throws {
        let image = TestImage()
        var files = image.dockerFiles()
        files["\(image.id.hex).json"] = image.configBytes + Array(" ".utf8)
        guard case .blob(_, .digest) = try problem(files) else {
            Issue.record("taken")
            return
        }
    }

    @Test("More layers than a mount can stack are refused", arguments: [true, false])
    func tooManyLayers(docker: Bool) throws {
        let image = TestImage(layers: (0..<128).map { TestImage.layer("f\($0)") })
        let found = try problem(docker ? image.dockerFiles() : image.layoutFiles)
        guard case .document(_, .tooManyLayers(128, limit: 127)) = found else {
            Issue.record("\(String(describing: found))")
            return
        }
    }

    @Test("Documents that are too long, too deep or no JSON are refused")
    func hostileDocuments() throws {
        var limits = ImageLimits()
        limits.documentBytes = 1000
        #expect(
            try problem(["index.json": [UInt8](repeating: 0x20, count: 1001)], limits: limits)
                == .document("index.json", .tooLong(limit: 1000))
        )
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(try problem(["index.json": deep]) == .document("index.json", .tooDeep(limit: 64)))
        for text in ["", "{", "[]", #"{"schemaVersion":"2"}"#, "\u{0}"] {
            guard case .document("index.json", _) = try problem(["index.json": Array(text.utf8)]) else {
                Issue.record("\(text) was taken")
                continue
            }
        }
    }

    @Test("What is no image, no archive or no file is refused in a sentence")
    func otherThings() throws {
        #expect(try problem(["README": Array("hello".utf8)]) == .notAnImage)
        try Scratch.run { scratch in
            let store = try scratch.store()
            let text = try scratch.write("text", Array("This is no archive.".utf8))
            #expect(throws: ImageFailure.self) { try store.load(path: text) }
            let empty = try scratch.write("empty", [])
            #expect(throws: ImageFailure.self) { try store.load(path: empty) }
            #expect(mkfifo("\(scratch.path)/pipe", 0o600) == 0)
            #expect(throws: ImageFailure.source(path: "\(scratch.path)/pipe", .notAFile)) {
                try store.load(path: "\(scratch.path)/pipe")
            }
            let missing = #expect(throws: ImageFailure.self) {
                try store.load(path: "\(scratch.path)/missing")
            }
            #expect(missing?.description.hasSuffix("No such file or directory") == true)
        }
    }

    @Test(
        "A truncated archive is refused and leaves nothing",
        arguments: [Form.ociArchive, .dockerArchive],
        [0.2, 0.5, 0.9]
    )
    func truncatedArchives(form: Form, part: Double) throws {
        try Scratch.run { scratch in
            let image = TestImage(layers: [TestImage.layer("f", String(repeating: "x", count: 50_000))])
            let whole = TestImage.archive(form == .ociArchive ? image.layoutFiles : image.dockerFiles())
            let store = try scratch.store()
            let path = try scratch.write("image.tar", Array(whole.prefix(Int(Double(whole.count) * part))))
            #expect(throws: ImageFailure.self) { try store.load(path: path) }
            #expect(try scratch.stored("layers") == ["empty"])
            #expect(try store.list().isEmpty)
        }
    }

    @Test("An archive with two files of one name is refused, since readers would disagree")
    func duplicateMembers() throws {
        try Scratch.run { scratch in
            var tar = TarWriter()
            for _ in 0..<2 { tar.add("index.json", .file, "{}") }
            let path = try scratch.write("image.tar", tar.finished())
            #expect(throws: ImageFailure.source(path: path, .twice("index.json"))) {
                try scratch.store().load(path: path)
            }
        }
    }

    @Test("A layer that an older Docker saved as a link to another is found in the archive and nowhere else")
    func linkedLayers() throws {
        let layer = TestImage.layer("same")
        let image = TestImage(layers: [layer, layer])
        for (target, works) in [
            ("../0/layer.tar", true), ("/0/layer.tar", false), ("../../../etc/passwd", false),
        ] {
            try Scratch.run { scratch in
                var tar = TarWriter()
                var files = image.dockerFiles()
                files["1/layer.tar"] = nil
                for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
                    tar.add(Array(name.utf8), .file, bytes)
                }
                tar.add("1/layer.tar", .symbolicLink, link: target)
                // Only the linked layer is asked for.
                let path = try scratch.write("image.tar", tar.finished())
                let content = try ImageArchive(
                    adopting: Descriptor(adopting: cns_openat(AT_FDCWD, path, O_RDONLY, 0)),
                    subject: path,
                    limits: ImageLimits()
                )
                let found = try content.file("1/layer.tar", limit: 1 << 20)
                #expect((found == layer) == works, "\(target)")
                #expect(try scratch.store().load(path: path).count == 1)
            }
        }
    }

    @Test("An archive with more entries than allowed is refused")
    func archiveEntries() throws {
        try Scratch.run { scratch in
            var limits = ImageLimits()
            limits.archiveEntries = 10
            var tar = TarWriter()
            for index in 0..<11 { tar.add("f\(index)") }
            let path = try scratch.write("image.tar", tar.finished())
            #expect(throws: ImageFailure.source(path: path, .tooManyEntries(limit: 10))) {
                try scratch.store(limits: limits).load(path: path)
            }
        }
    }

    @Test("More images, names or configs than allowed are refused")
    func tooManyImages() throws {
        var limits = ImageLimits()
        limits.images = 2
        let names = TestImage().dockerFiles(tags: ["a:1", "a:2", "a:3"])
        #expect(try problem(names, limits: limits) == .tooManyImages(limit: 2))
        let images = ["1", "2", "3"].map { tag in
            TestImage(annotations: ["org.opencontainers.image.ref.name": "example.com/app:\(tag)"])
        }
        var files = images[0].contentFiles
        files["index.json"] = TestImage.index(images.map { $0.listed() })
        #expect(try problem(files, limits: limits) == .tooManyImages(limit: 2))
        limits.images = 3
        limits.configBytes = 2 * images[0].configBytes.count
        #expect(try problem(files, limits: limits) == .tooManyImages(limit: 3))
    }

    @Test("Attributes that were dropped are reported")
    func warnings() throws {
        try Scratch.run { scratch in
            var tar = TarWriter()
            tar.add("f", .file, attributes: [("security.selinux", [1])])
            let image = TestImage(layers: [tar.finished()])
            let loaded = try scratch.store().load(path: scratch.write("layout", files: image.layoutFiles))
            #expect(loaded.flatMap(\.warnings) == ["files lack these extended attributes: security.selinux"])
        }
    }
}

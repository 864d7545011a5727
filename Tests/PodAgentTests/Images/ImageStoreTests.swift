import CNamespaces
import Dispatch
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// What the store keeps, shares, removes and recovers.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct ImageStoreTests {
    private func named(_ name: String, _ layers: [[UInt8]]) -> TestImage {
        TestImage(layers: layers, annotations: ["org.opencontainers.image.ref.name": name])
    }

    private func load(_ image: TestImage, _ store: ImageStore, _ scratch: Scratch) throws -> [LoadedImage] {
        try store.load(
            path: scratch.write("\(image.manifestDigest.shortName).tar", TestImage.archive(image.layoutFiles))
        )
    }

    private let base = TestImage.layer("base")
    private let one = TestImage.layer("one")
    private let two = TestImage.layer("two")

    @Test("A layer that two images share is unpacked once and stays until both are gone")
    func sharedLayers() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            #expect(try load(named("a:1", [base, one]), store, scratch).map(\.newLayers) == [2])
            let shared = Digest(of: base).shortName
            let inode = FileFacts("\(store.layersPath)/\(shared)")?.inode
            #expect(try load(named("b:1", [base, two]), store, scratch).map(\.newLayers) == [1])
            #expect(FileFacts("\(store.layersPath)/\(shared)")?.inode == inode)
            #expect(try scratch.stored("layers").count == 4)

            try store.remove("a:1", inUse: [])
            #expect(
                try scratch.stored("layers").sorted()
                    == ["empty", shared, Digest(of: two).shortName].sorted()
            )
            #expect(try store.resolve("a:1") == nil)
            #expect(try store.resolve("b:1") != nil)
            try store.remove("b:1", inUse: [])
            #expect(try scratch.stored("layers") == ["empty"])
            for part in ["layer-info", "names", "records", "blobs", "work"] {
                #expect(try scratch.stored(part).isEmpty, "\(part)")
            }
        }
    }

    @Test("A layer listed twice is stacked once, where it is highest")
    func repeatedLayer() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            _ = try load(named("a:1", [base, one, base]), store, scratch)
            let root = try store.resolve("a:1")?.root
            #expect(root == .layers([Digest(of: base).shortName, Digest(of: one).shortName]))
        }
    }

    @Test("Layers below one that hides everything are left out, and an image without layers has an empty one")
    func stacks() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            var tar = TarWriter()
            tar.add(".wh..wh..opq")
            tar.add("only", .file)
            let hiding = tar.finished()
            _ = try load(named("a:1", [base, hiding, one]), store, scratch)
            #expect(
                try store.resolve("a:1")?.root
                    == .layers([Digest(of: one).shortName, Digest(of: hiding).shortName])
            )
            _ = try load(named("scratch:1", []), store, scratch)
            #expect(try store.resolve("scratch:1")?.root == .layers(["empty"]))
        }
    }

    @Test("An image is found by short name, full name, digest and ID, and not by others")
    func lookups() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let image = named("busybox:1.36", [base])
            _ = try load(image, store, scratch)
            for reference in [
                "busybox:1.36", "docker.io/busybox:1.36", "docker.io/library/busybox:1.36",
                "busybox@\(image.manifestDigest)", "busybox:other@\(image.manifestDigest)",
                image.id.description,
            ] {
                let found = try #require(try store.resolve(reference), "\(reference)")
                #expect(found.name == "docker.io/library/busybox:1.36")
                #expect(found.imageID == "docker.io/library/busybox@\(image.manifestDigest)")
            }
            for reference in [
                "busybox", "busybox:1", "quay.io/busybox:1.36", "other@\(image.manifestDigest)",
                "busybox@\(image.id)", image.manifestDigest.description,
            ] {
                #expect(try store.resolve(reference) == nil, "\(reference)")
            }
            let failure = #expect(throws: ImageFailure.self) { try store.resolve("BusyBox") }
            #expect(failure?.waitingReason == "InvalidImageName")
            #expect(
                failure?.waitingMessage
                    == "Failed to apply default image tag \"BusyBox\": couldn't parse image name \"BusyBox\": "
                    + "invalid reference format: repository name (library/BusyBox) must be lowercase"
            )
        }
    }

    @Test("rootfs: is the directory itself, without a config")
    func directories() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let found = try #require(try store.resolve("rootfs:\(scratch.path)/canary"))
            #expect(found.root == .directory(path: "\(scratch.path)/canary"))
            #expect(found.config == ImageConfig())
            #expect(found.imageID == "rootfs:\(scratch.path)/canary")
            for missing in ["\(scratch.path)/nothing", scratch.canary] {
                let failure = #expect(throws: ImageFailure.self) { try store.resolve("rootfs:\(missing)") }
                #expect(failure?.waitingReason == "ImageInspectError")
            }
        }
    }

    @Test("A name that moves leaves the older image without a name, and its layers stay until it is pruned")
    func movingNames() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let older = named("a:1", [base, one])
            let newer = named("a:1", [base, two])
            _ = try load(older, store, scratch)
            _ = try load(newer, store, scratch)
            #expect(try store.resolve("a:1")?.id == newer.id.description)
            #expect(try store.resolve(older.id.description)?.name == older.id.description)
            #expect(try store.list().map(\.names) == [["docker.io/library/a:1"], []])

            #expect(try store.prune(inUse: [older.id.description]).images.isEmpty)
            #expect(FileFacts("\(store.layersPath)/\(Digest(of: one).shortName)") != nil)
            #expect(try store.prune(inUse: []).images.map(\.id) == [older.id.description])
            #expect(FileFacts("\(store.layersPath)/\(Digest(of: one).shortName)") == nil)
            #expect(try store.resolve("a:1") != nil)
        }
    }

    @Test("An image in use keeps its last name, by which it may go once it is free")
    func inUse() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let image = TestImage()
            let path = try scratch.write(
                "image.tar",
                TestImage.archive(image.dockerFiles(tags: ["a:1", "a:2"]))
            )
            _ = try store.load(path: path)
            let used: Set = [image.id.description]
            #expect(try store.remove("a:1", inUse: used) == ["docker.io/library/a:1"])
            #expect(throws: ImageFailure.inUse(image: "a:2")) { try store.remove("a:2", inUse: used) }
            #expect(throws: ImageFailure.inUse(image: image.id.description)) {
                try store.remove(image.id.description, inUse: used)
            }
            #expect(try store.resolve("a:2") != nil)
            #expect(
                try store.remove(image.id.description, inUse: [])
                    == ["docker.io/library/a:2", image.id.description]
            )
            #expect(throws: ImageFailure.unknown(image: "a:2")) { try store.remove("a:2", inUse: []) }
            #expect(throws: ImageFailure.unknown(image: "rootfs:/")) {
                try store.remove("rootfs:/", inUse: [])
            }
        }
    }

    @Test("The list has names, digests, sizes and dates")
    func listing() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let image = named("a:1", [TestImage.layer("f", "12345"), TestImage.layer("g", "123")])
            _ = try load(image, store, scratch)
            let listed = try #require(try store.list().first)
            #expect(listed.id == image.id.description)
            #expect(listed.names == ["docker.io/library/a:1"])
            #expect(listed.digests == ["docker.io/library/a@\(image.manifestDigest)"])
            #expect(listed.size == 8 && listed.layers.values.sorted() == [3, 5])
            #expect(listed.created?.rfc3339 == "2024-05-06T07:08:09Z")
            #expect(listed.loaded != nil)
        }
    }

    @Test("A date that no clock reaches is as good as none")
    func absurdDates() throws {
        for date in ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "soon", ""] {
            let text = #"{"created":"\#(date)","rootfs":{"type":"layers","diff_ids":[]}}"#
            #expect(try ImageConfiguration(json: Array(text.utf8), limits: ImageLimits()).created == nil)
        }
    }

    // MARK: At once

    @Test("Loads at once, by stores that know nothing of each other, unpack each layer once")
    func concurrentLoads() throws {
        try Scratch.run { scratch in
            _ = try scratch.store()
            let layers = (0..<6).map { TestImage.layer("f\($0)", String(repeating: "x", count: 100_000)) }
            let images = (0..<4).map { named("a\($0):1", layers) }
            let paths = try images.map { image in
                try scratch.write(
                    "\(image.annotations.values.joined()).tar",
                    TestImage.archive(image.layoutFiles)
                )
            }
            let new = Mutex<[Int]>([])
            let failures = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { index in
                do {
                    let store = try scratch.store()
                    let loaded = try store.load(path: paths[index % 4])
                    new.withLock { $0.append(loaded[0].newLayers) }
                    if try store.resolve("a\(index % 4):1") == nil { throw ImageFailure.unknown(image: "a") }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            #expect(failures.withLock { $0 }.isEmpty)
            #expect(new.withLock { $0.reduce(0, +) } == 6)
            let store = try scratch.store()
            #expect(try store.list().flatMap(\.names).count == 4)
            #expect(try scratch.stored("work").isEmpty)
        }
    }

    @Test("Loading and removing at once never shows an image without its layers")
    func loadsAndRemovals() throws {
        try Scratch.run { scratch in
            _ = try scratch.store()
            let image = named("a:1", [base, one])
            let path = try scratch.write("a.tar", TestImage.archive(image.layoutFiles))
            let failures = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 4) { worker in
                do {
                    let store = try scratch.store()
                    for _ in 0..<15 {
                        switch worker {
                        case 0, 1: _ = try store.load(path: path)
                        case 2:
                            do { try store.remove("a:1", inUse: []) } catch ImageFailure.unknown {}
                        default:
                            // Between the reading of the record and the look at the layers, the image may go.
                            do { _ = try store.resolve("a:1") } catch ImageFailure.damaged {}
                        }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            #expect(failures.withLock { $0 }.isEmpty)
            let store = try scratch.store()
            _ = try store.load(path: path)
            #expect(try store.resolve("a:1") != nil)
        }
    }

    // MARK: Crashes

    @Test("What a crash has left is not visible and is gone when the store is opened again")
    func leftovers() throws {
        try Scratch.run { scratch in
            let image = named("a:1", [base])
            do {
                let store = try scratch.store()
                _ = try load(image, store, scratch)
                // Half unpacked; moved but not recorded; recorded but without an image; temporary files.
                _ = try store.work.makeDirectory("half/unpacked", mode: 0o755)
                _ = try store.layers.makeDirectory(Digest(of: one).shortName, mode: 0o755)
                let record = LayerRecord(
                    diffID: Digest(of: two).description,
                    bytes: 0,
                    entries: 0,
                    hidesLowerLayers: false,
                    droppedAttributes: []
                )
                try store.layerInfo.write(record: record, "\(Digest(of: two).shortName).json")
                _ = try store.layers.makeDirectory(Digest(of: two).shortName, mode: 0o755)
                for directory in [store.names, store.records, store.layerInfo, store.blobs] {
                    try directory.replaceFile(".x.json.tmp", with: [1], mode: 0o600)
                }
                let dangling = NameRecord(name: "docker.io/library/gone:1", image: "sha256:0")
                try store.names.write(record: dangling, ImageStore.leaf(for: dangling.name))
                #expect(try store.resolve("gone:1") == nil)
                #expect(try store.list().flatMap(\.names) == ["docker.io/library/a:1"])
            }
            let store = try scratch.store()
            #expect(try scratch.stored("work").isEmpty)
            #expect(try scratch.stored("layers").sorted() == ["empty", Digest(of: base).shortName].sorted())
            #expect(try scratch.stored("layer-info").count == 1)
            #expect(try scratch.stored("names").count == 1)
            #expect(try scratch.stored("records").count == 1)
            #expect(try scratch.stored("blobs").count == 1)
            #expect(try store.resolve("a:1") != nil)
        }
    }

    @Test("A layer whose record was lost is unpacked again")
    func lostRecord() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            _ = try store.layers.makeDirectory("\(Digest(of: base).shortName)/old", mode: 0o755)
            #expect(try load(named("a:1", [base]), store, scratch).map(\.newLayers) == [1])
            #expect(FileFacts("\(store.layersPath)/\(Digest(of: base).shortName)/old") == nil)
            #expect(content("\(store.layersPath)/\(Digest(of: base).shortName)/base") == "content")
        }
    }

    @Test("What somebody brings is not collected, and what nobody brings is, even while others load")
    func nothingExpectedIsCollected() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let layer = Digest(of: base).shortName
            _ = try store.layers.makeDirectory(layer, mode: 0o755)
            let expected = ExpectedRecord(layers: ["\(Digest(of: base))"], boot: store.bootID)
            try store.expected.write(record: expected, "one.json")
            try store.collectGarbage()
            #expect(try scratch.stored("layers").contains(layer))
            try store.expected.removeTree("one.json")
            try store.root.holding(.shared, on: ImageStore.loadingLeaf, failing: ImageFailure.store) {
                () throws(ImageFailure) in _ = try store.collectGarbage()
            }
            #expect(try !scratch.stored("layers").contains(layer))
        }
    }

    @Test("What a pull has left is kept for a day of the same boot, what a load has left is not kept at all")
    func oldExpectations() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let kept = [
                ("pull.json", store.bootID), ("load.json", nil), ("old.json", store.bootID),
                ("boot.json", "b"),
            ]
            for (leaf, boot) in kept {
                try store.expected.write(record: ExpectedRecord(layers: [], boot: boot), leaf)
            }
            let yesterday = timespec(tv_sec: time(nil) - 25 * 3600, tv_nsec: 0)
            #expect(utimensat(store.expected.raw, "old.json", [yesterday, yesterday], 0) == 0)
            try store.expected.replaceFile("torn.json", with: Array("{".utf8), mode: 0o600)
            try store.collectGarbage()
            #expect(try scratch.stored("expected") == ["pull.json"])
        }
    }

    @Test(
        "A record of a newer version, or a torn one, is left alone with all that it may refer to",
        arguments: ["", "{", #"{"version":2}"#]
    )
    func foreignRecords(text: String) throws {
        try Scratch.run { scratch in
            let image = named("a:1", [base])
            let store = try scratch.store()
            _ = try load(image, store, scratch)
            _ = try load(named("b:1", [one]), store, scratch)
            try store.records.replaceFile(
                ImageStore.leaf(for: image.id.description),
                with: Array(text.utf8),
                mode: 0o600
            )
            let again = try scratch.store()
            #expect(throws: ImageFailure.self) { try again.resolve("a:1") }
            #expect(try again.resolve("b:1") != nil)
            #expect(try again.damage().count == 1)
            #expect(FileFacts("\(store.layersPath)/\(Digest(of: base).shortName)") != nil)
            // Loading it again mends it.
            _ = try load(image, again, scratch)
            #expect(try again.resolve("a:1") != nil)
            #expect(try again.damage().isEmpty)
        }
    }

    @Test(
        "A config or a layer that was tampered with makes the image damaged, not wrong",
        arguments: ["config", "layer"]
    )
    func damage(part: String) throws {
        try Scratch.run { scratch in
            let image = named("a:1", [base])
            let store = try scratch.store()
            _ = try load(image, store, scratch)
            if part == "config" {
                try store.blobs.replaceFile(
                    ImageStore.blobLeaf(image.id),
                    with: Array("{}".utf8),
                    mode: 0o600
                )
            } else {
                try store.layers.removeTree(Digest(of: base).shortName)
            }
            let failure = #expect(throws: ImageFailure.self) { try store.resolve("a:1") }
            #expect(failure?.waitingReason == "ImageInspectError")
            _ = try load(image, store, scratch)
            #expect(try store.resolve("a:1") != nil)
        }
    }

    @Test("A directory's name that belongs to another digest is refused")
    func nameTaken() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            _ = try load(named("a:1", [base]), store, scratch)
            let leaf = "\(Digest(of: base).shortName).json"
            let text = String(decoding: try store.layerInfo.read(leaf, limit: 10_000), as: UTF8.self)
            let other = text.replacing(Digest(of: base).hex, with: Digest(of: one).hex)
            try store.layerInfo.replaceFile(leaf, with: Array(other.utf8), mode: 0o600)
            let failure = #expect(throws: ImageFailure.self) {
                try load(named("b:1", [base]), store, scratch)
            }
            guard case .source(_, .layer(_, _, .nameTaken)) = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
        }
    }

    @Test("Only root may look into the store, whatever the umask")
    func modes() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            _ = try load(named("a:1", [base]), store, scratch)
            #expect(FileFacts("\(scratch.path)/state/images")?.mode == 0o700)
            #expect(FileFacts(store.layersPath)?.mode == 0o700)
            #expect(FileFacts("\(store.layersPath)/\(Digest(of: base).shortName)")?.mode == 0o755)
        }
    }

    @Test("The messages of waiting states are the kubelet's")
    func waitingStates() {
        let never = ImageFailure.neverPull(image: "x")
        #expect(never.waitingReason == "ErrImageNeverPull")
        #expect(never.waitingMessage == "Container image \"x\" is not present with pull policy of Never")
        let absent = ImageFailure.pull(
            image: "x:1",
            .registry(.status(404, url: "http://r/v2/x", detail: "MANIFEST_UNKNOWN"))
        )
        #expect(absent.waitingReason == "ErrImagePull")
        #expect(absent.waitingMessage == "x:1: http://r/v2/x: the registry answers 404: MANIFEST_UNKNOWN")
    }
}

import Dispatch
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// What keeps images in the store, and what takes them out.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct ImageKeepingTests {
    private let base = TestImage.layer("base", String(repeating: "b", count: 1000))
    private let pod = PodKey(namespace: "default", name: "web")

    /// An image with the shared layer and one of its own with as many bytes.
    private func image(_ name: String, bytes: Int) -> TestImage {
        let own = TestImage.layer(name, String(repeating: "x", count: bytes))
        return TestImage(
            layers: [base, own],
            annotations: ["org.opencontainers.image.ref.name": "example.com/\(name)"]
        )
    }

    @discardableResult
    private func load(_ image: TestImage, _ store: ImageStore, _ scratch: Scratch) throws -> String {
        let path = try scratch.write(
            "\(image.manifestDigest.shortName).tar",
            TestImage.archive(image.layoutFiles)
        )
        return try #require(store.load(path: path).first).id
    }

    private func listed(_ name: String, _ store: ImageStore) throws -> StoredImage? {
        try store.list().first { $0.names.contains("example.com/\(name)") }
    }

    // MARK: Pins

    @Test("A pinned name keeps its image, survives a new image under it, and is let go of")
    func pins() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            try load(image("a:1", bytes: 10), store, scratch)
            let name = "example.com/a:1"
            #expect(try store.setPinned(true, name) == [name])
            #expect(throws: ImageFailure.pinned(image: name, archive: nil)) { try store.remove(name) }
            #expect(try store.prune(all: true).images.isEmpty)

            let newer = try load(image("a:1", bytes: 20), store, scratch)
            let found = try #require(try listed("a:1", store))
            #expect(found.id == newer && found.pinnedNames == [name])
            #expect(throws: ImageFailure.pinned(image: name, archive: nil)) { try store.remove(newer) }
            #expect(try store.prune().images.count == 1, "the older one has no name any more")

            #expect(try store.setPinned(false, newer) == [name])
            #expect(try store.prune(all: true).images.map(\.id) == [newer])
        }
    }

    @Test("What has no name, or is not here, cannot be pinned")
    func unpinnable() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let older = try load(image("a:1", bytes: 10), store, scratch)
            try load(image("a:1", bytes: 20), store, scratch)
            #expect(throws: ImageFailure.nameless(image: older)) { try store.setPinned(true, older) }
            for reference in ["b:1", "rootfs:/", "sha256:" + String(repeating: "0", count: 64)] {
                #expect(throws: ImageFailure.unknown(image: reference)) {
                    try store.setPinned(true, reference)
                }
            }
        }
    }

    @Test("Records of a version without pins are read, and one without a pin looks as it did then")
    func olderRecords() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            try load(image("a:1", bytes: 10), store, scratch)
            let leaf = ImageStore.leaf(for: "example.com/a:1")
            let text = String(decoding: try store.names.read(leaf, limit: 10_000), as: UTF8.self)
            #expect(!text.contains("pinned") && text.contains("\"version\" : 1"))
            _ = try store.setPinned(true, "example.com/a:1")
            _ = try store.setPinned(false, "example.com/a:1")
            #expect(String(decoding: try store.names.read(leaf, limit: 10_000), as: UTF8.self) == text)
        }
    }

    // MARK: Use

    @Test("A container start is a use, which a new load does not touch and a removal forgets")
    func lastUse() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let id = try load(image("a:1", bytes: 10), store, scratch)
            #expect(try listed("a:1", store)?.lastUsed == nil)
            let before = Clock.wall().truncatedToSeconds
            let images = StoredImages(store: store)
            #expect(try images.image("example.com/a:1", for: pod) != nil)
            let used = try #require(try listed("a:1", store)?.lastUsed)
            #expect(used >= before && used <= Clock.wall() + .seconds(1))
            try load(image("a:1", bytes: 10), store, scratch)
            #expect(try listed("a:1", store)?.lastUsed == used)
            try store.remove(id)
            #expect(try scratch.stored("uses").isEmpty)
        }
    }

    @Test("An image that a container has stays under any name and none, until the container lets go")
    func holds() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let older = try load(image("a:1", bytes: 10), store, scratch)
            let images = StoredImages(store: store)
            var found = try images.image("example.com/a:1", for: pod)
            #expect(found?.hold?.id == older)
            // The name moves on while the container runs.
            try load(image("a:1", bytes: 20), store, scratch)
            #expect(try store.prune().images.isEmpty)
            #expect(throws: ImageFailure.inUse(image: older)) { try store.remove(older) }
            #expect(try store.users()[older] == [.pod(pod)])
            found = nil
            #expect(try store.prune().images.map(\.id) == [older])
        }
    }

    @Test("What a Pod or a manifest names stays, and so does the name by which it does")
    func namedImages() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            for name in ["a:1", "b:1", "c:1"] { try load(image(name, bytes: 10), store, scratch) }
            store.uses.name(["example.com/a:1"], by: .pod(pod))
            store.uses.name(["example.com/b:1"], by: .manifest(path: "/etc/pods/b.yaml"))
            #expect(try store.prune(all: true).images.flatMap(\.names) == ["example.com/c:1"])
            for name in ["example.com/a:1", "example.com/b:1"] {
                #expect(throws: ImageFailure.inUse(image: name)) { try store.remove(name) }
            }
            store.uses.forget(.manifest(path: "/etc/pods/b.yaml"))
            store.uses.forget(.pod(pod))
            #expect(try store.prune(all: true).images.count == 2)
        }
    }

    @Test("An image in departure is held by nobody, and one that was looked up before is looked up again")
    func departures() {
        let uses = ImageUses()
        let before = uses.departures
        #expect(uses.depart("x"))
        guard case .departing = uses.hold("x", for: pod, since: uses.departures) else {
            Issue.record("x is going")
            return
        }
        uses.departed("x")
        guard case .outdated = uses.hold("x", for: pod, since: before) else {
            Issue.record("x may be gone")
            return
        }
        guard case .held(let hold) = uses.hold("x", for: pod, since: uses.departures) else {
            Issue.record("x stays after all")
            return
        }
        withExtendedLifetime(hold) { #expect(!uses.depart("x")) }
    }

    @Test("While images come and go, none is taken away from a container that has found it")
    func race() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let archive = try scratch.write(
                "a.tar",
                TestImage.archive(image("a:1", bytes: 10).layoutFiles)
            )
            _ = try store.load(path: archive)
            let problems = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 4) { number in
                do {
                    if number == 0 {
                        for _ in 0..<60 {
                            _ = try store.prune(all: true)
                            _ = try store.load(path: archive)
                        }
                        return
                    }
                    for _ in 0..<200 {
                        let missing = try missingLayers(store)
                        if !missing.isEmpty { problems.withLock { $0.append("\(missing)") } }
                    }
                } catch {
                    problems.withLock { $0.append("\(error)") }
                }
            }
            #expect(problems.withLock { $0 } == [])
        }
    }

    /// Finds the image for a container and looks for its layers, as its mount would.
    private func missingLayers(_ store: ImageStore) throws -> [String] {
        guard let found = try StoredImages(store: store).image("example.com/a:1", for: pod),
            case .layers(let directory, let names) = found.root
        else { return [] }
        return withExtendedLifetime(found) { names.filter { access("\(directory)/\($0)", F_OK) != 0 } }
    }

    // MARK: Room

    @Test("Pruning counts what really goes: layers, each once, and none that another image has")
    func prunedBytes() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            for name in ["a:1", "b:1", "c:1"] { try load(image(name, bytes: 300), store, scratch) }
            _ = try store.setPinned(true, "example.com/c:1")
            #expect(try store.prune().images.isEmpty)
            let pruned = try store.prune(all: true)
            #expect(pruned.images.count == 2 && pruned.freedBytes == 600)
            _ = try store.setPinned(false, "example.com/c:1")
            #expect(try store.prune(all: true).freedBytes == 1300)
        }
    }

    @Test("A collection removes the least recently used until there is room, and says when there is not")
    func collection() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            for name in ["never:1", "used:1", "needed:1", "used:2"] {
                let id = try load(image(name, bytes: 1000), store, scratch)
                if name != "never:1" { try store.noteUse(of: id) }
                usleep(20_000)
            }
            store.uses.name(["example.com/needed:1"], by: .pod(pod))
            let later = Clock.wall() + .seconds(200)
            // 10,000 bytes, and as many free as have gone from the layers since.
            let wanted = { (free: Int64) in
                try store.collect(.init(), at: later) { _ throws(SystemFailure) in
                    DiskSpace(capacity: 10_000, available: free)
                }
            }
            #expect(try wanted(1600).removed.isEmpty, "84 % are not 85")
            let first = try wanted(1000)
            #expect(first.wantedBytes == 1000 && first.freedBytes == 1000 && first.isEnough)
            #expect(first.removed.flatMap(\.names) == ["example.com/never:1"])
            let second = try wanted(0)
            #expect(second.removed.flatMap(\.names) == ["example.com/used:1", "example.com/used:2"])
            #expect(second.isEnough && second.freedBytes == 2000)
            let third = try wanted(0)
            #expect(!third.isEnough && third.removed.isEmpty && third.freedBytes == 0)
            #expect(
                third.insufficiency.hasPrefix(
                    "Insufficient free disk space on the node's image filesystem (100% of 9.8 KiB used). "
                        + "Failed to free sufficient space by deleting unused images (freed 0 bytes). "
                )
            )
            #expect(try store.list().flatMap(\.names) == ["example.com/needed:1"])
        }
    }

    @Test(
        "A disk that is found to be empty enough ends a collection early, and one without capacity begins none"
    )
    func diskSaysEnough() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            for name in ["a:1", "b:1"] { try load(image(name, bytes: 10), store, scratch) }
            let later = Clock.wall() + .seconds(200)
            var looks = 0
            let result = try store.collect(.init(), at: later) { _ throws(SystemFailure) in
                looks += 1
                return DiskSpace(capacity: 1_000_000, available: looks == 1 ? 0 : 200_000)
            }
            #expect(result.removed.count == 1 && result.isEnough)
            let none = try store.collect(.init(), at: later) { _ throws(SystemFailure) in
                DiskSpace(capacity: 0, available: 0)
            }
            #expect(none.removed.isEmpty && none.disk.capacity == 0)
            #expect(try store.diskSpace().capacity > 0)
        }
    }

    // MARK: Archives

    @Test("Images of an archive are pinned while it lies there")
    func archives() throws {
        try Scratch.run { scratch in
            let store = try scratch.store()
            let image = image("a:1", bytes: 10)
            let path = try scratch.write("a.tar", TestImage.archive(image.layoutFiles))
            let stamp = try FileStamp(of: path)
            #expect(try !store.isPreloaded(path, stamp))
            let id = try #require(try store.load(path: path).first).id
            try store.notePreload(path, stamp, images: [id])
            #expect(try store.isPreloaded(path, stamp))
            #expect(try listed("a:1", store)?.archives == [path])
            #expect(try store.prune(all: true).images.isEmpty)
            #expect(throws: ImageFailure.pinned(image: "example.com/a:1", archive: path)) {
                try store.remove("example.com/a:1")
            }
            #expect(throws: ImageFailure.pinned(image: "example.com/a:1", archive: path)) {
                try store.setPinned(false, "example.com/a:1")
            }

            usleep(20_000)
            _ = try scratch.write("a.tar", TestImage.archive(image.layoutFiles))
            #expect(try !store.isPreloaded(path, FileStamp(of: path)), "another version of the file")
            unlink(path)
            #expect(try store.prune(all: true).images.map(\.id) == [id])
            #expect(try !store.isPreloaded(path, stamp), "its image is gone")
            try store.forgetPreloads(except: [])
            #expect(try scratch.stored("preloads").isEmpty)
        }
    }

    // MARK: Without an agent

    @Test("Records of Pods keep what they have and name, and one that cannot be read keeps all")
    func recorded() throws {
        try Scratch.run { scratch in
            let state = try scratch.root.makeDirectory("state", mode: 0o755)
            var pod = Pod()
            pod.metadata.name = "web"
            pod.metadata.namespace = "default"
            pod.metadata.uid = "1"
            var container = Container()
            container.name = "app"
            container.image = "example.com/a:1"
            pod.spec.containers = [container]
            let directory = try state.makeDirectory("pods/1", mode: 0o755)
            _ = try state.makeDirectory("pods/2", mode: 0o755)
            try PodFile.write(pod, to: directory)
            let uses = ImageUses()
            try uses.name(recordedIn: state)
            #expect(uses.references == [.pod(self.pod): ["example.com/a:1"]])
            try directory.replaceFile(PodFile.name, with: [1], mode: 0o600)
            #expect(throws: SystemFailure.self) { try uses.name(recordedIn: state) }
        }
    }
}

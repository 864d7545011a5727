import Dispatch
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// What is here, or on its way, is not fetched again.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct PullSharingTests {
    private static let common = TestImage.layer("common", String(repeating: "c", count: 50_000))
    private static let first = TestImage(layers: [common, TestImage.layer("first")])
    private static let second = TestImage(layers: [common, TestImage.layer("second")])

    private static var both: [String: HostileRegistry.Content] {
        first.published("one").merging(second.published("two")) { old, _ in old }
    }

    /// Has one puller pull several references at the same time; what comes of them, in their order.
    private func pull(_ names: [String], into setting: PullSetting) throws -> [Result<
        PulledImage, ImageFailure
    >] {
        let puller = ImagePuller(store: setting.store)
        let wishes = try names.map { PullWish(reference: try ImageReference(parsing: $0)) }
        let outcomes = Outcomes()
        let group = DispatchGroup()
        for (index, wish) in wishes.enumerated() {
            group.enter()
            Task {
                let result = await puller.pull(wish)
                outcomes.kept.withLock { $0[index] = result }
                group.leave()
            }
        }
        try #require(group.wait(timeout: .now() + Flag.patience) == .success)
        return outcomes.kept.withLock { kept in kept.sorted { $0.key < $1.key }.map(\.value) }
    }

    private final class Outcomes: Sendable {
        let kept = Mutex<[Int: Result<PulledImage, ImageFailure>]>([:])
    }

    @Test("A layer of two images is fetched once")
    func oneAfterTheOther() throws {
        try HostileRegistry.facing(Self.both) { registry, setting in
            try setting.pull("\(registry.host)/one:1")
            let loaded = try setting.pull("\(registry.host)/two:1")
            #expect(loaded.newLayers == 1)
            #expect(Self.second.blobs.map(registry.fetches) == [1, 1])
            try setting.expect("\(registry.host)/one:1", is: Self.first)
            try setting.expect("\(registry.host)/two:1", is: Self.second)
        }
    }

    @Test("Pulls of one image at the same time are one", arguments: [2, 20])
    func sameImage(count: Int) throws {
        try HostileRegistry.facing(Self.both) { registry, setting in
            let name = "\(registry.host)/one:1"
            let results = try pull([String](repeating: name, count: count), into: setting)
            for result in results { #expect(try result.get().image.id == "\(Self.first.id)") }
            #expect(Self.first.blobs.map(registry.fetches) == [1, 1])
            #expect(registry.fetches(of: Self.first.configBytes) == 1)
            #expect(registry.asked.count { $0 == "GET /v2/one/manifests/1" } == 1)
            try setting.expect(name, is: Self.first)
        }
    }

    @Test("Images that are pulled at the same time fetch a common layer once")
    func commonLayer() throws {
        let path = "/blobs/\(Digest(of: Self.common))"
        try HostileRegistry.facing(Self.both) { request, contents in
            guard request.path.hasSuffix(path) else { return nil }
            // Long enough for the other one to want it too.
            usleep(500_000)
            return HostileRegistry.reply(to: request, contents)
        } _: { registry, setting in
            let names = ["\(registry.host)/one:1", "\(registry.host)/two:1"]
            for result in try pull(names, into: setting) { _ = try result.get() }
            #expect(registry.fetches(of: Self.common) == 1)
            try setting.expect(names[0], is: Self.first)
            try setting.expect(names[1], is: Self.second)
        }
    }

    @Test("An image under a new name whose layers are all here fetches no blob but its config")
    func allHere() throws {
        var contents = Self.both
        contents.merge(Self.first.published("three")) { old, _ in old }
        try HostileRegistry.facing(contents) { registry, setting in
            try setting.pull("\(registry.host)/one:1")
            registry.forgetRequests()
            let loaded = try setting.pull("\(registry.host)/three:1")
            #expect(loaded.newLayers == 0)
            for blob in Self.first.blobs { #expect(registry.fetches(of: blob) == 0) }
            try setting.expect("\(registry.host)/three:1", is: Self.first)
        }
    }

    @Test("A tag that has not moved is asked for by HEAD alone")
    func unchanged() throws {
        try HostileRegistry.facing(Self.both) { registry, setting in
            try setting.pull("\(registry.host)/one:1")
            registry.forgetRequests()
            let loaded = try setting.pull("\(registry.host)/one:1")
            #expect(loaded.newLayers == 0)
            #expect(loaded.id == "\(Self.first.id)")
            #expect(registry.asked == ["HEAD /v2/one/manifests/1"])
        }
    }

    @Test(
        "A tag that has moved brings what it stands for now, and what it stood for stays until somebody clears up"
    )
    func moved() throws {
        try HostileRegistry.facing(Self.both) { registry, setting in
            try setting.pull("\(registry.host)/one:1")
            registry.replace(Self.second.published("one"))
            registry.forgetRequests()
            let loaded = try setting.pull("\(registry.host)/one:1")
            #expect(loaded.newLayers == 1)
            try setting.expect("\(registry.host)/one:1", is: Self.second)
            #expect(Self.second.blobs.map(registry.fetches) == [0, 1])
        }
    }

    @Test("A tag that has moved to something broken leaves the old image alone")
    func movedToBroken() throws {
        try HostileRegistry.facing(Self.both) { registry, setting in
            try setting.pull("\(registry.host)/one:1")
            var contents = Self.second.published("one")
            contents[Self.second.blobPath(Self.second.blobs[1], "one")] = .init(bytes: [1, 2, 3])
            registry.replace(contents)
            #expect(throws: ImageFailure.self) { try setting.pull("\(registry.host)/one:1") }
            let found = try #require(try setting.store.resolve("\(registry.host)/one:1"))
            #expect(found.id == "\(Self.first.id)")
            try setting.expectNoRemains()
        }
    }

    @Test("Who stops waiting does not end a pull that others wait for; the last one does")
    func leaving() throws {
        let blob = Self.first.blobs[1]
        let (path, isAsked, mayCome) = (Self.first.blobPath(blob, "one"), Flag(), Flag())
        try HostileRegistry.facing(Self.both) { request, _ in
            guard request.path == path, request.earlier == 0 else { return nil }
            isAsked.set()
            mayCome.wait()
            return nil
        } _: { registry, setting in
            let puller = ImagePuller(store: setting.store)
            let wish = PullWish(reference: try ImageReference(parsing: "\(registry.host)/one:1"))
            let outcomes = Outcomes()
            let group = DispatchGroup()
            func begin(_ index: Int) -> Task<Void, Never> {
                group.enter()
                return Task {
                    let result = await puller.pull(wish)
                    outcomes.kept.withLock { $0[index] = result }
                    group.leave()
                }
            }
            let tasks = [begin(0), begin(1)]
            isAsked.wait()
            tasks[0].cancel()
            try eventually("the first is told") { outcomes.kept.withLock { $0[0] != nil } }
            mayCome.set()
            try #require(group.wait(timeout: .now() + Flag.patience) == .success)
            #expect(throws: ImageFailure.self) { try outcomes.kept.withLock { $0[0] }?.get() }
            #expect(try outcomes.kept.withLock { $0[1] }?.get().image.id == "\(Self.first.id)")
            #expect(registry.fetches(of: blob) == 1)
        }
    }
}

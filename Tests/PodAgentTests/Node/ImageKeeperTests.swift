import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// When images are cleared away, and what people hear of it.
@Suite(.timeLimit(.minutes(5)), .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
@NodeActor
struct ImageKeeperTests {
    /// A store with images, a disk that says what the test wants, and what is recorded.
    @NodeActor
    private final class Bench {
        let temporary: TemporaryDirectory
        let store: ImageStore
        var limits = ImageCollection.Limits(minimumAge: .zero)
        let available = Mutex<Int64>(0)
        var capacity: Int64 = 10_000
        var events: [PodRecord] = []

        init(images: [String]) throws {
            temporary = try TemporaryDirectory()
            store = try ImageStore(stateDirectory: temporary.directory)
            for name in images {
                let image = TestImage(
                    layers: [TestImage.layer(name, String(repeating: "x", count: 1000))],
                    annotations: ["org.opencontainers.image.ref.name": "example.com/\(name)"]
                )
                let bytes = TestImage.archive(image.layoutFiles)
                try temporary.directory.replaceFile("image.tar", with: bytes, mode: 0o600)
                _ = try store.load(path: "\(temporary.path)/image.tar")
            }
        }

        func keeper(period: Duration = .seconds(300), isKnown: Bool = true) -> ImageKeeper {
            let capacity = capacity
            let keeper = ImageKeeper(
                store: store,
                period: period,
                space: { [self] _ throws(SystemFailure) in
                    DiskSpace(capacity: capacity, available: available.withLock { $0 })
                },
                limits: { [self] in limits },
                record: { [self] in events.append($0) }
            )
            keeper.start { isKnown }
            return keeper
        }

        var names: [String] { (try? store.list().flatMap(\.names)) ?? [] }
    }

    @Test("A full disk is cleared as far as needed, and the list that the node shows follows")
    func clears() async throws {
        let bench = try Bench(images: ["a:1", "b:1", "c:1"])
        bench.available.withLock { $0 = 500 }
        let keeper = bench.keeper()
        defer { keeper.stop() }
        #expect(await eventually { await keeper.shown.count == 3 })
        await keeper.collectIfNeeded()
        #expect(bench.names.count == 1 && bench.events.isEmpty)
        #expect(await eventually { await keeper.shown.count == 1 })
    }

    @Test("Nothing goes while it is not known what the manifests name, or when it is switched off")
    func waits() async throws {
        let bench = try Bench(images: ["a:1"])
        let unknowing = bench.keeper(isKnown: false)
        await unknowing.collectIfNeeded()
        unknowing.stop()
        bench.limits.highPercent = 100
        let off = bench.keeper()
        await off.collectIfNeeded()
        off.stop()
        #expect(bench.names.count == 1 && bench.events.isEmpty)
    }

    @Test("Calls that come together share one collection, and each returns when it is done")
    func together() async throws {
        let bench = try Bench(images: ["a:1", "b:1"])
        let keeper = bench.keeper()
        defer { keeper.stop() }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { await keeper.collectIfNeeded() } }
        }
        #expect(bench.names.isEmpty)
        #expect(bench.events.count < 20)
    }

    @Test("By the clock, a disk that stays full is told at once, and from the second time on as a failure")
    func fails() async throws {
        let bench = try Bench(images: ["needed:1"])
        bench.store.uses.name(
            ["example.com/needed:1"],
            by: .pod(PodKey(namespace: "default", name: "web"))
        )
        let keeper = bench.keeper(period: .milliseconds(50))
        #expect(await eventually { await bench.events.count >= 3 })
        keeper.stop()
        #expect(
            bench.events.prefix(3).map(\.reason) == [
                "FreeDiskSpaceFailed", "FreeDiskSpaceFailed", "ImageGCFailed",
            ]
        )
        #expect(Set(bench.events.map(\.message)).count == 1)
        #expect(bench.names.count == 1)
    }

    @Test("A disk without capacity is told in the kubelet's words, and costs no image")
    func noCapacity() async throws {
        let bench = try Bench(images: ["a:1"])
        bench.capacity = 0
        let keeper = bench.keeper()
        await keeper.collectIfNeeded()
        keeper.stop()
        #expect(bench.events.map(\.reason) == ["InvalidDiskCapacity"])
        #expect(bench.events.first?.message == "invalid capacity 0 on image filesystem")
        #expect(bench.names.count == 1)
    }

    @Test("By the clock, what a container has counts as used now")
    func uses() async throws {
        let bench = try Bench(images: ["a:1"])
        let id = try #require(bench.store.list().first).id
        bench.available.withLock { $0 = 10_000 }
        let hold = bench.store.uses.hold(id, for: PodKey(namespace: "default", name: "web"))
        let keeper = bench.keeper(period: .milliseconds(50))
        #expect(await eventually { (try? bench.store.list().first?.lastUsed) != nil })
        keeper.stop()
        withExtendedLifetime(hold) {}
    }
}

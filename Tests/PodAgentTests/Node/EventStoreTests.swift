import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite(.timeLimit(.minutes(5))) @NodeActor struct EventStoreTests {
    private static func pod(_ name: String) -> Pod {
        var pod = Pod()
        pod.metadata.name = name
        pod.metadata.namespace = "default"
        pod.metadata.uid = "uid-\(name)"
        return pod
    }

    private static func store(_ temporary: TemporaryDirectory, present: Set<String>) -> EventStore {
        let store = EventStore(nodeName: "n1", state: temporary.directory)
        store.begin(present: present)
        return store
    }

    @Test("The next agent has the same events under the same versions, and newer versions for what is new")
    func restart() throws {
        let temporary = try TemporaryDirectory()
        let first = Self.store(temporary, present: [])
        for _ in 0..<3 { first.record(PodRecord(.warning, "BackOff", "again"), about: Self.pod("web")) }
        first.recordNode(PodRecord(.normal, "Starting", "Starting"))
        first.stop()
        let before = first.cache.list()
        #expect(before.items.map(\.count).sorted() == [1, 3])

        let second = Self.store(temporary, present: ["uid-web"])
        #expect(second.cache.list().items == before.items)
        #expect(second.versions.current > before.resourceVersion)
        #expect(throws: StatusFailure.self, "a watch of the first agent's lists again") {
            _ = try second.cache.watch(since: before.resourceVersion)
        }
        second.record(PodRecord(.warning, "BackOff", "again"), about: Self.pod("web"))
        let counted = second.cache.list().items.first { $0.reason == "BackOff" }
        #expect(counted?.count == 4)
        #expect((counted?.versionNumber ?? 0) > before.resourceVersion)
    }

    @Test("Versions rise also if the clock was set back by a year between two agents")
    func clockSetBack() throws {
        let temporary = try TemporaryDirectory()
        let ahead = UInt64(Clock.wall().nanoseconds / 1000) + 365 * 86_400 * 1_000_000
        let bytes = EventFile.batch([EventFileTests.event("a", version: 3)], resourceVersion: ahead)
        try temporary.directory.replaceFile(EventFile.name, with: bytes, mode: 0o600)
        #expect(Self.store(temporary, present: []).versions.current > ahead)
    }

    @Test("A storm is shown and written now and then, with the right count in the end")
    func storm() async throws {
        let temporary = try TemporaryDirectory()
        let store = Self.store(temporary, present: [])
        let since = store.versions.current
        for _ in 0..<5_000 { store.record(PodRecord(.warning, "Unhealthy", "no"), about: Self.pod("web")) }
        #expect(store.versions.current - since == 1)
        #expect(await eventually { store.cache.list().items.first?.count == 5_000 })
        #expect(store.versions.current - since == 2)
        store.record(PodRecord(.warning, "Unhealthy", "no"), about: Self.pod("web"))
        store.stop()
        #expect(EventFile.read(from: temporary.directory).sorted.map(\.count) == [5_001])
    }

    @Test("Of a file that is damaged the whole batches are kept; it is set aside, and an event says so")
    func damaged() throws {
        let temporary = try TemporaryDirectory()
        var bytes = EventFile.batch([EventFileTests.event("a")], resourceVersion: 7)
        let size = bytes.count
        bytes += EventFile.batch([EventFileTests.event("b")], resourceVersion: 8)
        bytes[size + 60] ^= 1
        try temporary.directory.replaceFile(EventFile.name, with: bytes, mode: 0o600)
        let store = Self.store(temporary, present: [])
        let events = store.cache.list().items
        #expect(events.count == 2 && events.contains { $0.metadata.name == "a" })
        let told = try #require(events.first { $0.reason == "UnreadableRecord" })
        let aside = try #require(
            try temporary.directory.entries().first { $0.hasPrefix("unreadable-events-") }
        )
        #expect(told.message.contains(aside), "\(told.message)")
        #expect(try temporary.directory.read(aside, limit: 1 << 20) == bytes)
        store.stop()
        #expect(EventFile.read(from: temporary.directory).events.count == 2)
    }

    enum Obstacle: Sendable, CaseIterable {
        case tooLarge, directory, fifo
    }

    @Test("What cannot be read at all is set aside, and stops nothing", arguments: Obstacle.allCases)
    func unreadable(_ obstacle: Obstacle) throws {
        let temporary = try TemporaryDirectory()
        let path = "\(temporary.path)/\(EventFile.name)"
        switch obstacle {
        case .tooLarge:
            try temporary.directory.replaceFile(EventFile.name, with: [0x0A], mode: 0o600)
            #expect(truncate(path, off_t(EventFile.sizeMax + 1)) == 0)
        case .directory: #expect(mkdir(path, 0o700) == 0)
        case .fifo: #expect(mkfifo(path, 0o600) == 0)
        }
        let store = Self.store(temporary, present: [])
        #expect(store.cache.list().items.map(\.reason) == ["UnreadableRecord"])
        store.stop()
        #expect(EventFile.read(from: temporary.directory).events.count == 1)
    }

    @Test("Events of a Pod that is gone are still told, and those of one that waits are too")
    func gone() throws {
        let temporary = try TemporaryDirectory()
        let store = Self.store(temporary, present: [])
        store.record(PodRecord(.normal, "Killing", "Stopping"), about: Self.pod("web"))
        store.podIsGone("uid-web")
        store.stop()
        #expect(Self.store(temporary, present: []).cache.list().items.map(\.reason) == ["Killing"])
    }
}

import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite(.blocking, .timeLimit(.minutes(5))) struct EventRecorderTests {
    /// A recorder, and what it is to write.
    private struct Subject {
        let cache = WatchCache<Event>(counter: ResourceVersionCounter(startingAt: 5))
        let recorder: EventRecorder

        init(in directory: RootedDirectory, pace: Duration = .seconds(1)) {
            recorder = EventRecorder(directory: directory, cache: cache, pace: pace)
        }

        func keep(_ event: Event) {
            cache.set(event.metadata.name) { _ in event }
            recorder.change(event.metadata.name)
        }

        func drop(_ name: String) {
            cache.remove(name)
            recorder.change(name)
        }

        func flush() { recorder.flush() }
    }

    private static func batches(in directory: RootedDirectory) throws -> Int {
        let text = String(
            decoding: try directory.read(EventFile.name, limit: EventFile.sizeMax),
            as: UTF8.self
        )
        return text.split(separator: "\n").count { $0.hasPrefix(RecordSeal.marker) }
    }

    private static func messages(in directory: RootedDirectory) -> [String] {
        EventFile.read(from: directory).events.sorted { $0.key < $1.key }.map(\.value.message)
    }

    @Test("An event is written at once when it is quiet, and what follows together, once in a pace")
    func paced() throws {
        let temporary = try TemporaryDirectory()
        let recorder = Subject(in: temporary.directory, pace: .seconds(4))
        recorder.keep(EventFileTests.event("a"))
        try eventually("it is written", seconds: 3) { Self.messages(in: temporary.directory) == ["m"] }
        for number in 1...1_000 { recorder.keep(EventFileTests.event("a", "again \(number)")) }
        recorder.keep(EventFileTests.event("b"))
        recorder.drop("b")
        #expect(try Self.batches(in: temporary.directory) == 1)
        try eventually("all is written", seconds: 30) {
            Self.messages(in: temporary.directory) == ["again 1000"]
        }
        #expect(try Self.batches(in: temporary.directory) == 2)
    }

    @Test("The end of the agent waits for nothing but the write")
    func flushed() throws {
        let temporary = try TemporaryDirectory()
        let recorder = Subject(in: temporary.directory, pace: .seconds(3_600))
        recorder.keep(EventFileTests.event("a"))
        recorder.flush()
        recorder.keep(EventFileTests.event("a", "last"))
        recorder.flush()
        #expect(Self.messages(in: temporary.directory) == ["last"])
        recorder.flush()
        #expect(try Self.batches(in: temporary.directory) == 2)
    }

    @Test("The file grows to about twice of what there is, and starts anew")
    func compacted() throws {
        let temporary = try TemporaryDirectory()
        let recorder = Subject(in: temporary.directory, pace: .zero)
        var largest = 0
        for number in 1...400 {
            let text = String(repeating: "x", count: 4_000)
            recorder.keep(EventFileTests.event("e\(number % 10)", text, version: number))
            recorder.flush()
            largest = max(largest, try temporary.directory.read(EventFile.name, limit: 1 << 24).count)
        }
        // Ten events are less than 50 KB; 256 KiB may be added to them, and the batch that goes beyond that.
        #expect(largest > 200_000 && largest < 330_000, "\(largest)")
        #expect(EventFile.read(from: temporary.directory).sorted.map(\.versionNumber) == Array(391...400))
    }

    enum Meddling: Sendable {
        case removed, cut, replacedByALink
    }

    @Test(
        "Whatever somebody does to the file, the next write makes it whole",
        arguments: [Meddling.removed, .cut, .replacedByALink]
    )
    func meddledWith(_ meddling: Meddling) throws {
        let temporary = try TemporaryDirectory()
        let recorder = Subject(in: temporary.directory, pace: .zero)
        for name in ["a", "b"] {
            recorder.keep(EventFileTests.event(name))
            recorder.flush()
        }
        let path = "\(temporary.path)/\(EventFile.name)"
        switch meddling {
        case .cut: truncate(path, 100)
        default: unlink(path)
        }
        if meddling == .replacedByALink { symlink("/dev/full", path) }
        recorder.keep(EventFileTests.event("c"))
        try eventually("all are there", seconds: 5) {
            recorder.flush()
            return EventFile.read(from: temporary.directory).events.count == 3
        }
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG)
    }

    @Test(
        "On a full disk nobody waits and nothing is forgotten: when there is room again, all is written",
        .enabled(if: TestNode.hasRights, TestNode.needsRoot)
    )
    func full() throws {
        let temporary = try TemporaryDirectory()
        try check("mount", temporary.path) { mount("podagent-test", temporary.path, "tmpfs", 0, "size=512k") }
        defer { umount2(temporary.path, Int32(MNT_DETACH)) }
        let directory = try RootedDirectory(hostPath: temporary.path)
        let recorder = Subject(in: directory, pace: .zero)
        recorder.keep(EventFileTests.event("before"))
        recorder.flush()
        try directory.replaceFile("filling", with: Array(repeating: 1, count: 480 << 10), mode: 0o600)
        var waited = Duration.zero
        for number in 1...60 {
            let event = EventFileTests.event("e\(number)", String(repeating: "x", count: 2_000))
            let begin = Clock.tick()
            recorder.keep(event)
            waited = waited + (Clock.tick() - begin)
            if number % 20 == 0 { recorder.flush() }
            if number > 50 { recorder.drop(event.metadata.name) }
        }
        #expect(waited < .seconds(1))
        let meanwhile = EventFile.read(from: directory)
        #expect(meanwhile.problem == nil && !meanwhile.isCut && meanwhile.events["before"] != nil)
        #expect(meanwhile.events.count < 50, "there was no room")
        unlink("\(temporary.path)/filling")
        try eventually("all are written", seconds: 10) { EventFile.read(from: directory).events.count == 51 }
    }
}

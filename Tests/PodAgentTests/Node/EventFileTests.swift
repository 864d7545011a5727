import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite struct EventFileTests {
    static func event(_ name: String, _ message: String = "m", version: Int = 1) -> Event {
        var event = Event.sample(name, about: "web")
        event.message = message
        event.metadata.resourceVersion = String(version)
        event.firstTimestamp = Timestamp(seconds: 1_700_000_000)
        event.lastTimestamp = Timestamp(seconds: 1_700_000_100)
        return event
    }

    private static let awkward = "line\nline // fnv1a-128 0\n// fnv1a-128 0\n\u{1}\"\\ ä"
    private static let batches = [
        EventFile.batch([event("a"), event("b", awkward, version: 2)], resourceVersion: 7),
        EventFile.batch(
            [event("a", "again", version: 8), event("c", version: 9)],
            removed: ["b"],
            resourceVersion: 9
        ),
        EventFile.batch([], removed: ["c"], resourceVersion: 12),
    ]

    @Test("What was written is read, and later batches replace earlier ones")
    func roundTrip() {
        let first = EventFile.content(of: Self.batches[0])
        #expect(first.sorted == [Self.event("a"), Self.event("b", Self.awkward, version: 2)])
        let two = EventFile.content(of: Self.batches[0] + Self.batches[1])
        #expect(two.sorted.map(\.message) == ["again", "m"] && two.resourceVersion == 9)
        let all = EventFile.content(of: Self.batches.flatMap { $0 })
        #expect(all.sorted.map(\.metadata.name) == ["a"] && all.resourceVersion == 12)
        #expect(all.problem == nil && !all.isCut)
    }

    @Test("A file that ends too early, wherever, is read up to its last whole batch")
    func cut() {
        let bytes = Self.batches[0] + Self.batches[1]
        for end in 0...bytes.count {
            let content = EventFile.content(of: Array(bytes.prefix(end)))
            let whole = end < Self.batches[0].count ? 0 : end < bytes.count ? 7 : 9
            #expect(content.resourceVersion == UInt64(whole) && content.problem == nil, "\(end) bytes")
        }
    }

    @Test("A bit that has changed, wherever, is never taken for what was written")
    func flipped() {
        let bytes = Self.batches[0] + Self.batches[1]
        let versions = [
            0: [], 7: EventFile.content(of: Self.batches[0]).sorted, 9: EventFile.content(of: bytes).sorted,
        ]
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1 << UInt8(index % 8)
            let content = EventFile.content(of: damaged)
            #expect(content.problem != nil || content.isCut, "byte \(index)")
            #expect(content.sorted == versions[Int(content.resourceVersion)], "byte \(index)")
            #expect(content.resourceVersion == (index < Self.batches[0].count ? 0 : 7), "byte \(index)")
        }
    }

    @Test(
        "What is sealed and is no batch of this version is a problem",
        arguments: [
            #"{"events":2,"resourceVersion":"1"}"#, "{", #"{"events":1}"# + "\n" + #"{"kind":5}"#, "[]",
            #"{"events":1}"# + "\n{",
        ]
    )
    func strange(_ text: String) {
        #expect(EventFile.content(of: RecordSeal.sealed(Array(text.utf8))).problem != nil)
    }
}

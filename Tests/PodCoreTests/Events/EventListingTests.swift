import Testing

@testable import PodCore

@Suite struct EventListingTests {
    private static let now = Timestamp(seconds: 100_000)

    private static func event(first: Int64, last: Int64, count: Int32) -> Event {
        var event = Event()
        event.metadata.name = "web.1"
        event.involvedObject.kind = "Pod"
        event.involvedObject.name = "web-n1"
        event.involvedObject.fieldPath = "spec.containers{app}"
        event.type = .warning
        event.reason = "BackOff"
        event.message = "one\ntwo\n"
        event.firstTimestamp = now + .seconds(-first)
        event.lastTimestamp = now + .seconds(-last)
        event.count = count
        event.source.component = "podagent"
        event.source.host = "n1"
        return event
    }

    @Test(
        "The age says how often and since when",
        arguments: [
            (90, 90, 1, "90s"), (600, 180, 4, "3m (x4 over 10m)"), (7_200, 0, 2, "0s (x2 over 120m)"),
        ]
            as [(Int64, Int64, Int32, String)]
    )
    func age(_ first: Int64, _ last: Int64, _ count: Int32, _ text: String) {
        #expect(Self.event(first: first, last: last, count: count).age(at: Self.now) == text)
    }

    @Test("A row is what kubectl events shows, and what get events -o wide has beside that")
    func row() {
        let table = EventListing.table([Self.event(first: 600, last: 180, count: 4)], now: Self.now)
        #expect(
            table.rows.first?.cells.map { $0.string ?? $0.json() } == [
                "3m (x4 over 10m)", "Warning", "BackOff", "Pod/web-n1", "one two", "spec.containers{app}",
                "podagent, n1", "10m", "4", "web.1",
            ]
        )
        #expect(
            table.columns.filter { $0.priority == 0 }.map(\.name) == [
                "Last Seen", "Type", "Reason", "Object", "Message",
            ]
        )
    }
}

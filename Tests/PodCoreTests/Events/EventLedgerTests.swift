import Testing

@testable import PodCore

/// What becomes of the things that happen, in simulated time.
@Suite struct EventLedgerTests {
    /// A ledger and its time.
    struct Driver {
        var ledger: EventLedger
        var seconds = 1_000_000.0

        init(_ change: (inout EventLedger.Limits) -> Void = { _ in }) {
            var limits = EventLedger.Limits()
            change(&limits)
            ledger = EventLedger(nodeName: "n1", limits: limits)
        }

        var now: Moment {
            Moment(
                tick: Tick(nanoseconds: Int64(seconds * 1e9)),
                wall: Timestamp(nanoseconds: Int64((seconds + 1e9) * 1e9))
            )
        }

        mutating func tell(
            _ message: String,
            reason: String = "Failed",
            kind: PodRecord.Kind = .warning,
            pod: String = "web",
            container: String? = nil,
            after wait: Double = 1
        ) -> [EventLedger.Change] {
            seconds += wait
            var object = Driver.pod(pod)
            if let container { object.fieldPath = "spec.containers{\(container)}" }
            let record = PodRecord(kind, reason, message, container: container)
            return ledger.record(record, about: object, at: now)
        }

        mutating func tellNode(_ message: String) -> [EventLedger.Change] {
            seconds += 1
            var object = ObjectReference()
            object.kind = "Node"
            object.name = "n1"
            return ledger.record(PodRecord(.warning, "FailedValidation", message), about: object, at: now)
        }

        static func pod(_ name: String) -> ObjectReference {
            var object = ObjectReference()
            object.kind = "Pod"
            object.apiVersion = "v1"
            object.namespace = "default"
            object.name = name
            object.uid = "uid-\(name)"
            return object
        }

        /// Each event as `<count> <message>`, the one that has not happened for the longest time first.
        var shown: [String] { ledger.events.map { "\($0.count) \($0.message)" } }
    }

    @Test("An event has all that the kubelet's have")
    func whole() throws {
        var driver = Driver()
        let changes = driver.tell("Container started", reason: "Started", kind: .normal, container: "app")
        guard case .added(let event)? = changes.first, changes.count == 1 else {
            Issue.record("\(changes)")
            return
        }
        let stamp = String(driver.now.wall.nanoseconds, radix: 16)
        #expect(event.metadata.name == "web.\(stamp)")
        #expect(event.metadata.namespace == "default")
        #expect(event.involvedObject.fieldPath == "spec.containers{app}")
        #expect(event.involvedObject.uid == "uid-web")
        #expect(event.type == .normal && event.reason == "Started" && event.message == "Container started")
        #expect(event.count == 1)
        #expect(event.firstTimestamp == driver.now.wall.truncatedToSeconds)
        #expect(event.lastTimestamp == event.firstTimestamp && event.eventTime == nil)
        #expect(event.source.component == "podagent" && event.source.host == "n1")
        #expect(event.reportingComponent == "podagent" && event.reportingInstance == "n1")
    }

    @Test("The same again counts up, and is the newest from then on (reference §14.4.3)")
    func counted() throws {
        var driver = Driver()
        let first = try #require(driver.tell("a").first?.event)
        _ = driver.tell("b")
        let again = driver.tell("a", after: 60)
        let event = try #require(again.first?.event)
        #expect(again == [.counted(event)])
        #expect(event.metadata.name == first.metadata.name && event.count == 2)
        #expect(event.firstTimestamp == first.firstTimestamp)
        #expect(event.lastTimestamp == driver.now.wall.truncatedToSeconds)
        #expect(driver.shown == ["1 b", "2 a"])
    }

    struct Difference: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var tell: @Sendable (inout Driver) -> [EventLedger.Change]
    }

    @Test(
        "What differs is another event",
        arguments: [
            Difference(testDescription: "another message") { $0.tell("b", container: "c") },
            Difference(testDescription: "another reason") { $0.tell("a", reason: "BackOff", container: "c") },
            Difference(testDescription: "another type") { $0.tell("a", kind: .normal, container: "c") },
            Difference(testDescription: "another container") { $0.tell("a", container: "d") },
            Difference(testDescription: "the Pod and not a container") { $0.tell("a") },
            Difference(testDescription: "another Pod") { $0.tell("a", pod: "db", container: "c") },
            Difference(testDescription: "the node") { $0.tellNode("a") },
        ]
    )
    func different(_ difference: Difference) {
        var driver = Driver()
        _ = driver.tell("a", container: "c")
        let changes = difference.tell(&driver)
        #expect(changes.count == 1 && changes.first?.isAddition == true, "\(changes)")
        #expect(driver.ledger.count == 2)
    }

    // MARK: Similar events

    @Test("From the 10th different message in ten minutes on they are told together (reference §14.4.2)")
    func combined() {
        var driver = Driver()
        for number in 1...9 { #expect(driver.tell("m\(number)").first?.isAddition == true) }
        #expect(driver.tell("m10").first?.isAddition == true)
        #expect(driver.shown.last == "1 (combined from similar events): m10")
        #expect(driver.tell("m11").first?.isAddition == false)
        #expect(driver.shown.last == "2 (combined from similar events): m11")
        #expect(driver.ledger.count == 10)
        _ = driver.tell("m3")
        #expect(driver.shown.last == "2 m3", "what is known word for word still counts for itself")
        _ = driver.tell("n1", reason: "BackOff")
        #expect(driver.shown.last == "1 n1", "another reason has nothing to do with it")
    }

    @Test("Messages that come slowly enough are not told together")
    func slow() {
        var driver = Driver()
        for number in 1...40 { _ = driver.tell("m\(number)", after: 70) }
        #expect(driver.shown == (1...40).map { "1 m\($0)" })
    }

    @Test("Once told together they stay so until none has come for ten minutes", arguments: [599.0, 602.0])
    func combinedForHowLong(wait: Double) {
        var driver = Driver()
        for number in 1...12 { _ = driver.tell("m\(number)") }
        for number in 13...20 { _ = driver.tell("m\(number)", after: 590) }
        #expect(driver.shown.last == "11 (combined from similar events): m20")
        _ = driver.tell("m21", after: wait)
        #expect(driver.shown.last == (wait < 600 ? "12 (combined from similar events): m21" : "1 m21"))
    }

    @Test("The same words from many containers are no different messages")
    func manyContainers() {
        var driver = Driver()
        for number in 1...30 { _ = driver.tell("Container started", container: "c\(number)") }
        #expect(driver.shown == Array(repeating: "1 Container started", count: 30))
    }

    @Test("A hundred files with a problem each are a hundred events of the node")
    func manyFiles() {
        var driver = Driver()
        for number in 1...99 { _ = driver.tellNode("file \(number)") }
        #expect(driver.shown == (1...99).map { "1 file \($0)" })
        _ = driver.tellNode("file 100")
        #expect(driver.shown.last == "1 (combined from similar events): file 100")
    }

    // MARK: What is kept

    @Test("A noisy Pod loses its own oldest events and nobody else's")
    func noisy() {
        var driver = Driver { $0.podCount = 20 }
        _ = driver.tell("quiet", pod: "quiet")
        for number in 1...200 { _ = driver.tell("m", reason: "R\(number)") }
        #expect(driver.ledger.count == 21)
        #expect(driver.shown.first == "1 quiet")
        #expect(driver.ledger.events.last?.reason == "R200")
    }

    @Test("When the node's bound is reached, the oldest event of whoever has most goes")
    func full() {
        var driver = Driver { $0.count = 6 }
        for name in ["a", "b", "c"] { _ = driver.tell("1", pod: name) }
        for number in 2...4 { _ = driver.tell("\(number)", pod: "b") }
        #expect(driver.tell("1", pod: "d").map(\.kind) == ["added", "removed"])
        #expect(
            driver.ledger.events.map { $0.involvedObject.name + $0.message } == [
                "a1", "c1", "b2", "b3", "b4", "d1",
            ]
        )
    }

    @Test("Of Pods that are gone events go first, of the one that has been gone for longest")
    func fullAndGone() {
        var driver = Driver { $0.count = 6 }
        for name in ["a", "b"] { for number in 1...3 { _ = driver.tell("\(number)", pod: name) } }
        driver.ledger.podIsGone("uid-b", at: driver.now.tick)
        for number in 1...3 { _ = driver.tell("\(number)", pod: "c") }
        #expect(Set(driver.ledger.events.map(\.involvedObject.name)) == ["a", "c"])
    }

    @Test("The bytes of messages are bounded as their number is")
    func bytes() {
        var driver = Driver {
            $0.bytes = 50_000
            $0.objectBytes = 20_000
        }
        let long = String(repeating: "x", count: 3_000)
        for number in 1...9 { _ = driver.tell("\(number)\(long)") }
        #expect(driver.ledger.bytes <= 20_000 && driver.ledger.count == 5)
        for number in 1...100 { _ = driver.tell(long, pod: "p\(number)") }
        #expect(driver.ledger.bytes <= 50_000 && driver.ledger.events.last?.involvedObject.name == "p100")
    }

    @Test("Events stay an hour when their Pod is gone, and for good while it is there")
    func expiry() {
        var driver = Driver()
        _ = driver.tell("a", pod: "a")
        _ = driver.tell("b", pod: "b")
        #expect(driver.ledger.nextExpiry == nil)
        driver.seconds += 50_000
        let goneAt = driver.now.tick
        driver.ledger.podIsGone("uid-a", at: goneAt)
        #expect(driver.ledger.nextExpiry == goneAt + .seconds(3_600))
        #expect(driver.ledger.expire(at: goneAt + .seconds(3_599)) == [])
        #expect(driver.ledger.expire(at: goneAt + .seconds(3_600)).map(\.kind) == ["removed"])
        #expect(driver.shown == ["1 b"] && driver.ledger.nextExpiry == nil)
    }

    @Test("A Pod that comes back with its UID has its events again")
    func comesBack() {
        var driver = Driver()
        _ = driver.tell("a")
        driver.ledger.podIsGone("uid-web", at: driver.now.tick)
        _ = driver.tell("b")
        #expect(driver.ledger.nextExpiry == nil)
        #expect(driver.shown == ["1 a", "1 b"])
    }

    // MARK: Over a restart

    @Test("A restored ledger goes on counting, combining and naming where the one before was")
    func restored() {
        var driver = Driver()
        for number in 1...11 { _ = driver.tell("m\(number)") }
        var next = Driver()
        next.seconds = driver.seconds
        #expect(next.ledger.restore(driver.ledger.events) == [])
        #expect(next.shown == driver.shown)
        #expect(next.tell("m12").first?.isAddition == false)
        #expect(next.shown.last == "3 (combined from similar events): m12")
        _ = next.tell("m1")
        #expect(next.shown.last == "2 m1")
        // The clock was set back to when the first agent began.
        next.seconds = 1_000_000
        let names = Set(next.ledger.events.map(\.metadata.name))
        let added = next.tell("new", reason: "Other", after: 1).first?.event
        #expect(added.map { !names.contains($0.metadata.name) } == true)
    }

    @Test("At the beginning Pods that are not there count as gone, and the node does not")
    func presumed() {
        var driver = Driver()
        for name in ["a", "b"] { _ = driver.tell("x", pod: name) }
        _ = driver.tellNode("y")
        driver.ledger.presume(onlyPods: ["uid-b"], at: driver.now.tick)
        _ = driver.ledger.expire(at: driver.now.tick + .seconds(3_600))
        #expect(driver.ledger.events.map(\.involvedObject.name) == ["b", "n1"])
    }

    @Test("After the clock was set back nothing has happened last before it happened first")
    func clockSetBack() throws {
        var driver = Driver()
        _ = driver.tell("a")
        let event = try #require(driver.tell("a", after: -5_000).first?.event)
        #expect(event.lastTimestamp == driver.now.wall.truncatedToSeconds)
        #expect(event.firstTimestamp == event.lastTimestamp && event.count == 2)
    }

    // MARK: Messages

    @Test("A message that is too long is cut between two characters, and says so")
    func long() throws {
        var driver = Driver { $0.messageBytes = 9 }
        let event = try #require(driver.tell("äöüßäöüß").first?.event)
        #expect(event.message == "äöüß… (8 more bytes)")
        #expect(driver.tell("äöüßäöüß").first?.event?.count == 2)
    }

    @Test(
        "A container's ID is replaced by its name",
        arguments: [
            ("podagent://uid-web-12 failed", "app failed"),
            ("no podagent://uid-web-1, but podagent://uid-web-2x", "no app, but appx"),
            ("podagent://other-1", "podagent://other-1"),
            ("nothing", "nothing"),
        ]
    )
    func containerIDs(_ message: String, _ shown: String) {
        var driver = Driver()
        #expect(driver.tell(message, container: "app").first?.event?.message == shown)
    }
}

extension EventLedger.Change {
    var event: Event? {
        switch self {
        case .added(let event), .counted(let event): event
        case .removed: nil
        }
    }

    var isAddition: Bool { kind == "added" }

    var kind: String {
        switch self {
        case .added: "added"
        case .counted: "counted"
        case .removed: "removed"
        }
    }
}

import Testing

@testable import PodCore

/// A ledger under everything that may happen to it, in any order: it stays bounded, keeps its order, and no count is lost but
/// with an event that it says it has removed.
@Suite struct EventLedgerSeedTests {
    private struct World {
        var random: SplitMix
        var limits = EventLedger.Limits()
        var ledger: EventLedger
        /// What whoever carries out the changes has.
        var held: [String: Event] = [:]
        /// Names in the order in which their events last happened.
        var order: [String] = []
        var names: Set<String> = []
        var told = 0
        var removed = 0
        var tick = Tick(nanoseconds: 1_000_000_000)
        var wall = Timestamp(seconds: 1_700_000_000)

        init(seed: UInt64) {
            random = SplitMix(state: seed)
            limits.count = Int.random(in: 20...80, using: &random)
            limits.podCount = Int.random(in: 12...40, using: &random)
            limits.nodeCount = 30
            limits.bytes = Int.random(in: 20_000...90_000, using: &random)
            limits.objectBytes = limits.bytes / 2
            limits.messageBytes = 500
            ledger = EventLedger(nodeName: "n1", limits: limits)
        }

        mutating func step() {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<3: wall = wall + .seconds(Int.random(in: -100_000...100_000, using: &random))
            case 3..<6: pass(.seconds(Int.random(in: 0...1_200, using: &random)))
            case 6..<10:
                ledger.podIsGone("u\(Int.random(in: 0..<9, using: &random))", at: tick)
            case 10..<14: carryOut(ledger.expire(at: tick))
            case 14: restart()
            default: record()
            }
        }

        private mutating func pass(_ time: Duration) {
            tick = tick + time
            wall = wall + time
        }

        private mutating func record() {
            pass(.milliseconds(Int.random(in: 0...2_000, using: &random)))
            var object = ObjectReference()
            let number = Int.random(in: 0..<10, using: &random)
            object.kind = number == 9 ? "Node" : "Pod"
            object.name = "p\(number)"
            object.uid = number == 9 ? "" : "u\(number)"
            // One Pod is as noisy as can be.
            let words = number == 0 ? 10_000 : 30
            let length = Int.random(in: 0...900, using: &random)
            let message =
                "m\(Int.random(in: 0..<words, using: &random))"
                + String(repeating: "x", count: length / 300 * 300)
            let reason = "R\(Int.random(in: 0..<3, using: &random))"
            let kind: PodRecord.Kind = Bool.random(using: &random) ? .normal : .warning
            told += 1
            carryOut(
                ledger.record(
                    PodRecord(kind, reason, message),
                    about: object,
                    at: Moment(tick: tick, wall: wall)
                )
            )
        }

        private mutating func restart() {
            let before = ledger.events
            ledger = EventLedger(nodeName: "n1", limits: limits)
            carryOut(ledger.restore(before))
            ledger.presume(onlyPods: Set((0..<7).map { "u\($0)" }), at: tick)
        }

        private mutating func carryOut(_ changes: [EventLedger.Change]) {
            for change in changes {
                switch change {
                case .added(let event):
                    #expect(names.insert(event.metadata.name).inserted, "a name is used once")
                    held[event.metadata.name] = event
                    order.append(event.metadata.name)
                case .counted(let event):
                    let name = event.metadata.name
                    #expect(event.count == (held[name]?.count ?? -1) + 1)
                    held[name] = event
                    order.removeAll { $0 == name }
                    order.append(name)
                case .removed(let name):
                    let event = held.removeValue(forKey: name)
                    #expect(event != nil, "nothing is removed twice")
                    removed += Int(event?.count ?? 0)
                    order.removeAll { $0 == name }
                }
            }
        }

        func check() {
            let events = ledger.events
            #expect(events.map(\.metadata.name) == order, "the order is that in which they last happened")
            #expect(events == order.compactMap { held[$0] }, "what is told is what there is")
            #expect(held.values.reduce(0) { $0 + Int($1.count) } + removed == told, "no count is lost")
            #expect(ledger.count == events.count && ledger.count <= limits.count)
            #expect(ledger.bytes <= limits.bytes)
            for (kind, ofObject) in Dictionary(grouping: events, by: \.involvedObject.name) {
                #expect(ofObject.count <= (kind == "p9" ? limits.nodeCount : limits.podCount))
            }
            #expect(events.allSatisfy { ($0.firstTimestamp ?? wall) <= ($0.lastTimestamp ?? wall) })
            #expect(events.allSatisfy { $0.message.utf8.count <= 600 })
        }
    }

    @Test("Bounded, in order, and nothing is lost unless told", arguments: UInt64(1)...40)
    func seeds(seed: UInt64) {
        var world = World(seed: seed)
        for step in 0..<500 {
            world.step()
            // All that is told is checked; all that is kept now and then, for it takes longer than to make it.
            if step % 16 == 0 { world.check() }
        }
        world.check()
        #expect(world.told > 300)
    }

    @Test(
        "A Pod that makes a thousand events a second for a while has ten, and the others keep theirs"
    )
    func storm() {
        var ledger = EventLedger(nodeName: "n1")
        func pod(_ name: String) -> ObjectReference {
            var object = ObjectReference()
            object.kind = "Pod"
            object.name = name
            object.uid = name
            return object
        }
        func moment(_ milliseconds: Int) -> Moment {
            let wait = Duration.milliseconds(milliseconds)
            return Moment(tick: Tick(nanoseconds: 0) + wait, wall: Timestamp(seconds: 1_700_000_000) + wait)
        }
        for number in 0..<500 {
            let record = PodRecord(.normal, "Started", "Container started")
            _ = ledger.record(record, about: pod("quiet\(number)"), at: moment(number))
        }
        for number in 0..<5_000 {
            let record = PodRecord(.warning, "Unhealthy", "probe \(number) failed")
            _ = ledger.record(record, about: pod("noisy"), at: moment(1_000 + number))
        }
        #expect(ledger.count == 510)
        #expect(ledger.events.last.map { Int($0.count) } == 5_000 - 9)
    }
}

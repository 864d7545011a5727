import PodCore
import Testing

@testable import PodAgent

@Suite struct DeadlineListTests {
    @Test(
        "Those whose time has come are taken in the order of their time, each once, and the gone are passed over"
    )
    func order() {
        var seed = SplitMix(state: 7)
        var list = DeadlineList()
        var live: [UInt64: Tick] = [:]
        var now = Tick(nanoseconds: 0)
        for number in UInt64(0)..<5_000 {
            let deadline = now + .milliseconds(Int.random(in: 1...500, using: &seed))
            live[number] = deadline
            list.add(number, at: deadline)
            // Most end long before.
            for _ in 0..<2 where Int.random(in: 0..<3, using: &seed) > 0 {
                if let gone = live.keys.randomElement(using: &seed) { live[gone] = nil }
            }
            #expect(list.next(live: live.count) { live[$0] != nil } == live.values.min())
            now = now + .milliseconds(Int.random(in: 0...3, using: &seed))
            var last = Tick(nanoseconds: 0)
            for due in list.takeDue(at: now) {
                guard let deadline = live.removeValue(forKey: due) else { continue }
                #expect(deadline <= now && deadline >= last)
                last = deadline
            }
            #expect(live.values.allSatisfy { $0 > now })
        }
    }
}

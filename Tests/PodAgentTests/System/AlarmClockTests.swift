import Dispatch
import Synchronization
import Testing

@testable import PodAgent
@testable import PodCore

@Suite struct AlarmClockTests {
    /// What has rung, in order.
    @NodeActor
    private final class Bell {
        var rung: [Int] = []
        var alarms: [AlarmClock.Alarm] = []

        /// Alarms on the node's clock that note their number.
        func hang(_ count: Int) {
            for number in 0..<count {
                alarms.append(NodeActor.alarms.alarm { [weak self] in self?.rung.append(number) })
            }
        }
    }

    /// Returns when an alarm that is set to `due` has rung: all that were due before have as well.
    @NodeActor
    private func passes(_ due: Tick) async {
        var alarm: AlarmClock.Alarm?
        await withCheckedContinuation { continuation in
            alarm = NodeActor.alarms.alarm { continuation.resume() }
            alarm?.set(due)
        }
        alarm?.cancel()
    }

    @Test(
        "Alarms ring once each, in the order of their times, whatever order they were set in",
        arguments: 0..<20
    )
    @NodeActor
    func order(seed: Int) async {
        var random = SplitMix(state: UInt64(seed))
        let bell = Bell()
        bell.hang(200)
        let start = Clock.tick()
        // No two at one time, which could ring in either order.
        let times = (1...200).shuffled(using: &random).map { start + .microseconds($0 * 100) }
        var expected: [(Tick, Int)] = []
        for (number, alarm) in bell.alarms.enumerated() {
            alarm.set(start + .seconds(Int.random(in: 1...60, using: &random)))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: alarm.set(nil)
            case 1: alarm.cancel()
            default:
                alarm.set(times[number])
                expected.append((times[number], number))
            }
            if alarm.isCancelled { alarm.set(times[number]) }
        }
        await passes(start + .milliseconds(21))
        #expect(bell.rung == expected.sorted { $0.0 < $1.0 }.map(\.1))
        for alarm in bell.alarms { alarm.cancel() }
    }

    @Test("One that rings may cancel or put off others that are due at the same time")
    @NodeActor
    func others() async {
        let bell = Bell()
        bell.hang(3)
        let now = Clock.tick()
        let first = NodeActor.alarms.alarm {
            bell.alarms[0].cancel()
            bell.alarms[1].set(now + .seconds(600))
        }
        first.set(now)
        for (index, alarm) in bell.alarms.enumerated() { alarm.set(now + .nanoseconds(index + 1)) }
        await passes(now + .milliseconds(1))
        #expect(bell.rung == [2])
        #expect(bell.alarms[1].due == now + .seconds(600))
        bell.alarms[1].cancel()
    }

    @Test("One may be set for a time that has passed, also while it rings")
    @NodeActor
    func again() async {
        var count = 0
        await withCheckedContinuation { continuation in
            var alarm: AlarmClock.Alarm?
            alarm = NodeActor.alarms.alarm {
                count += 1
                if count < 5 { alarm?.set(Tick(nanoseconds: 0)) } else { continuation.resume() }
            }
            alarm?.set(Tick(nanoseconds: 0))
        }
        #expect(count == 5)
    }
}

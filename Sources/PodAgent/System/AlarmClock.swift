import Dispatch
import PodCore

/// All alarms of the node in one heap, and one Dispatch timer that is set to the first of them.
///
/// A node with a thousand probes a second sets a thousand alarms a second: to set one costs the logarithm of how many
/// there are, and the timer is touched only when another becomes the first.
@NodeActor
final class AlarmClock {
    /// Something that happens at a time, again and again as it is set.
    @NodeActor
    final class Alarm {
        /// When it rings; nil when it does not.
        fileprivate(set) var due: Tick?
        fileprivate var place: Int?
        fileprivate(set) var isCancelled = false
        private let clock: AlarmClock
        fileprivate let ring: () -> Void

        fileprivate init(_ clock: AlarmClock, _ ring: @escaping () -> Void) {
            self.clock = clock
            self.ring = ring
        }

        /// From now on rings at `due`, which may have passed, and not before; nil: not at all. Of no effect once it is
        /// cancelled.
        func set(_ due: Tick?) {
            if !isCancelled { clock.set(self, due) }
        }

        /// Never rings again.
        func cancel() {
            set(nil)
            isCancelled = true
        }
    }

    private let timer: any DispatchSourceTimer
    private var heap: [Alarm] = []
    private var timerAt: Tick?
    private var isRinging = false

    /// A clock without alarms, on the node's queue.
    init(queue: DispatchQueue) {
        timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler { [weak self] in
            NodeActor.assumeIsolated { self?.rang() }
        }
        timer.activate()
    }

    /// An alarm that is not set yet. It lives as long as somebody has it, or it is set.
    func alarm(_ ring: @escaping () -> Void) -> Alarm { Alarm(self, ring) }

    private func set(_ alarm: Alarm, _ due: Tick?) {
        if alarm.due == due { return }
        if let place = alarm.place { remove(at: place) }
        alarm.due = due
        if due != nil { insert(alarm) }
        if !isRinging { setTimer() }
    }

    private func rang() {
        timerAt = nil
        isRinging = true
        let now = Clock.tick()
        var due: [Alarm] = []
        while let first = heap.first, let time = first.due, time <= now {
            remove(at: 0)
            first.due = nil
            due.append(first)
        }
        // One of them may cancel another, or set it anew: then that does not ring now.
        for alarm in due where !alarm.isCancelled && alarm.due == nil { alarm.ring() }
        isRinging = false
        setTimer()
    }

    /// Dispatch counts on a clock that stops in suspend: when it rings early, it is set again.
    private func setTimer() {
        let due = heap.first?.due
        guard due != timerAt else { return }
        timerAt = due
        guard let due else { return timer.schedule(deadline: .distantFuture) }
        let wait = max(.zero, due - Clock.tick())
        timer.schedule(deadline: .now() + .nanoseconds(Int(wait.wholeNanoseconds)))
    }

    // MARK: The heap

    private func insert(_ alarm: Alarm) {
        heap.append(alarm)
        alarm.place = heap.count - 1
        rise(from: heap.count - 1)
    }

    private func remove(at place: Int) {
        heap[place].place = nil
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        last.place = place
        sink(from: place)
        rise(from: place)
    }

    private func rise(from start: Int) {
        var place = start
        while place > 0, isBefore(place, (place - 1) / 2) {
            exchange(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private func sink(from start: Int) {
        var place = start
        while true {
            let children = [2 * place + 1, 2 * place + 2].filter { $0 < heap.count }
            guard let first = children.min(by: isBefore), isBefore(first, place) else { return }
            exchange(first, place)
            place = first
        }
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        // All that are in the heap are set.
        (heap[a].due ?? .distantPast) < (heap[b].due ?? .distantPast)
    }

    private func exchange(_ a: Int, _ b: Int) {
        heap.swapAt(a, b)
        heap[a].place = a
        heap[b].place = b
    }
}

extension Tick {
    fileprivate static let distantPast = Tick(nanoseconds: .min)
}

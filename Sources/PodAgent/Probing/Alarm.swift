import CNamespaces
import Glibc
import PodCore

/// One timer, among the descriptors of an ``EventPoll``. Setting it costs one system call; a timer of Dispatch has another
/// thread woken for it.
final class Alarm {
    private let events: EventPoll
    private let timer: SharedDescriptor
    private var key: EventPoll.Key?
    private var setTo: Tick?

    /// Made at the beginning of the process, when there are descriptors.
    init(_ events: EventPoll, _ handler: @escaping @Sendable () -> Void) {
        self.events = events
        let raw = cns_timer_open()
        guard raw >= 0 else {
            fatalError("timerfd_create: \(errnoText(errno)); podagent cannot run without it")
        }
        timer = SharedDescriptor(Descriptor(adopting: raw))
        do throws(SystemFailure) {
            key = try events.add(raw, EPOLLIN, subject: "a timer") { _ in
                // Read, it is no longer ready; that it has gone off is all there is to know.
                var count: UInt64 = 0
                _ = Glibc.read(raw, &count, MemoryLayout.size(ofValue: count))
                handler()
            }
        } catch {
            fatalError("\(error); podagent cannot run without it")
        }
    }

    deinit { if let key { events.remove(key) } }

    /// From now on goes off at this time only; never with nil.
    func set(_ time: Tick?) {
        guard time != setTo else { return }
        setTo = time
        let code = cns_timer_set(timer.raw, time?.nanoseconds ?? .max)
        precondition(code == 0, "timerfd_settime fails only for times that are none")
    }

    /// It has gone off, and is off.
    func wentOff() { setTo = nil }
}

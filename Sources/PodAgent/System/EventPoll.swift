import CNamespaces
import Dispatch
import Glibc
import Synchronization

/// epoll(7) for descriptors whose other end may go away: sockets, pipes, terminals, pidfds. Handlers run on one serial
/// queue.
///
/// Dispatch's own sources are not for these on Linux. `EPOLLHUP` cannot be masked, and Dispatch answers it by taking the
/// source out of its books on the source's queue while its manager thread may still be reading them, which ends in a
/// crash now and then (swift-corelibs-libdispatch, issue 949). So Dispatch gets to see one descriptor that never hangs
/// up, that of an epoll instance of our own.
final class EventPoll: Sendable {
    /// Tells one registration from all others, past ones included.
    struct Key: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Registration {
        let descriptor: Int32
        let handler: @Sendable (Key) -> Void
    }

    private struct State {
        var registrations: [UInt64: Registration] = [:]
        var registrationsEver: UInt64 = 0
    }

    private static let batch = 64

    private let epoll: SharedDescriptor
    private let state = Mutex(State())
    // Dispatch objects may be used from any thread; the library only does not say so in their types.
    private nonisolated(unsafe) let source: any DispatchSourceRead

    /// Made at the beginning of the process, when there are descriptors.
    init(queue: DispatchQueue) {
        let raw = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard raw >= 0 else {
            fatalError("epoll_create1: \(errnoText(errno)); podagent cannot run without it")
        }
        let epoll = SharedDescriptor(Descriptor(adopting: raw))
        self.epoll = epoll
        source = DispatchSource.makeReadSource(fileDescriptor: raw, queue: queue)
        source.setEventHandler { [weak self] in self?.drain() }
        // The descriptor may be closed only after the source has let go of it.
        source.setCancelHandler { withExtendedLifetime(epoll) {} }
        source.activate()
    }

    deinit { source.cancel() }

    /// Calls `handler`, with the registration's key, on the queue whenever one of `events` is there: `EPOLLIN`, `EPOLLOUT`, with `EPOLLONESHOT` once
    /// until ``change(_:to:)``. A hang-up and an error are always told. Nothing else closes the descriptor before
    /// ``remove(_:)``.
    func add(
        _ descriptor: Int32,
        _ events: EPOLL_EVENTS...,
        subject: String,
        handler: @escaping @Sendable (Key) -> Void
    ) throws(SystemFailure) -> Key {
        let key = state.withLock { state in
            state.registrationsEver += 1
            state.registrations[state.registrationsEver] = Registration(
                descriptor: descriptor,
                handler: handler
            )
            return Key(number: state.registrationsEver)
        }
        do {
            try check("epoll_ctl", subject) {
                cns_epoll_control(epoll.raw, EPOLL_CTL_ADD, descriptor, Self.bits(events), key.number)
            }
        } catch {
            let refused = state.withLock { $0.registrations.removeValue(forKey: key.number) }
            withExtendedLifetime(refused) {}
            throw error
        }
        return key
    }

    /// From now on waits for these events. Of no effect after ``remove(_:)``.
    func change(_ key: Key, to events: EPOLL_EVENTS...) {
        state.withLock { state in
            guard let registration = state.registrations[key.number] else { return }
            // Cannot fail: the descriptor is registered, and changing takes no memory.
            _ = cns_epoll_control(
                epoll.raw,
                EPOLL_CTL_MOD,
                registration.descriptor,
                Self.bits(events),
                key.number
            )
        }
    }

    /// Ends a registration: on the queue its handler is not called any more, and elsewhere at most by a call that has
    /// begun. Then the descriptor may be closed. May be called again.
    func remove(_ key: Key) {
        // The handler is let go of outside the lock: what it holds may end with it.
        let removed = state.withLock { state -> Registration? in
            guard let registration = state.registrations.removeValue(forKey: key.number) else { return nil }
            _ = cns_epoll_control(epoll.raw, EPOLL_CTL_DEL, registration.descriptor, 0, 0)
            return registration
        }
        withExtendedLifetime(removed) {}
    }

    /// Registrations at this moment; for tests.
    var count: Int { state.withLock { $0.registrations.count } }

    private static func bits(_ events: [EPOLL_EVENTS]) -> UInt32 { events.reduce(0) { $0 | $1.rawValue } }

    /// What does not fit into one batch is told by the next call: the instance stays readable.
    private func drain() {
        var events = [epoll_event](repeating: epoll_event(), count: Self.batch)
        let count = epoll_wait(epoll.raw, &events, Int32(events.count), 0)
        // None when the wake-up was for what has been removed since, or when a signal came first.
        for event in events.prefix(max(0, Int(count))) {
            let handler = state.withLock { $0.registrations[event.data.u64]?.handler }
            handler?(Key(number: event.data.u64))
        }
    }
}

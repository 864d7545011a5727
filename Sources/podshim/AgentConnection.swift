import CNamespaces

/// The connection to podagent, while there is one.
///
/// Telling never waits: what the socket does not take at once is kept in order until it does. An agent that lets too
/// much of that gather is cut off, and learns everything from the replay when it comes back.
final class AgentConnection {
    static let waitingMax = 1024

    private let epoll: Int32
    private let datum: UInt64
    private var socket: Int32 = -1
    /// Keeps a number free for the next connection: a shim that has no descriptor left must still be reachable.
    private var reserve: Int32 = -1
    private var waiting: [(event: cns_event, descriptor: Int32)] = []
    /// Whether anybody ever connected.
    private(set) var wasUsed = false

    /// `datum` is what the epoll set says when there is something to do here.
    init(epoll: Int32, datum: UInt64) {
        self.epoll = epoll
        self.datum = datum
        reserve = cns_fcntl(epoll, F_DUPFD_CLOEXEC, 3)
    }

    var isOpen: Bool { socket >= 0 }

    /// Takes the next connection. The newest is podagent's: an earlier one belongs to an agent that is gone.
    func accept(from listener: Int32) {
        giveUpReserve()
        var connection = cns_accept(listener)
        if connection < 0 && (cns_errno() == EMFILE || cns_errno() == ENFILE) {
            hangUp()
            giveUpReserve()
            connection = cns_accept(listener)
        }
        if connection >= 0 && cns_peer_is_owner(connection) == 1 {
            hangUp()
            cns_set_nonblocking(connection)
            socket = connection
            wasUsed = true
            _ = cns_epoll_control(epoll, EPOLL_CTL_ADD, connection, EPOLLIN.rawValue, datum)
        } else if connection >= 0 {
            _ = close(connection)
        }
        takeReserve()
    }

    /// Receives one message; nil when there is none. A connection that has ended, or speaks another language, is closed.
    func receive(_ passed: inout Descriptors) -> cns_request? {
        guard socket >= 0 else { return nil }
        var request = cns_request()
        let size = passed.receive(from: socket, into: &request)
        if size < 0 && cns_errno() == EAGAIN { return nil }
        guard size == MemoryLayout<cns_request>.size, request.version == UInt32(CNS_WIRE_VERSION) else {
            hangUp()
            return nil
        }
        return request
    }

    /// Sends an event, with a descriptor beside it that stays the caller's.
    func tell(_ event: cns_event, descriptor: Int32) {
        guard socket >= 0 else { return }
        if waiting.isEmpty && transmit(event, descriptor) { return }
        guard socket >= 0 else { return }
        guard waiting.count < Self.waitingMax else { return hangUp() }
        waiting.append((event, descriptor < 0 ? -1 : cns_fcntl(descriptor, F_DUPFD_CLOEXEC, 3)))
        watchForRoom(true)
    }

    /// The socket has room again.
    func flush() {
        while let next = waiting.first {
            guard transmit(next.event, next.descriptor) else { return }
            guard !waiting.isEmpty else { return }  // hung up on the way
            if next.descriptor >= 0 { _ = close(next.descriptor) }
            waiting.removeFirst()
        }
        if socket >= 0 { watchForRoom(false) }
    }

    /// False when the socket takes no more for now. One that is broken is closed, and there is nothing left to send.
    private func transmit(_ event: cns_event, _ descriptor: Int32) -> Bool {
        var event = event
        var descriptor = descriptor
        let count: Int32 = descriptor >= 0 ? 1 : 0
        if cns_send(socket, &event, MemoryLayout<cns_event>.size, &descriptor, count) == 0 { return true }
        if cns_errno() == EAGAIN { return false }
        hangUp()
        return true
    }

    private func watchForRoom(_ wanted: Bool) {
        let events = wanted ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
        _ = cns_epoll_control(epoll, EPOLL_CTL_MOD, socket, events, datum)
    }

    private func hangUp() {
        guard socket >= 0 else { return }
        // A child that is just being born still has a copy: closing ours would not end the connection.
        _ = shutdown(socket, cns_shutdown_both)
        _ = close(socket)
        socket = -1
        for (_, descriptor) in waiting where descriptor >= 0 { _ = close(descriptor) }
        waiting = []
        takeReserve()
    }

    private func takeReserve() {
        if reserve < 0 { reserve = cns_fcntl(epoll, F_DUPFD_CLOEXEC, 3) }
    }

    private func giveUpReserve() {
        if reserve >= 0 { _ = close(reserve) }
        reserve = -1
    }
}

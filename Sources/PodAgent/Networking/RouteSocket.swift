import CNamespaces
import Glibc
import PodCore

/// A socket of rtnetlink(7) for questions and orders, in the network namespace of the agent. One asker at a time.
final class RouteSocket: Sendable {
    private let descriptor: SharedDescriptor

    /// What the kernel tells at once is at most this long: it makes datagrams of lists no larger (`NLMSG_GOODSIZE`,
    /// and 32 KiB when the reader has room for it).
    private static let datagramMax = 64 << 10
    /// How often a list that changed while it was told is asked for again. Whatever changed it is also news, which has
    /// everything looked at once more.
    private static let roundsMax = 5

    init() throws(SystemFailure) {
        descriptor = SharedDescriptor(
            Descriptor(adopting: try check("socket", "rtnetlink") { cns_netlink_ask() })
        )
    }

    /// Has it done. Throws what the kernel says.
    func order(_ message: NetlinkMessage) throws(SystemFailure) {
        let bytes = message.bytes
        try check("netlink", message.summary) { cns_netlink(descriptor.raw, bytes, bytes.count) }
    }

    /// Asks, and returns the answer without its end.
    func ask(_ message: NetlinkMessage) throws(SystemFailure) -> [NetlinkNews] {
        for _ in 0..<Self.roundsMax {
            if let whole = try answer(message) { return whole }
        }
        throw SystemFailure(call: "netlink", subject: message.summary, errno: EINTR)
    }

    /// Nil for a list that may not be whole.
    private func answer(_ message: NetlinkMessage) throws(SystemFailure) -> [NetlinkNews]? {
        let bytes = message.bytes
        try check("netlink", message.summary) { cns_netlink_send(descriptor.raw, bytes, bytes.count) }
        var buffer = [UInt8](repeating: 0, count: Self.datagramMax)
        var (answer, isInterrupted): ([NetlinkNews], Bool) = ([], false)
        while true {
            let count = try check("netlink", message.summary) {
                cns_netlink_receive(descriptor.raw, &buffer, buffer.count)
            }
            let datagram = NetlinkDatagram(buffer[..<count])
            isInterrupted = isInterrupted || datagram.isInterrupted
            for news in datagram.news {
                guard case .failure(let code) = news else {
                    answer.append(news)
                    continue
                }
                if code == 0 { return isInterrupted ? nil : answer }
                throw SystemFailure(call: "netlink", subject: message.summary, errno: code)
            }
        }
    }

    /// The link that a message asks for; nil if there is none.
    func link(_ message: NetlinkMessage) throws(SystemFailure) -> NetlinkLink? {
        do throws(SystemFailure) {
            return try ask(message).compactMap { if case .link(let link) = $0 { link } else { nil } }.first
        } catch  where error.errno == ENODEV {
            return nil
        }
    }

    /// The routes that a message asks for; none where there is not even a table, or no such family.
    func routes(_ message: NetlinkMessage) throws(SystemFailure) -> [NetlinkRoute] {
        do throws(SystemFailure) {
            return try ask(message).compactMap { if case .route(let route) = $0 { route } else { nil } }
        } catch  where [ENOENT, EAFNOSUPPORT, EOPNOTSUPP].contains(error.errno) {
            return []
        }
    }

    /// The permanent neighbours that a message asks for.
    func neighbours(_ message: NetlinkMessage) throws(SystemFailure) -> [NetlinkNeighbour] {
        try ask(message).compactMap { if case .neighbour(let neighbour) = $0 { neighbour } else { nil } }
    }
}

/// Tells on the node's queue what happens to links and routes, for as long as it lives.
@NodeActor
final class RouteNews {
    /// Messages are short; should one not fit, it counts as lost.
    private static let datagramMax = 32 << 10
    /// What does not fit into one turn of the queue is told by the next.
    private static let batch = 64

    private let descriptor: SharedDescriptor
    private var key: EventPoll.Key?

    /// - Parameter receive: gets what came; nil when some was lost, because more came than the socket holds.
    init(receive: @escaping @NodeActor ([NetlinkNews]?) -> Void) throws(SystemFailure) {
        let raw = try check("socket", "news of links and routes") { cns_netlink_listen() }
        let descriptor = SharedDescriptor(Descriptor(adopting: raw))
        self.descriptor = descriptor
        key = try NodeActor.events.add(raw, EPOLLIN, subject: "news of links and routes") { _ in
            NodeActor.assumeIsolated { receive(Self.read(descriptor)) }
        }
    }

    isolated deinit {
        if let key { NodeActor.events.remove(key) }
    }

    private static func read(_ descriptor: SharedDescriptor) -> [NetlinkNews]? {
        var buffer = [UInt8](repeating: 0, count: datagramMax)
        var news: [NetlinkNews] = []
        for _ in 0..<batch {
            let count = cns_netlink_receive(descriptor.raw, &buffer, buffer.count)
            if count < 0 { return errno == EAGAIN || errno == EINTR ? news : nil }
            news += NetlinkDatagram(buffer[..<count]).news
        }
        return news
    }
}

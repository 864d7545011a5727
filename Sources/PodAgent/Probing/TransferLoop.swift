import CCurl
import CNamespaces
import Glibc
import PodCore

/// libcurl's transfers, driven by an ``EventPoll``: libcurl says which descriptors it waits for and until when, and is
/// called when they are ready or when it is time. On one queue.
final class TransferLoop {
    private let events: EventPoll
    /// Made with the first transfer: a node without any need not wait for libcurl to find its bearings.
    private var made: UnsafeMutableRawPointer?
    private var keys: [curl_socket_t: EventPoll.Key] = [:]
    private var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
    /// libcurl wants to be called at once, which it may not be while it calls.
    private var isDue = false
    /// When libcurl wants to be called; nil when it does not.
    private(set) var wakesAt: Tick?
    /// Called when a descriptor has been dealt with.
    var afterEvent: () -> Void = {}

    init(_ events: EventPoll) { self.events = events }

    private var multi: UnsafeMutableRawPointer {
        if let made { return made }
        // A transfer has been made by now, so there is a library.
        guard let multi = curl_multi_init() else { fatalError("curl_multi_init: no memory") }
        made = multi
        let own = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, own)
        ccurl_multi_set_socket_watcher(multi) { easy, socket, what, own, _ in
            guard let own else { return 0 }
            Unmanaged<TransferLoop>.fromOpaque(own).takeUnretainedValue().watch(socket, what, for: easy)
            return 0
        }
        ccurl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, own)
        ccurl_multi_set_timer(multi) { _, milliseconds, own in
            guard let own else { return 0 }
            Unmanaged<TransferLoop>.fromOpaque(own).takeUnretainedValue().wake(in: milliseconds)
            return 0
        }
        return multi
    }

    deinit {
        guard let made else { return }
        for easy in transfers.keys { curl_multi_remove_handle(made, easy) }
        curl_multi_cleanup(made)
        for key in keys.values { events.remove(key) }
    }

    /// Transfers under way, and descriptors that are watched for them; for tests.
    var counts: (transfers: Int, descriptors: Int) { (transfers.count, keys.count) }

    /// Begins one. Its owner hears of its end, perhaps before this returns.
    func add(_ transfer: Transfer) {
        transfers[transfer.easy] = transfer
        let code = curl_multi_add_handle(multi, transfer.easy)
        precondition(code == CURLM_OK, "curl_multi_add_handle: \(String(cString: curl_multi_strerror(code)))")
        settle()
    }

    /// Ends one without a word to its owner. Not from within libcurl's calls.
    func remove(_ transfer: Transfer) {
        guard transfers.removeValue(forKey: transfer.easy) != nil else { return }
        curl_multi_remove_handle(multi, transfer.easy)
    }

    /// It is ``wakesAt``, or later.
    func wake() {
        isDue = true
        settle()
    }

    private func ready(_ socket: curl_socket_t) {
        var running: Int32 = 0
        // Without saying for what: libcurl looks.
        curl_multi_socket_action(multi, socket, 0, &running)
        settle()
        afterEvent()
    }

    private func wake(in milliseconds: Int) {
        switch milliseconds {
        case ..<0: (isDue, wakesAt) = (false, nil)
        case 0: (isDue, wakesAt) = (true, nil)
        default: wakesAt = Clock.tick() + .milliseconds(milliseconds)
        }
    }

    /// Lets libcurl do what it wants done at once, and tells the owners of what has ended.
    private func settle() {
        repeat {
            while isDue {
                (isDue, wakesAt) = (false, nil)
                var running: Int32 = 0
                curl_multi_socket_action(multi, Self.nobody, 0, &running)
            }
            tellEnds()
        } while isDue
    }

    private static let nobody = curl_socket_t(-1)

    private func tellEnds() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left)?.pointee {
            guard message.msg == CURLMSG_DONE, let easy = message.easy_handle,
                let transfer = transfers.removeValue(forKey: easy)
            else { continue }
            let code = message.data.result
            curl_multi_remove_handle(multi, easy)
            transfer.owner?.ended(transfer, code)
        }
    }

    private func watch(_ socket: curl_socket_t, _ what: Int32, for easy: UnsafeMutableRawPointer?) {
        let wanted: [EPOLL_EVENTS] =
            switch what {
            case CURL_POLL_IN: [EPOLLIN]
            case CURL_POLL_OUT: [EPOLLOUT]
            case CURL_POLL_INOUT: [EPOLLIN, EPOLLOUT]
            default: []
            }
        if wanted.isEmpty {
            if let key = keys.removeValue(forKey: socket) { events.remove(key) }
            return
        }
        let bits = EPOLL_EVENTS(wanted.reduce(0) { $0 | $1.rawValue })
        if let key = keys[socket] { return events.change(key, to: bits) }
        do throws(SystemFailure) {
            // The loop is on the poll's queue alone, and outlives its registrations.
            nonisolated(unsafe) weak let loop = self
            keys[socket] = try events.add(socket, bits, subject: "a probe's connection") { _ in
                loop?.ready(socket)
            }
        } catch {
            // libcurl would end all transfers if it were told. So this one waits for its time to end.
            easy.flatMap { transfers[$0] }?.isUnwatched(error)
        }
    }
}

import CCurl
import Glibc
import PodCore

/// Who a transfer reports to. All calls come on the prober's queue; the first two from within libcurl.
protocol TransferOwner: AnyObject {
    /// A line of headers or trailers. Returns whether to go on.
    func received(header line: UnsafeBufferPointer<UInt8>) -> Bool
    /// A part of the body. Returns whether to go on.
    func received(body bytes: UnsafeBufferPointer<UInt8>) -> Bool
    /// It is over, and out of the loop. Also when the owner did not want to go on.
    func ended(_ transfer: Transfer, _ code: CURLcode)
}

/// One request of libcurl's, on a connection of its own that is closed with it.
final class Transfer: CurlHandle {
    private let place: NetworkPlace
    private(set) weak var owner: (any TransferOwner)?
    /// Why there is no socket, or none that is watched; nil when there was no such trouble.
    private(set) var socketFailure: SystemFailure?
    /// The last socket that was made for it. It is libcurl's.
    private(set) var socket: Int32?
    /// Whether the first message of TLS was answered in plain HTTP.
    private(set) var sawPlainHTTP = false

    /// nil when libcurl cannot take it: there is no memory, or the URL has megabytes.
    init?(to url: String, from place: NetworkPlace, for owner: any TransferOwner) {
        self.place = place
        self.owner = owner
        super.init(url: url)
        restrict()
        observe()
    }

    /// Nobody will tell when its socket is ready.
    func isUnwatched(_ failure: SystemFailure) { socketFailure = failure }

    /// Nothing of what libcurl may bring along from the environment or from earlier, and nowhere but where it is sent.
    private func restrict() {
        set(CURLOPT_PROXY, "")
        set(CURLOPT_FRESH_CONNECT, 1)
        set(CURLOPT_FORBID_REUSE, 1)
        set(CURLOPT_DNS_CACHE_TIMEOUT, 0)
        set(CURLOPT_PATH_AS_IS, 1)
        // What is no HTTP is shown as a body without headers, so that it can be told.
        set(CURLOPT_HTTP09_ALLOWED, 1)
        set(CURLOPT_SSL_VERIFYPEER, 0)
        set(CURLOPT_SSL_VERIFYHOST, 0)
        set(CURLOPT_SSL_SESSIONID_CACHE, 0)
        // Nothing of the node's is read for certificates that nobody checks.
        _ = ccurl_set_text(easy, CURLOPT_CAINFO, nil)
        _ = ccurl_set_text(easy, CURLOPT_CAPATH, nil)
    }

    private func observe() {
        let own = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_pointer(easy, CURLOPT_HEADERDATA, own)
        ccurl_set_pointer(easy, CURLOPT_WRITEDATA, own)
        ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, own)
        ccurl_set_receiver(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, own in
            Transfer.receive(bytes, size * count, own) { $0.received(header: $1) }
        }
        ccurl_set_receiver(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, own in
            Transfer.receive(bytes, size * count, own) { $0.received(body: $1) }
        }
        ccurl_set_socket_maker(easy) { own, _, address in
            guard let own, let address else { return -1 }
            return Transfer.from(own).makeSocket(address.pointee)
        }
    }

    /// Has the answer to the first message of TLS looked at. libcurl only says that it was none.
    func watchTLS() {
        ccurl_set_pointer(easy, CURLOPT_DEBUGDATA, Unmanaged.passUnretained(self).toOpaque())
        ccurl_set_witness(easy) { _, kind, bytes, count, own in
            guard kind == CURLINFO_SSL_DATA_IN, let own, let bytes else { return 0 }
            let start = UnsafeRawBufferPointer(start: bytes, count: count)
            if start.starts(with: "HTTP/".utf8) { Transfer.from(own).sawPlainHTTP = true }
            return 0
        }
        set(CURLOPT_VERBOSE, 1)
    }

    private func makeSocket(_ address: curl_sockaddr) -> Int32 {
        // Of TCP alone: no path of a URL leads to a socket of the file system.
        guard [AF_INET, AF_INET6].contains(address.family) else { return -1 }
        do throws(SystemFailure) {
            let made = try place.socket(family: address.family, type: address.socktype)
            let raw = made.release()
            socket = raw
            return raw
        } catch {
            socketFailure = error
            return -1
        }
    }

    private static func from(_ own: UnsafeMutableRawPointer) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(own).takeUnretainedValue()
    }

    /// Fewer bytes than came end the transfer.
    private static func receive(
        _ bytes: UnsafeMutablePointer<CChar>?,
        _ count: Int,
        _ own: UnsafeMutableRawPointer?,
        _ body: (any TransferOwner, UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Int {
        guard let own, let bytes, count > 0, let owner = from(own).owner else { return 0 }
        let goesOn = bytes.withMemoryRebound(to: UInt8.self, capacity: count) {
            body(owner, UnsafeBufferPointer(start: $0, count: count))
        }
        return goesOn ? count : 0
    }
}

import CCurl
import Glibc
import PodCore

/// A request to a registry, a token server or a storage server.
struct HTTPFetchRequest {
    var method = "GET"
    var url: String
    var headers: [(name: String, value: String)] = []
    /// A form that is posted.
    var form: [UInt8]?
    /// How the host is to be recognised, and what it is shown.
    var host = RegistryConfiguration.Host()
    var isLoopback = false
}

/// Sends one request after the other from the thread that it is used on, and keeps connections between them. Waits in
/// libcurl; a cancellation wakes it.
final class HTTPFetcher {
    let cancellation: PullCancellation
    fileprivate let multi: UnsafeMutableRawPointer
    private let handler: Int
    /// How the transfers have ended whose owners have not looked yet.
    fileprivate var outcomes: [UnsafeMutableRawPointer: CURLcode] = [:]

    private struct Waker: @unchecked Sendable {
        // curl_multi_wakeup may be called from any thread.
        let multi: UnsafeMutableRawPointer
    }

    init(_ cancellation: PullCancellation) {
        precondition(CurlHandle.library == CURLE_OK, "libcurl does not begin")
        guard let multi = curl_multi_init() else { fatalError("curl_multi_init: no memory") }
        self.multi = multi
        self.cancellation = cancellation
        let waker = Waker(multi: multi)
        handler = cancellation.add { curl_multi_wakeup(waker.multi) }
    }

    deinit {
        cancellation.remove(handler)
        curl_multi_cleanup(multi)
    }

    /// Sends a request and returns when the headers of its answer are there.
    func send(_ request: HTTPFetchRequest) throws(RegistryProblem) -> HTTPFetchAnswer {
        let answer = HTTPFetchAnswer(request, self)
        guard let answer else {
            throw .malformed(url: request.url.withoutQuery, reason: "libcurl does not take this URL")
        }
        try answer.awaitHead()
        return answer
    }

    /// Waits for so long, or until the pull is cancelled.
    func pause(milliseconds: Int32) throws(RegistryProblem) {
        let end = Clock.tick() + .milliseconds(Int(milliseconds))
        while !cancellation.isCancelled {
            let left = (end - Clock.tick()).wholeNanoseconds / 1_000_000
            guard left > 0 else { return }
            curl_multi_poll(multi, nil, 0, Int32(left), nil)
        }
        throw .cancelled
    }
}

/// An answer, whose body comes as it is asked for.
final class HTTPFetchAnswer: CurlHandle {
    /// libcurl gives at most so much at once.
    private static let pieceMax = 256 << 10
    /// What has come and was not asked for yet. When it is full, libcurl stops reading.
    private static let bufferSize = 1 << 20

    let url: String
    private let fetcher: HTTPFetcher
    private var head = HTTPHeadReader()
    private var headFailure: String?
    private(set) var status = 0
    /// By name in lower case.
    private(set) var headers: [String: String] = [:]
    private var isHeadComplete = false
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 16)
    private var used = 0
    private var isHandedOut = false
    private var isPaused = false
    private var outcome: CURLcode?

    fileprivate init?(_ request: HTTPFetchRequest, _ fetcher: HTTPFetcher) {
        url = request.url.withoutQuery
        self.fetcher = fetcher
        super.init(url: request.url)
        configure(request)
        receive()
        let code = curl_multi_add_handle(fetcher.multi, easy)
        precondition(code == CURLM_OK, "curl_multi_add_handle: \(String(cString: curl_multi_strerror(code)))")
    }

    deinit {
        curl_multi_remove_handle(fetcher.multi, easy)
        fetcher.outcomes[easy] = nil
        buffer.deallocate()
    }

    private func configure(_ request: HTTPFetchRequest) {
        set(CURLOPT_USERAGENT, "podagent/\(PodAgentVersion.text)")
        set(CURLOPT_CONNECTTIMEOUT, 30)
        // A server that has brought next to nothing for a minute is taken for gone.
        set(CURLOPT_LOW_SPEED_LIMIT, 1024)
        set(CURLOPT_LOW_SPEED_TIME, 60)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        // What a proxy says of a tunnel is not the answer.
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_BUFFERSIZE, Self.pieceMax)
        set(CURLOPT_PATH_AS_IS, 1)
        _ = speak(Int(CURL_HTTP_VERSION_1_1))
        // The environment's proxies are for what is elsewhere.
        if request.isLoopback { set(CURLOPT_PROXY, "") }
        if let file = request.host.authoritiesFile { set(CURLOPT_CAINFO, file) }
        if let file = request.host.certificateFile {
            set(CURLOPT_SSLCERT, file)
            set(CURLOPT_SSLKEY, request.host.keyFile ?? file)
        }
        switch request.method {
        case "HEAD": set(CURLOPT_NOBODY, 1)
        case "POST": post(request.form ?? [])
        default: set(CURLOPT_HTTPGET, 1)
        }
        for header in request.headers { addHeader(header.name, header.value) }
    }

    private func receive() {
        let own = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_pointer(easy, CURLOPT_HEADERDATA, own)
        ccurl_set_pointer(easy, CURLOPT_WRITEDATA, own)
        ccurl_set_receiver(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, own in
            guard let own, let bytes else { return 0 }
            let answer = Unmanaged<HTTPFetchAnswer>.fromOpaque(own).takeUnretainedValue()
            let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return line.withMemoryRebound(to: UInt8.self) { answer.take(header: $0) } ? size * count : 0
        }
        ccurl_set_receiver(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, own in
            guard let own, let bytes else { return 0 }
            let answer = Unmanaged<HTTPFetchAnswer>.fromOpaque(own).takeUnretainedValue()
            return answer.take(body: UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
    }

    private func take(header line: UnsafeBufferPointer<UInt8>) -> Bool {
        do throws(NetworkFailure) {
            switch try head.read(line) {
            case .more: break
            case .header(let name, let value):
                if !isHeadComplete, headers[name.lowercased()] == nil { headers[name.lowercased()] = value }
            case .endOfHead(let head):
                // The headers of an answer that was passed over, such as a proxy's, are not this one's.
                status = head.status
                isHeadComplete = true
            }
            return true
        } catch {
            headFailure = "\(error)"
            return false
        }
    }

    private func take(body bytes: UnsafeRawBufferPointer) -> Int {
        guard used + bytes.count <= buffer.count else {
            isPaused = true
            return Int(CURL_WRITEFUNC_PAUSE)
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyMemory(from: bytes)
        used += bytes.count
        return bytes.count
    }

    fileprivate func awaitHead() throws(RegistryProblem) {
        while !isHeadComplete, outcome == nil { try turn() }
        if let outcome, !isHeadComplete { throw failure(outcome) }
    }

    /// Lets libcurl do what can be done, and waits if that was nothing.
    private func turn() throws(RegistryProblem) {
        guard !fetcher.cancellation.isCancelled else { throw .cancelled }
        var running: Int32 = 0
        let before = used
        let code = curl_multi_perform(fetcher.multi, &running)
        guard code == CURLM_OK else {
            throw .unreachable(url: url, reason: String(cString: curl_multi_strerror(code)))
        }
        var left: Int32 = 0
        while let message = curl_multi_info_read(fetcher.multi, &left)?.pointee {
            guard message.msg == CURLMSG_DONE, let ended = message.easy_handle else { continue }
            fetcher.outcomes[ended] = message.data.result
        }
        outcome = fetcher.outcomes.removeValue(forKey: easy)
        if outcome != nil || used > before || isPaused { return }
        // Woken by the server, by libcurl's own timers, or by a cancellation.
        let polled = curl_multi_poll(fetcher.multi, nil, 0, 60_000, nil)
        guard polled == CURLM_OK else {
            throw .unreachable(url: url, reason: String(cString: curl_multi_strerror(polled)))
        }
    }

    /// The next bytes of the body, empty at its end; valid until the next call.
    func next() throws(RegistryProblem) -> UnsafeRawBufferPointer {
        if isHandedOut {
            used = 0
            if isPaused {
                isPaused = false
                curl_easy_pause(easy, CURLPAUSE_CONT)
            }
        }
        // The first bytes may have come with the head.
        isHandedOut = true
        while used == 0, outcome == nil { try turn() }
        if used == 0, let outcome, outcome != CURLE_OK { throw failure(outcome) }
        return UnsafeRawBufferPointer(rebasing: buffer[..<used])
    }

    /// The whole body.
    func body(limit: Int) throws(RegistryProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try next()
            if piece.isEmpty { return bytes }
            guard bytes.count + piece.count <= limit else {
                throw .malformed(url: url, reason: "the answer is longer than \(limit) bytes")
            }
            bytes += piece
        }
    }

    /// Where a redirect leads, absolute; known when the body has been read.
    var redirectURL: String? {
        var text: UnsafePointer<CChar>?
        guard ccurl_get_text(easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK, let text else { return nil }
        return String(cString: text)
    }

    private func failure(_ code: CURLcode) -> RegistryProblem {
        if let headFailure { return .malformed(url: url, reason: headFailure) }
        return .unreachable(url: url, reason: explanation(of: code))
    }
}

extension String {
    /// A URL as it may be shown: queries have keys in them, and users passwords.
    var withoutQuery: String {
        let shown = String(prefix { $0 != "?" && $0 != "#" })
        guard let start = shown.firstRange(of: "://")?.upperBound else { return shown }
        let authority = shown[start...].prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return shown }
        return String(shown[..<start] + shown[shown.index(after: at)...])
    }
}

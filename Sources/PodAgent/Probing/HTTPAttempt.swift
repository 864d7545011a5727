import CCurl
import PodCore

/// An HTTP call: carries out the steps of an ``HTTPExchange`` by transfers, one after another.
final class HTTPAttempt: NetworkAttempt {
    private let http: HTTPCall
    private let context: AttemptContext
    private var exchange: HTTPExchange?
    private var transfer: Transfer?
    private var address = ""
    private var response = Response()

    /// What has come of the current transfer's.
    private struct Response {
        var reader = HTTPHeadReader()
        var head: HTTPExchange.Head?
        var body: [UInt8] = []
        /// What comes next, if it is clear before the transfer's end.
        var next: Next?
    }

    private enum Next {
        case step(HTTPExchange.Step)
        case failure(NetworkFailure)
        /// There is as much of the body as is read.
        case bodyRead
    }

    init(_ http: HTTPCall, _ context: AttemptContext) {
        self.http = http
        self.context = context
    }

    func start() {
        let (exchange, step) = HTTPExchange.begin(http, in: context.call)
        self.exchange = exchange
        perform(step)
    }

    func expire() -> ProbeOutcome {
        let own = transfer?.ownFailure
        let head = response.head
        abandon()
        return outcome(of: own ?? (head == nil ? .headersTimeout : .bodyTimeout), after: head)
    }

    func abandon() {
        if let transfer { context.loop.remove(transfer) }
        transfer = nil
    }

    private func perform(_ step: HTTPExchange.Step) {
        switch step {
        case .send(let request): send(request)
        case .done(let outcome): context.finish(outcome)
        // Comes only while a transfer is under way, which then goes on.
        case .readBody: break
        }
    }

    private func send(_ request: HTTPProbeRequest) {
        response = Response()
        address = request.location.address
        let url = request.location.description
        guard let transfer = Transfer(to: url, from: context.place, for: self) else {
            return context.finish(.error("libcurl does not take the request"))
        }
        self.transfer = transfer
        transfer.addHeader("Host", request.host)
        // libcurl's own are taken out, and not given twice.
        let own = ["Accept", "User-Agent"].filter { name in !request.headers.contains { $0.name == name } }
        for name in own { transfer.addHeader(name, nil) }
        for header in request.headers { transfer.addHeader(header.name, header.value) }
        let isSecure = request.location.scheme == .https
        if isSecure { transfer.watchTLS() }
        // Like Go's client: HTTP/2 with those that offer it by ALPN, and with nobody else.
        if !isSecure || !transfer.speak(CURL_HTTP_VERSION_2TLS) { _ = transfer.speak(CURL_HTTP_VERSION_1_1) }
        context.loop.add(transfer)
    }

    private func outcome(of failure: NetworkFailure, after head: HTTPExchange.Head?) -> ProbeOutcome {
        guard case .done(let outcome) = exchange?.failed(failure, after: head) else {
            return .failure("\(failure)")
        }
        return outcome
    }
}

extension HTTPAttempt: TransferOwner {
    func received(header line: UnsafeBufferPointer<UInt8>) -> Bool {
        do throws(NetworkFailure) {
            guard case .endOfHead(let head) = try response.reader.read(line) else { return true }
            response.head = head
            let step = exchange?.received(head) ?? .readBody
            if step == .readBody { return true }
            response.next = .step(step)
        } catch {
            response.next = .failure(error)
        }
        return false
    }

    func received(body bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard response.head != nil else {
            response.next = .failure(.malformed(Self.beginning(of: bytes)))
            return false
        }
        response.body += bytes.prefix(HTTPExchange.bodyMax - response.body.count)
        guard response.body.count >= HTTPExchange.bodyMax else { return true }
        response.next = .bodyRead
        return false
    }

    func ended(_ transfer: Transfer, _ code: CURLcode) {
        let response = self.response
        self.transfer = nil
        switch response.next {
        case .step(let step): perform(step)
        case .failure(let failure): fail(failure, after: response.head)
        case .bodyRead: complete(response)
        case nil where code == CURLE_OK: complete(response)
        case nil:
            let failure = transfer.failure(
                code,
                host: context.call.host,
                address: address,
                hasHead: response.head != nil
            )
            fail(failure, after: response.head)
        }
    }

    private func complete(_ response: Response) {
        guard let head = response.head, let exchange else { return fail(.closed, after: nil) }
        perform(.done(exchange.received(response.body, after: head)))
    }

    private func fail(_ failure: NetworkFailure, after head: HTTPExchange.Head?) {
        if let step = exchange?.failed(failure, after: head) { perform(step) }
    }

    /// Its first line, as far as it says something.
    private static func beginning(of bytes: UnsafeBufferPointer<UInt8>) -> String {
        let line = bytes.prefix(80).prefix { $0 != 0x0A && $0 != 0x0D }
        return String(decoding: line, as: UTF8.self)
    }
}

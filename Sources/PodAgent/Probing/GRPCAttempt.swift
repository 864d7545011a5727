import CCurl
import CNamespaces
import PodCore

/// A call of the gRPC health service: one request of HTTP/2, without TLS and without asking for HTTP/2 by HTTP/1 first.
final class GRPCAttempt: NetworkAttempt {
    private let service: String
    private let context: AttemptContext
    private var transfer: Transfer?
    private var reader = HTTPHeadReader()
    private var answer = GRPCAnswer()
    private var failure: NetworkFailure?

    init(service: String, _ context: AttemptContext) {
        self.service = service
        self.context = context
    }

    func start() {
        let call = context.call
        let url = "http://\(call.address)\(GRPCHealth.path)"
        guard let transfer = Transfer(to: url, from: context.place, for: self) else {
            return context.finish(.error("libcurl does not take the request"))
        }
        guard transfer.speak(CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE) else {
            return context.finish(.error("this libcurl is built without HTTP/2, which gRPC needs"))
        }
        transfer.addHeader("User-Agent", call.purpose.userAgent)
        transfer.addHeader("Content-Type", "application/grpc")
        transfer.addHeader("TE", "trailers")
        transfer.addHeader("Grpc-Timeout", GRPCHealth.timeoutHeader(call.timeout))
        transfer.addHeader("Accept", nil)
        transfer.addHeader("Expect", nil)
        transfer.post(GRPCHealth.request(service: service))
        self.transfer = transfer
        context.loop.add(transfer)
    }

    func expire() -> ProbeOutcome {
        let isConnected = hasHeardOfServer
        let own = transfer?.ownFailure
        abandon()
        if let own { return GRPCAnswer.failed(connectingTo: context.call.address, own) }
        if isConnected { return GRPCAnswer.lateAnswer(context.call.timeout) }
        return GRPCAnswer.noConnection(to: context.call.address, within: context.call.timeout)
    }

    func abandon() {
        if let transfer { context.loop.remove(transfer) }
        transfer = nil
    }

    /// A connection is one for gRPC when the server has sent its settings, which it does at once.
    private var hasHeardOfServer: Bool {
        guard let socket = transfer?.socket else { return false }
        return cns_bytes_received(socket) > 0
    }
}

extension GRPCAttempt: TransferOwner {
    func received(header line: UnsafeBufferPointer<UInt8>) -> Bool {
        do throws(NetworkFailure) {
            switch try reader.read(line) {
            case .more: break
            case .header(let name, let value): answer.received(header: name, value: value)
            case .endOfHead(let head): answer.httpStatus = head.status
            }
            return true
        } catch {
            failure = error
            return false
        }
    }

    func received(body bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        answer.body += bytes
        if answer.body.count <= GRPCHealth.answerMax { return true }
        failure = .other("grpc: received message larger than max (\(GRPCHealth.answerMax))")
        return false
    }

    func ended(_ transfer: Transfer, _ code: CURLcode) {
        self.transfer = nil
        context.finish(outcome(transfer, code))
    }

    private func outcome(_ transfer: Transfer, _ code: CURLcode) -> ProbeOutcome {
        let call = context.call
        if let failure { return GRPCAnswer.failed(.unavailable, "\(failure)") }
        if code == CURLE_OK { return answer.outcome(timeout: call.timeout) }
        let failure = transfer.failure(
            code,
            host: call.host,
            address: call.address,
            hasHead: answer.httpStatus != nil
        )
        // Without so much as a status there was nobody who speaks gRPC.
        if answer.httpStatus == nil { return GRPCAnswer.failed(connectingTo: call.address, failure) }
        return GRPCAnswer.failed(.unavailable, "\(failure)")
    }
}

import CCurl
import PodCore

extension Transfer {
    /// What libcurl's code means for whom `location` names.
    ///
    /// - Parameter hasHead: whether the response's headers were through.
    func failure(_ code: CURLcode, host: String, address: String, hasHead: Bool) -> NetworkFailure {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST: .noSuchHost(host)
        case CURLE_COULDNT_CONNECT: connectFailure(address)
        case CURLE_SSL_CONNECT_ERROR: sawPlainHTTP ? .plainHTTP : .tls(explanation(of: code))
        case CURLE_GOT_NOTHING: .closed
        case CURLE_PARTIAL_FILE: .truncated
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR: .broken(reason: reason(code))
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY: .malformed("")
        // A line that is longer than libcurl takes.
        case CURLE_OUT_OF_MEMORY where !hasHead, ccurl_too_large where !hasHead:
            .headersTooLong(max: HTTPHeadReader.bytesMax)
        // libcurl's own limit for connecting, five minutes.
        case CURLE_OPERATION_TIMEDOUT: hasHead ? .bodyTimeout : .headersTimeout
        case CURLE_FAILED_INIT: .unable("libcurl: \(explanation(of: code))")
        default: .other(explanation(of: code))
        }
    }

    /// What the socket's own trouble is, if that is why there is no answer.
    var ownFailure: NetworkFailure? {
        guard let socketFailure else { return nil }
        return socketFailure.isShortage ? .unable("\(socketFailure)") : .other("\(socketFailure)")
    }

    private func connectFailure(_ address: String) -> NetworkFailure {
        if let ownFailure { return ownFailure }
        let code = Int32(truncatingIfNeeded: number(CURLINFO_OS_ERRNO))
        let failure = SystemFailure(call: "connect", subject: address, errno: code)
        if failure.isShortage { return .unable("\(failure)") }
        if code == 0 { return .other(explanation(of: CURLE_COULDNT_CONNECT)) }
        return .connect(to: address, reason: errnoText(code))
    }

    /// "Recv failure: Connection reset by peer": what comes after the colon.
    private func reason(_ code: CURLcode) -> String {
        let text = explanation(of: code)
        guard let colon = text.firstRange(of: ": ") else { return text }
        return String(text[colon.upperBound...])
    }
}

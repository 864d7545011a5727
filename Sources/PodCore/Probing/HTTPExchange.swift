/// The course of one HTTP attempt: which request is next, and what it has come to.
///
/// ```
///                 ┌──── a redirect within the host ────┐
///                 ▼                                    │
///   first ─▶ request ─▶ headers ─▶ all that is needed? ┤
///                 ▲          │                         └─▶ outcome
///                 │          └─ body, up to 10 KiB ─▶ outcome
///                 └─ a hook's HTTPS is answered in plain HTTP
/// ```
public struct HTTPExchange: Hashable, Sendable {
    /// Bytes of a body that are read. More is left where it is, which is no failure (reference §5.4, HTTP 6).
    public static let bodyMax = 10 << 10
    /// Bytes of a `Location` header that are followed, and told about.
    static let locationMax = 8 << 10
    /// Requests to one host, after which another redirect is a failure.
    private static let requestsMax = 10

    /// The headers of a response, as far as they matter.
    public struct Head: Hashable, Sendable {
        /// Its status code.
        public var status: Int
        /// The value of `Location`; nil when there is none.
        public var location: String?

        /// Makes one.
        public init(status: Int, location: String? = nil) {
            self.status = status
            self.location = location
        }
    }

    /// What is to be done.
    public enum Step: Hashable, Sendable {
        /// Send this next, on a new connection.
        case send(HTTPProbeRequest)
        /// The body is needed.
        case readBody
        /// That is all.
        case done(ProbeOutcome)
    }

    private let purpose: NetworkCall.Purpose
    private let call: HTTPCall
    /// Whose name all requests go to.
    private let host: String
    private var request: HTTPProbeRequest
    private var requests = 1
    private var hasFallenBack = false

    /// Begins one; with the first request, or with what it has come to without any.
    public static func begin(_ call: HTTPCall, in network: NetworkCall) -> (HTTPExchange?, Step) {
        let location = HTTPLocation(
            scheme: call.scheme,
            host: network.host,
            port: network.port,
            target: call.target
        )
        do throws(HTTPProbeRequest.Failure) {
            let request = try HTTPProbeRequest(call, at: location, purpose: network.purpose)
            let exchange = HTTPExchange(
                purpose: network.purpose,
                call: call,
                host: network.host,
                request: request
            )
            return (exchange, .send(request))
        } catch {
            return (nil, .done(.failure(failureText(location.description, "\(error)"))))
        }
    }

    /// The headers of the answer to the request are there.
    public mutating func received(_ head: Head) -> Step {
        if [301, 302, 303, 307, 308].contains(head.status), let location = head.location, !location.isEmpty {
            if let step = follow(location) { return step }
        }
        // What comes after is no part of the answer to these, and who sends it slowly wants it to be waited for.
        if purpose == .probe && !(200..<400).contains(head.status) {
            return .done(.failure("HTTP probe failed with statuscode: \(head.status)"))
        }
        return .readBody
    }

    /// The body is there, or as much of it as is read. Only after ``Step/readBody``.
    public func received(_ body: [UInt8], after head: Head) -> ProbeOutcome {
        switch purpose {
        case .hook: return success
        case .probe:
            if head.status < 300 { return .success }
            let text = String(decoding: body, as: UTF8.self)
            return .warning("Probe terminated redirects, Response body: \(text)")
        }
    }

    /// There was no answer, or of its body not all; `head` is what was there of it.
    public mutating func failed(_ failure: NetworkFailure, after head: Head?) -> Step {
        // A hook's response was one as soon as its headers were there.
        if purpose == .hook, head != nil { return .done(success) }
        if purpose == .hook, failure == .plainHTTP, !hasFallenBack {
            hasFallenBack = true
            request.location.scheme = .http
            // What was meant to be read under TLS only.
            request.headers.removeAll { $0.name == "Authorization" }
            return .send(request)
        }
        if failure.isOwn { return .done(.error(failure.description)) }
        return .done(.failure(Self.failureText(request.location.description, failure.description)))
    }

    private var success: ProbeOutcome {
        guard hasFallenBack else { return .success }
        let place = request.location.address
        return .warning(
            "request to HTTPS lifecycle hook \(place) got HTTP response, retry with HTTP succeeded"
        )
    }

    /// nil when the response that redirects is the last one.
    private mutating func follow(_ text: String) -> Step? {
        func fails(_ place: String, _ reason: String) -> Step {
            .done(.failure(Self.failureText(place, reason)))
        }
        guard text.utf8.count <= Self.locationMax else {
            let reason = "failed to parse Location header: longer than \(Self.locationMax) bytes"
            return fails(request.location.description, reason)
        }
        switch request.location.destination(of: text) {
        case .malformed:
            let reason = "failed to parse Location header \(text.quoted): invalid URL"
            return fails(request.location.description, reason)
        case .otherHost:
            return nil
        case .otherScheme, .location:
            if requests >= Self.requestsMax {
                return fails(text, "stopped after \(Self.requestsMax) redirects")
            }
        }
        switch request.location.destination(of: text) {
        case .otherScheme(let scheme): return fails(text, "unsupported protocol scheme \(scheme.quoted)")
        case .location(let location):
            advance(to: location, isAbsolute: HTTPReference(text)?.scheme != nil)
            return .send(request)
        case .malformed, .otherHost: return nil
        }
    }

    /// As Go's client goes on: with the same headers, a `Host` of the user's only while the references are relative, and a
    /// `Referer` unless it would tell what was asked under TLS.
    private mutating func advance(to location: HTTPLocation, isAbsolute: Bool) {
        let last = request.location
        requests += 1
        if isAbsolute || request.host == last.authority { request.host = location.authority }
        request.location = location
        guard !call.headers.contains(where: { $0.name.lowercased() == "referer" }) else { return }
        request.headers.removeAll { $0.name == "Referer" }
        if last.scheme == .http || location.scheme == .https {
            request.headers.append(HTTPHeader(name: "Referer", value: last.description))
        }
    }

    private static func failureText(_ place: String, _ reason: String) -> String {
        "Get \(place.quoted): \(reason)"
    }
}

/// What went wrong on the way to an answer. The words are those of Go's network library, which people know from the
/// kubelet's events and search for.
public enum NetworkFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nobody knows the name.
    case noSuchHost(String)
    /// The connection was refused, or nobody is there; with the C library's words for the error number.
    case connect(to: String, reason: String)
    /// No connection in time.
    case connectTimeout(to: String)
    /// Connected, but the headers did not come in time; of HTTP also: not connected in time.
    case headersTimeout
    /// The headers came, but the body's end did not.
    case bodyTimeout
    /// The connection was closed before there was an answer.
    case closed
    /// The connection was closed before the body had its end.
    case truncated
    /// The connection broke; with the C library's words for the error number.
    case broken(reason: String)
    /// No TLS was agreed on.
    case tls(String)
    /// An HTTP response to the first message of TLS.
    case plainHTTP
    /// What came is no answer; with its beginning.
    case malformed(String)
    /// More than this many bytes of headers.
    case headersTooLong(max: Int)
    /// Anything else, in words.
    case other(String)
    /// This node lacks what it takes to ask: descriptors, memory, ports.
    case unable(String)

    /// In words.
    public var description: String {
        switch self {
        case .noSuchHost(let name): "dial tcp: lookup \(name): no such host"
        case .connect(let address, let reason): "dial tcp \(address): connect: \(Self.inGo(reason))"
        case .connectTimeout(let address): "dial tcp \(address): i/o timeout"
        case .headersTimeout: "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        case .bodyTimeout:
            "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
        case .closed: "EOF"
        case .truncated: "unexpected EOF"
        case .broken(let reason): "read: \(Self.inGo(reason))"
        case .tls(let reason): "tls: \(reason)"
        case .plainHTTP: "http: server gave HTTP response to HTTPS client"
        case .malformed(let beginning):
            "net/http: HTTP/1.x transport connection broken: malformed HTTP response \(beginning.quoted)"
        case .headersTooLong(let max): "net/http: server response headers exceeded \(max) bytes; aborted"
        case .other(let reason), .unable(let reason): reason
        }
    }

    /// Whether it says nothing about who was asked.
    public var isOwn: Bool {
        if case .unable = self { true } else { false }
    }

    /// What a TCP probe that failed so has come to.
    public var outcome: ProbeOutcome { isOwn ? .error(description) : .failure(description) }

    /// Go begins the C library's words with a small letter.
    private static func inGo(_ reason: String) -> String {
        reason.prefix(1).lowercased() + reason.dropFirst()
    }
}

/// How much and how long one client may ask for.
struct HTTPLimits: Sendable {
    /// Connections at a time. One more is answered with 503 and closed.
    var connections = 256
    /// Bytes of a request's line and headers together.
    var headBytes = 32_768
    /// Lines of headers.
    var headerCount = 100
    /// Bytes of a request's body.
    var bodyBytes = 16 * 1_048_576
    /// Bytes of all bodies that are being read at a time.
    var bodyBytesTotal = 64 * 1_048_576
    /// How long a connection may be idle between two requests.
    var idle = Duration.seconds(120)
    /// How long a head may take from its first byte to its last.
    var head = Duration.seconds(10)
    /// How long a body may take from its first byte to its last.
    var body = Duration.seconds(60)
    /// How long an answer may be stuck because its reader does not read.
    var answer = Duration.seconds(60)
    /// How long a stream (log, watch, exec) may move nothing in either direction: the kubelet's
    /// `streamingConnectionIdleTimeout`. Somebody may be reading a log in a pager.
    var streamIdle = Duration.seconds(4 * 3600)
}

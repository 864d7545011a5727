/// What has come of the answer to a gRPC health request, and what it means in the kubelet's words (reference §5.4).
public struct GRPCAnswer: Hashable, Sendable {
    /// The status of HTTP; nil until there was one.
    public var httpStatus: Int?
    /// The header `content-type`.
    public var contentType: String?
    /// `grpc-status`, of the headers or the trailers.
    public var grpcStatus: String?
    /// `grpc-message`, still in its escapes.
    public var grpcMessage: String?
    /// The body, up to ``GRPCHealth/answerMax``.
    public var body: [UInt8] = []

    /// Nothing yet.
    public init() {}

    /// Takes what matters of a header or a trailer.
    public mutating func received(header name: String, value: String) {
        switch name.lowercased() {
        case "content-type": contentType = value
        case "grpc-status": grpcStatus = value
        case "grpc-message": grpcMessage = value
        default: break
        }
    }

    /// What an answer that is complete means.
    public func outcome(timeout: Duration) -> ProbeOutcome {
        let (code, message) = status
        switch code {
        case .ok: break
        case .unimplemented:
            let text =
                "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
            return .failure("\(text): \(message)")
        case .deadlineExceeded: return Self.lateAnswer(timeout)
        default: return Self.failed(code, message)
        }
        guard let status = GRPCHealth.status(in: body) else {
            return Self.failed(.internalError, "grpc: failed to unmarshal the received message")
        }
        if status == .serving { return .success }
        return .failure("service unhealthy (responded with \(status.description.quoted))")
    }

    /// No connection, or none that speaks HTTP/2, in time.
    public static func noConnection(to address: String, within timeout: Duration) -> ProbeOutcome {
        let text = "timeout: failed to connect service \(address.quoted) within \(timeout.inGo)"
        return .failure("\(text): context deadline exceeded")
    }

    /// Connected, but no answer in time.
    public static func lateAnswer(_ timeout: Duration) -> ProbeOutcome {
        .failure("timeout: health rpc did not complete within \(timeout.inGo)")
    }

    /// No connection.
    public static func failed(connectingTo address: String, _ failure: NetworkFailure) -> ProbeOutcome {
        if failure.isOwn { return failure.outcome }
        return .failure("error: failed to connect service at \(address.quoted): \(failure)")
    }

    /// Connected, and then no whole answer.
    public static func failed(_ code: Code, _ message: String) -> ProbeOutcome {
        .failure("error: health rpc probe failed: rpc error: code = \(code) desc = \(message)")
    }

    /// A code of gRPC, by its number.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The number in `grpc-status`.
        public let rawValue: UInt32

        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        static let ok = Code(rawValue: 0)
        static let unknown = Code(rawValue: 2)
        static let deadlineExceeded = Code(rawValue: 4)
        static let permissionDenied = Code(rawValue: 7)
        static let unimplemented = Code(rawValue: 12)
        static let internalError = Code(rawValue: 13)
        /// The service cannot be reached.
        public static let unavailable = Code(rawValue: 14)
        static let unauthenticated = Code(rawValue: 16)

        private static let names = [
            "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
            "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange",
            "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
        ]

        /// Its name as gRPC for Go prints it.
        public var description: String {
            rawValue < UInt32(Self.names.count) ? Self.names[Int(rawValue)] : "Code(\(rawValue))"
        }
    }

    /// From the trailers, or, of what is no answer of gRPC, from HTTP (gRPC's http-grpc-status-mapping).
    private var status: (Code, String) {
        let isGRPC = contentType?.lowercased().hasPrefix("application/grpc") ?? false
        if httpStatus == 200 && isGRPC {
            guard let number = grpcStatus.flatMap({ UInt32($0) }) else {
                return (.internalError, "server closed the stream without sending trailers")
            }
            return (Code(rawValue: number), Self.unescaped(grpcMessage ?? ""))
        }
        let kind = contentType.map { "unexpected content-type \($0.quoted)" } ?? "missing HTTP content-type"
        guard let httpStatus else { return (.unavailable, "no response") }
        if httpStatus == 200 { return (.unknown, "transport: \(kind)") }
        let code: Code =
            switch httpStatus {
            case 400: .internalError
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .unimplemented
            case 429, 502, 503, 504: .unavailable
            default: .unknown
            }
        return (code, "unexpected HTTP status code received from server: \(httpStatus); \(kind)")
    }

    /// Undoes the escapes of `grpc-message`; what is no escape stands for itself.
    private static func unescaped(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let byte = UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                result.append(byte)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension Duration {
    /// As Go prints durations: `1s`, `1.5s`, `250ms`, `1m30s`, `1h0m0s`. Below a millisecond nothing is told.
    public var inGo: String {
        let milliseconds = max(0, wholeNanoseconds / 1_000_000)
        if milliseconds > 0 && milliseconds < 1_000 { return "\(milliseconds)ms" }
        let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000)
        let digits = String(1_000 + rest).dropFirst()
        let fraction = rest == 0 ? "" : "." + String(digits.reversed().drop { $0 == "0" }.reversed())
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60)
        let text = "\(seconds % 60)\(fraction)s"
        if hours > 0 { return "\(hours)h\(minutes)m\(text)" }
        return minutes > 0 ? "\(minutes)m\(text)" : text
    }
}

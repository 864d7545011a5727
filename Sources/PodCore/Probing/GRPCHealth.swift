/// The bytes of grpc.health.v1.Health/Check: a message of protocol buffers behind five bytes of its own, by HTTP/2.
public enum GRPCHealth {
    /// Where the request is posted to.
    public static let path = "/grpc.health.v1.Health/Check"
    /// Bytes of an answer that are read. One that is right has two, and what gRPC puts in front.
    public static let answerMax = 4 << 10

    /// The body of the request: `HealthCheckRequest { string service = 1; }`. A field that is empty is left out.
    public static func request(service: String) -> [UInt8] {
        let name = Array(service.utf8)
        let message = name.isEmpty ? [] : [0x0A] + varint(UInt64(name.count)) + name
        let length = UInt32(message.count)
        return [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + message
    }

    /// The value of `grpc-timeout`, which has at most eight digits: milliseconds, or seconds if it is more than a day.
    public static func timeoutHeader(_ timeout: Duration) -> String {
        let milliseconds = max(1, timeout.wholeNanoseconds / 1_000_000)
        return milliseconds < 100_000_000
            ? "\(milliseconds)m" : "\(min(milliseconds / 1_000, 99_999_999))S"
    }

    /// How a service says that it is.
    public enum ServingStatus: Hashable, Sendable, CustomStringConvertible {
        case unknown
        case serving
        case notServing
        case serviceUnknown
        /// One of a later version.
        case other(Int32)

        /// The number of the protocol.
        init(_ number: Int32) {
            self =
                switch number {
                case 0: .unknown
                case 1: .serving
                case 2: .notServing
                case 3: .serviceUnknown
                default: .other(number)
                }
        }

        /// Its name in the protocol.
        public var description: String {
            switch self {
            case .unknown: "UNKNOWN"
            case .serving: "SERVING"
            case .notServing: "NOT_SERVING"
            case .serviceUnknown: "SERVICE_UNKNOWN"
            case .other(let number): "\(number)"
            }
        }
    }

    /// Reads the body of an answer: `HealthCheckResponse { ServingStatus status = 1; }`. nil when it is none.
    public static func status(in body: [UInt8]) -> ServingStatus? {
        // No compression was offered.
        guard body.count >= 5, body[0] == 0 else { return nil }
        let length = body[1...4].reduce(0) { $0 << 8 | Int($1) }
        guard body.count >= 5 + length else { return nil }
        var message = body[5..<5 + length]
        var status = ServingStatus.unknown
        while !message.isEmpty {
            guard let tag = takeVarint(&message) else { return nil }
            switch (tag >> 3, tag & 7) {
            case (1, 0):
                guard let number = takeVarint(&message) else { return nil }
                status = ServingStatus(Int32(truncatingIfNeeded: number))
            case (1..., let kind):
                guard skip(kind, &message) else { return nil }
            default: return nil
            }
        }
        return status
    }

    private static func varint(_ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = number
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        return nil
    }

    /// Passes over a field of a later version, by its wire type.
    private static func skip(_ kind: UInt64, _ bytes: inout ArraySlice<UInt8>) -> Bool {
        let count: UInt64
        switch kind {
        case 0: return takeVarint(&bytes) != nil
        case 1: count = 8
        case 2:
            guard let length = takeVarint(&bytes) else { return false }
            count = length
        case 5: count = 4
        default: return false
        }
        guard count <= UInt64(bytes.count) else { return false }
        bytes = bytes.dropFirst(Int(count))
        return true
    }
}

/// A request that failed, as Kubernetes says it: the `Status` object that the client is answered with.
public struct StatusFailure: Error, Equatable, Sendable {
    /// The machine-readable reason, Kubernetes' `metav1.StatusReason`. The raw values are what goes over the wire.
    public enum Reason: String, Sendable, CaseIterable {
        case badRequest = "BadRequest"
        case forbidden = "Forbidden"
        case notFound = "NotFound"
        case methodNotAllowed = "MethodNotAllowed"
        case notAcceptable = "NotAcceptable"
        case timeout = "Timeout"
        case alreadyExists = "AlreadyExists"
        case conflict = "Conflict"
        case expired = "Expired"
        case requestEntityTooLarge = "RequestEntityTooLarge"
        case unsupportedMediaType = "UnsupportedMediaType"
        case invalid = "Invalid"
        case tooManyRequests = "TooManyRequests"
        case internalError = "InternalError"
        case serviceUnavailable = "ServiceUnavailable"
        /// A process run by exec ended with another code than 0.
        case nonZeroExitCode = "NonZeroExitCode"
        /// Kubernetes' empty reason: the code says all there is to say.
        case unknown = ""

        /// The HTTP status that goes with the reason.
        public var code: Int {
            switch self {
            case .badRequest: 400
            case .forbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .notAcceptable: 406
            case .alreadyExists, .conflict: 409
            case .expired: 410
            case .requestEntityTooLarge: 413
            case .unsupportedMediaType: 415
            case .invalid: 422
            case .tooManyRequests: 429
            case .internalError, .nonZeroExitCode, .unknown: 500
            case .serviceUnavailable: 503
            case .timeout: 504
            }
        }
    }

    /// What kind of failure it is.
    public var reason: Reason
    /// The HTTP status, ``Reason/code`` unless something else was asked for.
    public var code: Int
    /// For people: one sentence.
    public var message: String
    /// The name of the object that the request was about; may be empty.
    public var name: String
    /// Its kind, in Kubernetes the resource's plural or the kind; may be empty.
    public var kind: String
    /// The causes, if there are several or a machine is to read them.
    public var causes: [StatusCause]

    /// Makes a failure; `code` follows from the reason unless it is given.
    public init(
        _ reason: Reason,
        _ message: String,
        code: Int? = nil,
        name: String = "",
        kind: String = "",
        causes: [StatusCause] = []
    ) {
        self.reason = reason
        self.code = code ?? reason.code
        self.message = message
        self.name = name
        self.kind = kind
        self.causes = causes
    }
}

extension StatusFailure {
    /// `pods "x" not found`, 404.
    public static func notFound(_ resource: String, _ name: String) -> StatusFailure {
        StatusFailure(.notFound, "\(resource) \(name.quoted) not found", name: name, kind: resource)
    }

    /// `pods "x" already exists`, 409.
    public static func alreadyExists(_ resource: String, _ name: String) -> StatusFailure {
        StatusFailure(.alreadyExists, "\(resource) \(name.quoted) already exists", name: name, kind: resource)
    }

    /// 400 with a sentence of its own.
    public static func badRequest(_ message: String) -> StatusFailure { StatusFailure(.badRequest, message) }

    /// `Pod "x" is invalid: …`, 422, with every mistake as a cause of its own.
    public static func invalid(kind: String, name: String, _ errors: [FieldError]) -> StatusFailure {
        let texts = errors.map(\.description)
        let text = texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
        return StatusFailure(
            .invalid,
            "\(kind) \(name.quoted) is invalid: \(text)",
            name: name,
            kind: kind,
            causes: errors.map { error in
                StatusCause(
                    reason: error.kind.causeReason,
                    message: error.message,
                    field: error.path.description
                )
            }
        )
    }

    /// `too old resource version: 5 (10)`, 410: a watch cannot go on from there, list again.
    public static func expired(_ wanted: UInt64, oldest: UInt64) -> StatusFailure {
        StatusFailure(.expired, "too old resource version: \(wanted) (\(oldest))")
    }

    /// 500. What is wrong with us and not with the request.
    public static func internalError(_ message: String) -> StatusFailure {
        StatusFailure(.internalError, "Internal error occurred: \(message)")
    }
}

extension StatusFailure: CustomStringConvertible {
    /// The sentence for people.
    public var description: String { message }
}

extension StatusFailure {
    /// The `v1.Status` object.
    public var status: Status {
        var status = Status()
        status.status = "Failure"
        status.message = message
        status.reason = reason.rawValue
        status.code = Int32(clamping: code)
        if !name.isEmpty || !kind.isEmpty || !causes.isEmpty {
            var details = StatusDetails()
            details.name = name
            details.kind = kind
            details.causes = causes
            status.details = details
        }
        return status
    }

    /// Reads a Status back; nil when it does not tell of a failure. A reason that this version does not know becomes
    /// ``Reason/unknown``; the message and the code say what it meant.
    public init?(_ status: Status) {
        guard status.status == "Failure" else { return nil }
        self.init(
            Reason(rawValue: status.reason) ?? .unknown,
            status.message,
            code: status.code == 0 ? nil : Int(status.code),
            name: status.details?.name ?? "",
            kind: status.details?.kind ?? "",
            causes: status.details?.causes ?? []
        )
    }
}

extension StatusCause {
    /// Names one cause.
    public init(reason: String, message: String, field: String = "") {
        self.init()
        self.reason = reason
        self.message = message
        self.field = field
    }
}

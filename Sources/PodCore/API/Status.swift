/// The answer to a request that does not return an object.
public struct Status: KubernetesObject {
    /// The HTTP status code.
    public var code: Int32 = 0
    /// What it is about.
    public var details: StatusDetails?
    /// What happened, for people.
    public var message = ""
    /// Empty.
    public var metadata = ListMeta()
    /// What happened, in one word.
    public var reason = ""
    /// `Success` or `Failure`.
    public var status = ""

    /// Makes one with nothing set.
    public init() {}

    /// `Status`.
    public static let kind = "Status"
    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Status>([
        .constant("apiVersion", "v1"),
        .constant("kind", "Status"),
        .field("code", \.code),
        .field("details", \.details),
        .field("message", \.message),
        .field("metadata", \.metadata),
        .field("reason", \.reason),
        .field("status", \.status),
    ])
}

/// What a Status is about.
public struct StatusDetails: APIObject {
    /// The single mistakes.
    public var causes: [StatusCause] = []
    /// The API group.
    public var group = ""
    /// The kind, or the resource.
    public var kind = ""
    /// The name.
    public var name = ""
    /// Seconds after which to try again.
    public var retryAfterSeconds: Int32 = 0
    /// The UID.
    public var uid = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<StatusDetails>([
        .field("causes", \.causes),
        .field("group", \.group),
        .field("kind", \.kind),
        .field("name", \.name),
        .field("retryAfterSeconds", \.retryAfterSeconds),
        .field("uid", \.uid),
    ])
}

/// One mistake.
public struct StatusCause: APIObject {
    /// The field.
    public var field = ""
    /// What is wrong, for people.
    public var message = ""
    /// What is wrong, in one word.
    public var reason = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<StatusCause>([
        .field("field", \.field),
        .field("message", \.message),
        .field("reason", \.reason),
    ])
}

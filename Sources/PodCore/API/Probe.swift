/// A question asked of a container at intervals.
public struct Probe: APIObject {
    /// Run a command; exit code 0 is a yes.
    public var exec: ExecAction?
    /// How many failures in a row count as failed.
    public var failureThreshold: Int32 = 3
    /// Ask the gRPC health service.
    public var grpc: GRPCAction?
    /// Fetch a page; status 200 to 399 is a yes.
    public var httpGet: HTTPGetAction?
    /// Seconds after the start before the first question.
    public var initialDelaySeconds: Int32 = 0
    /// Seconds between questions.
    public var periodSeconds: Int32 = 10
    /// How many successes in a row count as succeeded.
    public var successThreshold: Int32 = 1
    /// Connect to a port.
    public var tcpSocket: TCPSocketAction?
    /// Replaces the Pod's grace period when this probe ends the container.
    public var terminationGracePeriodSeconds: Int64?
    /// Seconds to wait for an answer.
    public var timeoutSeconds: Int32 = 1

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Probe>([
        .field("exec", \.exec),
        .field("failureThreshold", \.failureThreshold),
        .field("grpc", \.grpc),
        .field("httpGet", \.httpGet),
        .field("initialDelaySeconds", \.initialDelaySeconds),
        .field("periodSeconds", \.periodSeconds),
        .field("successThreshold", \.successThreshold),
        .field("tcpSocket", \.tcpSocket),
        .field("terminationGracePeriodSeconds", \.terminationGracePeriodSeconds),
        .field("timeoutSeconds", \.timeoutSeconds),
    ])
}

/// A command run in a container.
public struct ExecAction: APIObject {
    /// The program and its arguments; no shell is involved.
    public var command: [String] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ExecAction>([
        .field("command", \.command)
    ])
}

/// An HTTP GET request.
public struct HTTPGetAction: APIObject {
    /// The host to connect to; the Pod's address when empty.
    public var host = ""
    /// Headers to send.
    public var httpHeaders: [HTTPHeader] = []
    /// The path; `/` when empty.
    public var path = ""
    /// The port, by number or by name.
    public var port: IntOrString = .int(0)
    /// HTTP or HTTPS.
    public var scheme: URIScheme = .http

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<HTTPGetAction>([
        .field("host", \.host),
        .field("httpHeaders", \.httpHeaders),
        .field("path", \.path),
        .field("port", \.port),
        .field("scheme", \.scheme),
    ])
}

/// The scheme of a request.
public enum URIScheme: String, APIEnum {
    /// Plain HTTP.
    case http = "HTTP"
    /// HTTP over TLS; the certificate is not verified.
    case https = "HTTPS"
}

/// A header of a request.
public struct HTTPHeader: APIObject, Hashable {
    /// The name.
    public var name = ""
    /// The value.
    public var value = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<HTTPHeader>([
        .field("name", \.name, always: true),
        .field("value", \.value, always: true),
    ])
}

/// A connection to a port.
public struct TCPSocketAction: APIObject {
    /// The host to connect to; the Pod's address when empty.
    public var host = ""
    /// The port, by number or by name.
    public var port: IntOrString = .int(0)

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<TCPSocketAction>([
        .field("host", \.host),
        .field("port", \.port),
    ])
}

/// A call of the gRPC health service.
public struct GRPCAction: APIObject {
    /// The port.
    public var port: Int32 = 0
    /// The service to ask about.
    public var service: String? = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<GRPCAction>([
        .field("port", \.port, always: true),
        .field("service", \.service),
    ])
}

/// Waiting.
public struct SleepAction: APIObject {
    /// How long.
    public var seconds: Int64 = 0

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<SleepAction>([
        .field("seconds", \.seconds, always: true)
    ])
}

/// What runs after a container's start and before its end.
public struct Lifecycle: APIObject {
    /// Right after the start.
    public var postStart: LifecycleHandler?
    /// Before SIGTERM.
    public var preStop: LifecycleHandler?
    /// The signal instead of SIGTERM.
    public var stopSignal: String?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Lifecycle>([
        .field("postStart", \.postStart),
        .field("preStop", \.preStop),
        .field("stopSignal", \.stopSignal),
    ])
}

/// What to do at a point of a container's life; one of these.
public struct LifecycleHandler: APIObject {
    /// Run a command in the container.
    public var exec: ExecAction?
    /// Send a request.
    public var httpGet: HTTPGetAction?
    /// Wait.
    public var sleep: SleepAction?
    /// Accepted by the API and always fails.
    public var tcpSocket: TCPSocketAction?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<LifecycleHandler>([
        .field("exec", \.exec),
        .field("httpGet", \.httpGet),
        .field("sleep", \.sleep),
        .field("tcpSocket", \.tcpSocket),
    ])
}

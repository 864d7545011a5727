/// Something that happened to an object.
public struct Event: KubernetesObject {
    /// What was done; of newer events.
    public var action = ""
    /// How often it happened.
    public var count: Int32 = 0
    /// When it was first seen; of newer events, null otherwise.
    public var eventTime: MicroTime?
    /// When it first happened.
    public var firstTimestamp: Timestamp?
    /// To what it happened.
    public var involvedObject = ObjectReference()
    /// When it last happened.
    public var lastTimestamp: Timestamp?
    /// What happened, for people.
    public var message = ""
    /// Name and namespace.
    public var metadata = ObjectMeta()
    /// What happened, in one word.
    public var reason = ""
    /// A second object.
    public var related: ObjectReference?
    /// Who reports it.
    public var reportingComponent = ""
    /// Which instance of it.
    public var reportingInstance = ""
    /// About repetitions; of newer events.
    public var series: EventSeries?
    /// Who reports it.
    public var source = EventSource()
    /// Whether it is a worry.
    public var type: EventType?

    /// Makes one with nothing set.
    public init() {}

    /// `Event`.
    public static let kind = "Event"
    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Event>([
        .constant("apiVersion", "v1"),
        .constant("kind", "Event"),
        .field("action", \.action),
        .field("count", \.count),
        .field("eventTime", \.eventTime, always: true),
        .field("firstTimestamp", \.firstTimestamp, always: true),
        .field("involvedObject", \.involvedObject),
        .field("lastTimestamp", \.lastTimestamp, always: true),
        .field("message", \.message),
        .field("metadata", \.metadata),
        .field("reason", \.reason),
        .field("related", \.related),
        .field("reportingComponent", \.reportingComponent, always: true),
        .field("reportingInstance", \.reportingInstance, always: true),
        .field("series", \.series),
        .field("source", \.source),
        .field("type", \.type),
    ])
}

/// Whether an event is a worry.
public enum EventType: String, APIEnum {
    /// It is not.
    case normal = "Normal"
    /// It may be.
    case warning = "Warning"
}

/// Who reports an event.
public struct EventSource: APIObject {
    /// The program.
    public var component = ""
    /// The node.
    public var host = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<EventSource>([
        .field("component", \.component),
        .field("host", \.host),
    ])
}

/// Repetitions of an event.
public struct EventSeries: APIObject {
    /// How many.
    public var count: Int32 = 0
    /// The last one.
    public var lastObservedTime: MicroTime?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<EventSeries>([
        .field("count", \.count),
        .field("lastObservedTime", \.lastObservedTime, always: true),
    ])
}

/// An object, or a part of it.
public struct ObjectReference: APIObject {
    /// Its API version.
    public var apiVersion = ""
    /// The part, such as `spec.containers{web}`.
    public var fieldPath = ""
    /// Its kind.
    public var kind = ""
    /// Its name.
    public var name = ""
    /// Its namespace.
    public var namespace = ""
    /// Its version.
    public var resourceVersion = ""
    /// Its UID.
    public var uid = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ObjectReference>([
        .field("apiVersion", \.apiVersion),
        .field("fieldPath", \.fieldPath),
        .field("kind", \.kind),
        .field("name", \.name),
        .field("namespace", \.namespace),
        .field("resourceVersion", \.resourceVersion),
        .field("uid", \.uid),
    ])
}

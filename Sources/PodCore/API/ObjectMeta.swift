/// Data that every object has.
public struct ObjectMeta: APIObject {
    /// Free-form notes; keys are qualified names.
    public var annotations: [String: String] = [:]
    /// When podagent first saw the object.
    public var creationTimestamp: Timestamp?
    /// Seconds that a deletion allows for a clean end.
    public var deletionGracePeriodSeconds: Int64?
    /// The instant by which a deletion wants the object gone; nil while it is not being deleted.
    public var deletionTimestamp: Timestamp?
    /// Names of controllers that want to act before the object goes.
    public var finalizers: [String] = []
    /// A prefix from which an API server would make a name.
    public var generateName = ""
    /// Counts changes of the wanted state.
    public var generation: Int64 = 0
    /// Names and values by which objects are selected.
    public var labels: [String: String] = [:]
    /// Who set which field.
    public var managedFields: [RawObject] = []
    /// The name, unique in its namespace.
    public var name = ""
    /// The namespace; `default` when the manifest names none.
    public var namespace = ""
    /// Objects that this one depends on.
    public var ownerReferences: [OwnerReference] = []
    /// The version of the object's stored state; opaque.
    public var resourceVersion = ""
    /// A relic of older APIs.
    public var selfLink = ""
    /// Tells apart objects that had the same name at different times.
    public var uid = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ObjectMeta>([
        .field("annotations", \.annotations),
        .field("creationTimestamp", \.creationTimestamp, .informational("set by podagent")),
        .field("deletionGracePeriodSeconds", \.deletionGracePeriodSeconds, .informational("set by podagent")),
        .field("deletionTimestamp", \.deletionTimestamp, .informational("set by podagent")),
        .field("finalizers", \.finalizers, .informational("no controller runs that would wait for them")),
        .field("generateName", \.generateName, .partly("only beside a name; podagent makes up no names")),
        .field("generation", \.generation, .informational("set by podagent")),
        .field("labels", \.labels),
        .field("managedFields", \.managedFields, .informational("podagent does not track who set a field")),
        .field("name", \.name),
        .field("namespace", \.namespace),
        .field(
            "ownerReferences",
            \.ownerReferences,
            .informational("nothing collects garbage by owner on a single node")
        ),
        .field("resourceVersion", \.resourceVersion, .informational("set by podagent")),
        .field("selfLink", \.selfLink, .informational("set by podagent")),
        .field("uid", \.uid, .informational("set by podagent")),
    ])
}

/// An object that another one belongs to.
public struct OwnerReference: APIObject {
    /// The owner's API version.
    public var apiVersion = ""
    /// Whether the owner waits for this object's deletion.
    public var blockOwnerDeletion: Bool?
    /// Whether the owner is the managing controller.
    public var controller: Bool?
    /// The owner's kind.
    public var kind = ""
    /// The owner's name.
    public var name = ""
    /// The owner's UID.
    public var uid = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<OwnerReference>([
        .field("apiVersion", \.apiVersion, always: true),
        .field("blockOwnerDeletion", \.blockOwnerDeletion),
        .field("controller", \.controller),
        .field("kind", \.kind, always: true),
        .field("name", \.name, always: true),
        .field("uid", \.uid, always: true),
    ])
}

/// Data that every list has.
public struct ListMeta: APIObject {
    /// A token to fetch the rest of a cut list.
    public var `continue` = ""
    /// How many items a cut list leaves out.
    public var remainingItemCount: Int64?
    /// The version of the collection, from which a watch can go on.
    public var resourceVersion = ""
    /// A relic of older APIs.
    public var selfLink = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<ListMeta>([
        .field("continue", \.`continue`),
        .field("remainingItemCount", \.remainingItemCount),
        .field("resourceVersion", \.resourceVersion),
        .field("selfLink", \.selfLink),
    ])
}

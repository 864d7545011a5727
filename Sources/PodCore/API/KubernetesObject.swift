/// An object that can stand alone: it carries its kind and its API version.
public protocol KubernetesObject: APIObject {
    /// The kind: `Pod`.
    static var kind: String { get }
}

extension KubernetesObject {
    /// The API version of all kinds that podagent knows.
    public static var apiVersion: String { "v1" }
}

/// A list of objects as the API answers it: `PodList`, `EventList`.
public struct ObjectList<Item: KubernetesObject>: KubernetesObject {
    /// The version of the collection, and how to go on when the list was cut.
    public var metadata = ListMeta()
    /// The objects.
    public var items: [Item] = []

    /// Makes an empty list.
    public init() {}

    /// Makes a list.
    public init(_ items: [Item], resourceVersion: String = "") {
        self.items = items
        self.metadata.resourceVersion = resourceVersion
    }

    /// The item's kind with `List` behind it.
    public static var kind: String { Item.kind + "List" }

    /// What it has. Made anew at each use, because a generic type cannot store it; that is little beside the items.
    public static var fields: FieldTable<ObjectList<Item>> {
        FieldTable([
            .constant("apiVersion", apiVersion), .constant("kind", kind),
            .field("items", \.items, always: true), .field("metadata", \.metadata),
        ])
    }
}

/// The answer to `GET /api/v1/pods`.
public typealias PodList = ObjectList<Pod>
/// The answer to `GET /api/v1/events`.
public typealias EventList = ObjectList<Event>

/// A group of containers that share namespaces and volumes and are run together.
public struct Pod: KubernetesObject {
    /// Name, labels, annotations and so on.
    public var metadata = ObjectMeta()
    /// What is wanted.
    public var spec = PodSpec()
    /// What is.
    public var status = PodStatus()

    /// Makes one with nothing set.
    public init() {}

    /// `Pod`.
    public static let kind = "Pod"
    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Pod>([
        .constant("apiVersion", "v1"),
        .constant("kind", "Pod"),
        .field("metadata", \.metadata),
        .field("spec", \.spec),
        .field("status", \.status, .informational("set by podagent")),
    ])
}

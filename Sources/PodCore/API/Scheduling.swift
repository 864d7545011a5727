/// A taint that a Pod puts up with.
public struct Toleration: APIObject {
    /// The effect; nil means every effect.
    public var effect: TaintEffect?
    /// The taint's key; empty means every key.
    public var key = ""
    /// How the value is compared; nil means `Equal`.
    public var `operator`: TolerationOperator?
    /// Seconds for which a NoExecute taint is put up with; nil means for ever.
    public var tolerationSeconds: Int64?
    /// The taint's value.
    public var value = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Toleration>([
        .field("effect", \.effect),
        .field("key", \.key),
        .field("operator", \.`operator`),
        .field("tolerationSeconds", \.tolerationSeconds),
        .field("value", \.value),
    ])
}

/// What a taint does to Pods that do not tolerate it.
public enum TaintEffect: String, APIEnum {
    /// They are not placed on the node.
    case noSchedule = "NoSchedule"
    /// They are rather placed elsewhere.
    case preferNoSchedule = "PreferNoSchedule"
    /// They are evicted.
    case noExecute = "NoExecute"
}

/// How a toleration compares its value.
public enum TolerationOperator: String, APIEnum {
    /// The values are the same.
    case equal = "Equal"
    /// Any value will do.
    case exists = "Exists"
}

/// Which nodes and neighbours a Pod wants.
public struct Affinity: APIObject {
    /// Which nodes.
    public var nodeAffinity: NodeAffinity?
    /// Near which Pods.
    public var podAffinity: PodAffinity?
    /// Away from which Pods.
    public var podAntiAffinity: PodAffinity?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Affinity>([
        .field("nodeAffinity", \.nodeAffinity),
        .field(
            "podAffinity",
            \.podAffinity,
            .informational("the scheduler's business, and there is one node")
        ),
        .field(
            "podAntiAffinity",
            \.podAntiAffinity,
            .informational("the scheduler's business, and there is one node")
        ),
    ])
}

/// Which nodes a Pod wants.
public struct NodeAffinity: APIObject {
    /// Nodes that it rather has.
    public var preferredDuringSchedulingIgnoredDuringExecution: [PreferredSchedulingTerm] = []
    /// Nodes that it must have.
    public var requiredDuringSchedulingIgnoredDuringExecution: NodeSelector?

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<NodeAffinity>([
        .field(
            "preferredDuringSchedulingIgnoredDuringExecution",
            \.preferredDuringSchedulingIgnoredDuringExecution,
            .informational("there is one node to prefer")
        ),
        .field(
            "requiredDuringSchedulingIgnoredDuringExecution",
            \.requiredDuringSchedulingIgnoredDuringExecution,
            .notYet("node admission")
        ),
    ])
}

/// A wish for a node, with its weight.
public struct PreferredSchedulingTerm: APIObject {
    /// The node.
    public var preference = NodeSelectorTerm()
    /// 1 to 100.
    public var weight: Int32 = 0

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PreferredSchedulingTerm>([
        .field("preference", \.preference),
        .field("weight", \.weight, always: true),
    ])
}

/// Terms of which a node must meet one.
public struct NodeSelector: APIObject {
    /// The terms.
    public var nodeSelectorTerms: [NodeSelectorTerm] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<NodeSelector>([
        .field("nodeSelectorTerms", \.nodeSelectorTerms, always: true)
    ])
}

/// Requirements that a node must meet all of.
public struct NodeSelectorTerm: APIObject {
    /// On labels.
    public var matchExpressions: [NodeSelectorRequirement] = []
    /// On fields.
    public var matchFields: [NodeSelectorRequirement] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<NodeSelectorTerm>([
        .field("matchExpressions", \.matchExpressions),
        .field("matchFields", \.matchFields),
    ])
}

/// A requirement on one label or field of a node.
public struct NodeSelectorRequirement: APIObject {
    /// The label or field.
    public var key = ""
    /// In, NotIn, Exists, DoesNotExist, Gt or Lt.
    public var `operator` = ""
    /// The values to compare with.
    public var values: [String] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<NodeSelectorRequirement>([
        .field("key", \.key, always: true),
        .field("operator", \.`operator`, always: true),
        .field("values", \.values),
    ])
}

/// Which neighbours a Pod wants, or does not want.
public struct PodAffinity: APIObject {
    /// Neighbours that it rather has.
    public var preferredDuringSchedulingIgnoredDuringExecution: [WeightedPodAffinityTerm] = []
    /// Neighbours that it must have.
    public var requiredDuringSchedulingIgnoredDuringExecution: [PodAffinityTerm] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodAffinity>([
        .field(
            "preferredDuringSchedulingIgnoredDuringExecution",
            \.preferredDuringSchedulingIgnoredDuringExecution
        ),
        .field(
            "requiredDuringSchedulingIgnoredDuringExecution",
            \.requiredDuringSchedulingIgnoredDuringExecution
        ),
    ])
}

/// A wish for a neighbour, with its weight.
public struct WeightedPodAffinityTerm: APIObject {
    /// The neighbour.
    public var podAffinityTerm = PodAffinityTerm()
    /// 1 to 100.
    public var weight: Int32 = 0

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<WeightedPodAffinityTerm>([
        .field("podAffinityTerm", \.podAffinityTerm),
        .field("weight", \.weight, always: true),
    ])
}

/// A set of Pods, and how near is near.
public struct PodAffinityTerm: APIObject {
    /// The Pods.
    public var labelSelector: LabelSelector?
    /// Labels whose values must equal the Pod's own.
    public var matchLabelKeys: [String] = []
    /// Labels whose values must differ from the Pod's own.
    public var mismatchLabelKeys: [String] = []
    /// The namespaces.
    public var namespaceSelector: LabelSelector?
    /// The namespaces, by name.
    public var namespaces: [String] = []
    /// The node label that says what is the same place.
    public var topologyKey = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodAffinityTerm>([
        .field("labelSelector", \.labelSelector),
        .field("matchLabelKeys", \.matchLabelKeys),
        .field("mismatchLabelKeys", \.mismatchLabelKeys),
        .field("namespaceSelector", \.namespaceSelector),
        .field("namespaces", \.namespaces),
        .field("topologyKey", \.topologyKey, always: true),
    ])
}

/// A set of objects by their labels.
public struct LabelSelector: APIObject {
    /// Requirements, all of which must hold.
    public var matchExpressions: [LabelSelectorRequirement] = []
    /// Labels, all of which must be there.
    public var matchLabels: [String: String] = [:]

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<LabelSelector>([
        .field("matchExpressions", \.matchExpressions),
        .field("matchLabels", \.matchLabels),
    ])
}

/// A requirement on one label.
public struct LabelSelectorRequirement: APIObject {
    /// The label.
    public var key = ""
    /// In, NotIn, Exists or DoesNotExist.
    public var `operator` = ""
    /// The values to compare with.
    public var values: [String] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<LabelSelectorRequirement>([
        .field("key", \.key, always: true),
        .field("operator", \.`operator`, always: true),
        .field("values", \.values),
    ])
}

/// How Pods are spread.
public struct TopologySpreadConstraint: APIObject {
    /// The Pods.
    public var labelSelector: LabelSelector?
    /// Labels whose values must equal the Pod's own.
    public var matchLabelKeys: [String] = []
    /// By how much places may differ.
    public var maxSkew: Int32 = 0
    /// How many places there must be.
    public var minDomains: Int32?
    /// Whether node affinity counts.
    public var nodeAffinityPolicy: String?
    /// Whether taints count.
    public var nodeTaintsPolicy: String?
    /// The node label that says what is the same place.
    public var topologyKey = ""
    /// What happens when it cannot be met.
    public var whenUnsatisfiable = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<TopologySpreadConstraint>([
        .field("labelSelector", \.labelSelector),
        .field("matchLabelKeys", \.matchLabelKeys),
        .field("maxSkew", \.maxSkew, always: true),
        .field("minDomains", \.minDomains),
        .field("nodeAffinityPolicy", \.nodeAffinityPolicy),
        .field("nodeTaintsPolicy", \.nodeTaintsPolicy),
        .field("topologyKey", \.topologyKey, always: true),
        .field("whenUnsatisfiable", \.whenUnsatisfiable, always: true),
    ])
}

/// What is wanted of a Pod.
public struct PodSpec: APIObject {
    /// Seconds from the start after which the Pod is ended as failed.
    public var activeDeadlineSeconds: Int64?
    /// Which nodes and neighbours the Pod wants.
    public var affinity: Affinity?
    /// Whether a service account's token is mounted.
    public var automountServiceAccountToken: Bool?
    /// The containers; at least one.
    public var containers: [Container] = []
    /// Additions to the DNS configuration that ``dnsPolicy`` gives.
    public var dnsConfig: PodDNSConfig?
    /// Where the containers' resolv.conf comes from.
    public var dnsPolicy: DNSPolicy = .clusterFirst
    /// Whether Services are shown in the environment.
    public var enableServiceLinks = true
    /// Containers added to a running Pod for debugging.
    public var ephemeralContainers: [EphemeralContainer] = []
    /// Lines for the containers' /etc/hosts.
    public var hostAliases: [HostAlias] = []
    /// Whether the Pod uses the node's IPC namespace.
    public var hostIPC = false
    /// Whether the Pod uses the node's network namespace.
    public var hostNetwork = false
    /// Whether the Pod uses the node's PID namespace.
    public var hostPID = false
    /// Whether the Pod uses the node's user namespace.
    public var hostUsers: Bool?
    /// The host name; the Pod's name when empty.
    public var hostname = ""
    /// A host name that goes before every other.
    public var hostnameOverride: String?
    /// Secrets with credentials for registries.
    public var imagePullSecrets: [LocalObjectReference] = []
    /// Containers that run one after another before the others start.
    public var initContainers: [Container] = []
    /// The node that the Pod runs on.
    public var nodeName = ""
    /// Labels that the node must have.
    public var nodeSelector: [String: String] = [:]
    /// The operating system that the containers need.
    public var os: PodOS?
    /// Resources for the sandbox itself.
    public var overhead: ResourceList = [:]
    /// Whether the Pod may push out others of lower priority.
    public var preemptionPolicy: PreemptionPolicy?
    /// The Pod's importance; higher is more important.
    public var priority: Int32?
    /// The name of a class of importance.
    public var priorityClassName = ""
    /// Further conditions that must be true for the Pod to be ready.
    public var readinessGates: [PodReadinessGate] = []
    /// Devices that containers can refer to.
    public var resourceClaims: [PodResourceClaim] = []
    /// Resources of the Pod as a whole.
    public var resources: ResourceRequirements?
    /// What happens when a container ends.
    public var restartPolicy: RestartPolicy = .always
    /// The runtime to use.
    public var runtimeClassName: String?
    /// The scheduler that would place the Pod.
    public var schedulerName = "default-scheduler"
    /// What would hold back the scheduler.
    public var schedulingGates: [PodSchedulingGate] = []
    /// The group of Pods that would be scheduled together.
    public var schedulingGroup: PodSchedulingGroup?
    /// Identity and privileges, where a container does not say otherwise.
    public var securityContext = PodSecurityContext()
    /// The former name of ``serviceAccountName``.
    public var serviceAccount = ""
    /// The service account to run as.
    public var serviceAccountName = ""
    /// Whether the kernel's host name is the fully qualified one.
    public var setHostnameAsFQDN: Bool?
    /// Whether the containers share one PID namespace.
    public var shareProcessNamespace: Bool?
    /// The domain below the namespace's.
    public var subdomain = ""
    /// Seconds between SIGTERM and SIGKILL when the Pod is ended.
    public var terminationGracePeriodSeconds: Int64 = 30
    /// Taints that the Pod puts up with.
    public var tolerations: [Toleration] = []
    /// How Pods are spread over nodes.
    public var topologySpreadConstraints: [TopologySpreadConstraint] = []
    /// Volumes that containers can mount.
    public var volumes: [Volume] = []

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<PodSpec>([
        .field("activeDeadlineSeconds", \.activeDeadlineSeconds),
        .field("affinity", \.affinity),
        .field(
            "automountServiceAccountToken",
            \.automountServiceAccountToken,
            .informational("there are no service accounts without a cluster")
        ),
        .field("containers", \.containers, always: true),
        .field("dnsConfig", \.dnsConfig),
        .field("dnsPolicy", \.dnsPolicy),
        .field(
            "enableServiceLinks",
            \.enableServiceLinks,
            .informational("there are no Services without a cluster"),
            always: true
        ),
        .field("ephemeralContainers", \.ephemeralContainers, .refused("cannot be set on create")),
        .field("hostAliases", \.hostAliases),
        .field("hostIPC", \.hostIPC),
        .field("hostNetwork", \.hostNetwork),
        .field("hostPID", \.hostPID),
        .field("hostUsers", \.hostUsers, .notYet("confinement", unless: [true])),
        .field("hostname", \.hostname),
        .field("hostnameOverride", \.hostnameOverride),
        .field("imagePullSecrets", \.imagePullSecrets),
        .field("initContainers", \.initContainers),
        .field("nodeName", \.nodeName, .partly("always becomes the name of this node")),
        .field(
            "nodeSelector",
            \.nodeSelector,
            .notYet("node admission", unless: [["kubernetes.io/os": "linux"]])
        ),
        .field("os", \.os),
        .field("overhead", \.overhead, .notYet("confinement")),
        .field(
            "preemptionPolicy",
            \.preemptionPolicy,
            .informational("nothing is preempted on a single node")
        ),
        .field("priority", \.priority, .informational("nothing is preempted on a single node")),
        .field(
            "priorityClassName",
            \.priorityClassName,
            .informational("there are no PriorityClasses without a cluster")
        ),
        .field("readinessGates", \.readinessGates),
        .field("resourceClaims", \.resourceClaims, .refused("static pods may not reference resourceclaims")),
        .field("resources", \.resources),
        .field("restartPolicy", \.restartPolicy),
        .field(
            "runtimeClassName",
            \.runtimeClassName,
            .refused("podagent runs containers itself and knows no runtime classes")
        ),
        .field(
            "schedulerName",
            \.schedulerName,
            .informational("a manifest is placed on its node by whoever writes it there")
        ),
        .field(
            "schedulingGates",
            \.schedulingGates,
            .partly("must be empty, because a manifest is already on its node")
        ),
        .field(
            "schedulingGroup",
            \.schedulingGroup,
            .informational("a manifest is placed on its node by whoever writes it there")
        ),
        .field("securityContext", \.securityContext),
        .field("serviceAccount", \.serviceAccount, .refused("static pods may not reference serviceaccounts")),
        .field(
            "serviceAccountName",
            \.serviceAccountName,
            .refused("static pods may not reference serviceaccounts")
        ),
        .field("setHostnameAsFQDN", \.setHostnameAsFQDN),
        .field("shareProcessNamespace", \.shareProcessNamespace),
        .field("subdomain", \.subdomain),
        .field("terminationGracePeriodSeconds", \.terminationGracePeriodSeconds, always: true),
        .field("tolerations", \.tolerations, .informational("this node has no taints")),
        .field(
            "topologySpreadConstraints",
            \.topologySpreadConstraints,
            .informational("there is one node to spread over")
        ),
        .field("volumes", \.volumes),
    ])
}

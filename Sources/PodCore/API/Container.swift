/// One container of a Pod.
public struct Container: APIObject {
    /// Arguments; the image's CMD when empty. `$(VAR)` is expanded.
    public var args: [String] = []
    /// The program and its first arguments; the image's ENTRYPOINT when empty. `$(VAR)` is expanded.
    public var command: [String] = []
    /// Environment variables, over those of the image.
    public var env: [EnvVar] = []
    /// Environment variables from ConfigMaps and Secrets.
    public var envFrom: [EnvFromSource] = []
    /// The image reference.
    public var image = ""
    /// When the image is fetched; always set after defaulting.
    public var imagePullPolicy: PullPolicy?
    /// What runs after the start and before the end.
    public var lifecycle: Lifecycle?
    /// Says whether the container must be restarted.
    public var livenessProbe: Probe?
    /// The name, unique in the Pod.
    public var name = ""
    /// Ports that the container listens on.
    public var ports: [ContainerPort] = []
    /// Says whether the container can serve.
    public var readinessProbe: Probe?
    /// What changing a resource means for the running container.
    public var resizePolicy: [ContainerResizePolicy] = []
    /// Resources that it asks for and may use at most.
    public var resources = ResourceRequirements()
    /// Overrides the Pod's restart policy; `Always` on an init container makes it a sidecar.
    public var restartPolicy: ContainerRestartPolicy?
    /// Exceptions to ``restartPolicy`` by exit code.
    public var restartPolicyRules: [ContainerRestartRule] = []
    /// Identity and privileges, before the Pod's.
    public var securityContext: SecurityContext?
    /// Says whether the container has started; the other probes wait for it.
    public var startupProbe: Probe?
    /// Whether standard input stays open for an attach.
    public var stdin = false
    /// Whether standard input is closed after the first attach ends.
    public var stdinOnce = false
    /// The file whose content becomes the message of the end.
    public var terminationMessagePath = "/dev/termination-log"
    /// Whether the log stands in for an empty message file.
    public var terminationMessagePolicy: TerminationMessagePolicy = .file
    /// Whether the container gets a terminal.
    public var tty = false
    /// Block devices of volumes.
    public var volumeDevices: [VolumeDevice] = []
    /// Where volumes are mounted.
    public var volumeMounts: [VolumeMount] = []
    /// The working directory; the image's when empty.
    public var workingDir = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<Container>([
        .field("args", \.args),
        .field("command", \.command),
        .field("env", \.env),
        .field("envFrom", \.envFrom, .notYet("configuration")),
        .field("image", \.image),
        .field("imagePullPolicy", \.imagePullPolicy),
        .field("lifecycle", \.lifecycle),
        .field("livenessProbe", \.livenessProbe),
        .field("name", \.name, always: true),
        .field("ports", \.ports),
        .field("readinessProbe", \.readinessProbe),
        .field("resizePolicy", \.resizePolicy, .notYet("confinement")),
        .field("resources", \.resources),
        .field("restartPolicy", \.restartPolicy),
        .field("restartPolicyRules", \.restartPolicyRules),
        .field("securityContext", \.securityContext),
        .field("startupProbe", \.startupProbe),
        .field("stdin", \.stdin),
        .field("stdinOnce", \.stdinOnce, .notYet("attach")),
        .field("terminationMessagePath", \.terminationMessagePath),
        .field("terminationMessagePolicy", \.terminationMessagePolicy),
        .field("tty", \.tty),
        .field(
            "volumeDevices",
            \.volumeDevices,
            .refused("static pods may not reference persistentvolumeclaims")
        ),
        .field("volumeMounts", \.volumeMounts),
        .field("workingDir", \.workingDir),
    ])
}

/// A container added to a running Pod for debugging. It is never restarted and has no ports, probes or
/// resources of its own.
public struct EphemeralContainer: APIObject {
    /// As in ``Container``.
    public var args: [String] = []
    /// As in ``Container``.
    public var command: [String] = []
    /// As in ``Container``.
    public var env: [EnvVar] = []
    /// As in ``Container``.
    public var envFrom: [EnvFromSource] = []
    /// As in ``Container``.
    public var image = ""
    /// As in ``Container``.
    public var imagePullPolicy: PullPolicy?
    /// Not allowed here.
    public var lifecycle: Lifecycle?
    /// Not allowed here.
    public var livenessProbe: Probe?
    /// Unique among all containers of the Pod.
    public var name = ""
    /// Not allowed here.
    public var ports: [ContainerPort] = []
    /// Not allowed here.
    public var readinessProbe: Probe?
    /// Not allowed here.
    public var resizePolicy: [ContainerResizePolicy] = []
    /// Not allowed here.
    public var resources = ResourceRequirements()
    /// Not allowed here.
    public var restartPolicy: ContainerRestartPolicy?
    /// Not allowed here.
    public var restartPolicyRules: [ContainerRestartRule] = []
    /// As in ``Container``.
    public var securityContext: SecurityContext?
    /// Not allowed here.
    public var startupProbe: Probe?
    /// As in ``Container``.
    public var stdin = false
    /// As in ``Container``.
    public var stdinOnce = false
    /// The container whose namespaces it joins.
    public var targetContainerName = ""
    /// As in ``Container``.
    public var terminationMessagePath = "/dev/termination-log"
    /// As in ``Container``.
    public var terminationMessagePolicy: TerminationMessagePolicy = .file
    /// As in ``Container``.
    public var tty = false
    /// As in ``Container``.
    public var volumeDevices: [VolumeDevice] = []
    /// As in ``Container``.
    public var volumeMounts: [VolumeMount] = []
    /// As in ``Container``.
    public var workingDir = ""

    /// Makes one with nothing set.
    public init() {}

    /// What it has, and what podagent does with it.
    public static let fields = FieldTable<EphemeralContainer>([
        .field("args", \.args),
        .field("command", \.command),
        .field("env", \.env),
        .field("envFrom", \.envFrom, .notYet("configuration")),
        .field("image", \.image),
        .field("imagePullPolicy", \.imagePullPolicy),
        .field("lifecycle", \.lifecycle, .notYet("lifecycle")),
        .field("livenessProbe", \.livenessProbe, .notYet("probes")),
        .field("name", \.name, always: true),
        .field("ports", \.ports),
        .field("readinessProbe", \.readinessProbe, .notYet("probes")),
        .field("resizePolicy", \.resizePolicy, .notYet("confinement")),
        .field("resources", \.resources, .notYet("confinement", unless: [ResourceRequirements()])),
        .field("restartPolicy", \.restartPolicy, .notYet("lifecycle")),
        .field("restartPolicyRules", \.restartPolicyRules, .notYet("lifecycle")),
        .field("securityContext", \.securityContext),
        .field("startupProbe", \.startupProbe, .notYet("probes")),
        .field("stdin", \.stdin),
        .field("stdinOnce", \.stdinOnce, .notYet("attach")),
        .field("targetContainerName", \.targetContainerName),
        .field("terminationMessagePath", \.terminationMessagePath),
        .field("terminationMessagePolicy", \.terminationMessagePolicy),
        .field("tty", \.tty),
        .field(
            "volumeDevices",
            \.volumeDevices,
            .refused("static pods may not reference persistentvolumeclaims")
        ),
        .field("volumeMounts", \.volumeMounts),
        .field("workingDir", \.workingDir),
    ])
}

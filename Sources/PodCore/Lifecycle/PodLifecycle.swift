/// What the life-cycle machine needs to know of a Pod: names, order and policies. Derived from v1.Pod once.
public struct PodLifecycle: Hashable, Sendable, Codable {
    /// A container as the machine sees it.
    public struct Container: Hashable, Sendable, Codable {
        /// As the spec has it.
        public var name: String
        /// The container's own policy; nil where the Pod's counts. `always` makes an init container a sidecar.
        public var restartPolicy: RestartRule?
        /// Exceptions to its own policy; the first that matches counts.
        public var restartRules: [ExitCodeRule] = []
        /// Whether something is done right after its start.
        public var hasPostStart = false
        /// Whether something is done before it is asked to end.
        public var hasPreStop = false
        /// The questions that it is asked.
        public var probes: [ProbeKind: ProbeSchedule] = [:]

        /// Makes the description.
        public init(name: String, restartPolicy: RestartRule? = nil) {
            self.name = name
            self.restartPolicy = restartPolicy
        }
    }

    /// `<name>_<namespace>(<uid>)`, as the kubelet's messages refer to a Pod.
    public var reference: String
    /// Run one by one, in this order, before the others.
    public var initContainers: [Container]
    /// Started one by one, in this order.
    public var containers: [Container]
    /// `spec.restartPolicy`.
    public var restartPolicy: RestartRule
    /// `spec.terminationGracePeriodSeconds`.
    public var terminationGracePeriod: Duration
    /// How long a crashing container is held back.
    public var backoff: BackoffLimits
    /// `spec.activeDeadlineSeconds`: how long after its start the Pod is ended, whatever it does.
    public var activeDeadline: Duration?

    /// Makes the description.
    public init(
        reference: String,
        initContainers: [Container],
        containers: [Container],
        restartPolicy: RestartRule,
        terminationGracePeriod: Duration,
        backoff: BackoffLimits
    ) {
        self.reference = reference
        self.initContainers = initContainers
        self.containers = containers
        self.restartPolicy = restartPolicy
        self.terminationGracePeriod = terminationGracePeriod
        self.backoff = backoff
    }

    /// The container of that name, of whichever list.
    func container(_ name: String) -> Container? {
        containers.first { $0.name == name } ?? initContainers.first { $0.name == name }
    }

    /// What becomes of the Pod's container after its end, by its own policy or else the Pod's.
    func policy(of name: String) -> RestartRule { container(name)?.restartPolicy ?? restartPolicy }
}

/// How a container's process ended, as the status shows it.
public struct Termination: Hashable, Sendable, Codable {
    /// 0…255; death by signal N is 128 + N.
    public var exitCode: Int32
    /// `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerStatusUnknown`.
    public var reason: String
    /// Why, for people.
    public var message: String
    /// Nil when the process never ran.
    public var startedAt: Timestamp?
    /// When it ended.
    public var finishedAt: Timestamp
    /// The instance: its run in the shim, and how many came before it.
    public var run: RunID
    /// How many instances came before it.
    public var restartCount: Int
    /// Whether it was ended because the node goes down.
    public var isInterrupted = false

    /// Makes the record.
    public init(
        exitCode: Int32,
        reason: String,
        message: String,
        startedAt: Timestamp?,
        finishedAt: Timestamp,
        run: RunID,
        restartCount: Int
    ) {
        self.exitCode = exitCode
        self.reason = reason
        self.message = message
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.run = run
        self.restartCount = restartCount
    }

    /// The reason of an instance whose end nobody has seen.
    static let lostReason = "ContainerStatusUnknown"
    /// The reason of an instance that was removed because all containers of its Pod are restarted.
    static let removedReason = "RestartingAllContainers"

    /// Whether nobody knows how the instance ended.
    var isLost: Bool { reason == Self.lostReason }

    /// Whether the instance was removed because all containers of its Pod are restarted.
    var isRemoved: Bool { reason == Self.removedReason }
}

/// How a process ended, from the status that wait(2) gives and from what its cgroup has counted.
public struct ExitStatus: Hashable, Sendable {
    /// Death by SIGKILL, which is what an OOM killer sends.
    public static let killed: Int32 = 128 + 9

    /// 0…255; death by signal N is 128 + N.
    public var code: Int32
    /// Whether the kernel has killed processes of its container for want of memory. A container's cgroup dies as one
    /// (`memory.oom.group`), so this is what its first process died of, if it was killed.
    public var hasOOMKill = false
    /// Its last words; see ``TerminationMessage``.
    public var message = ""

    /// Makes a status from its code.
    public init(code: Int32) { self.code = code }

    /// Decodes a wait status: the low seven bits are the signal, the next byte the exit code.
    public init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        code = signal == 0 ? (waitStatus >> 8) & 0xff : 128 + signal
    }

    /// The reason that the status shows (reference §3.6).
    var reason: String {
        if code == 0 { return "Completed" }
        return code == Self.killed && hasOOMKill ? "OOMKilled" : "Error"
    }
}

/// podagent's number for a process in a shim. Never used twice for one Pod; 0 is pause.
public struct RunID: Hashable, Comparable, Sendable, Codable {
    /// 0 is pause; numbers rise with time.
    public var number: UInt64

    /// Makes a number.
    public init(_ number: UInt64) { self.number = number }

    /// Whether `a` was claimed before `b`.
    public static func < (a: RunID, b: RunID) -> Bool { a.number < b.number }
}

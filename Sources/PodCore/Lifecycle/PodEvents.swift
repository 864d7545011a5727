/// What the machine is told.
public enum PodEvent: Hashable, Sendable {
    /// Directories and volumes are ready, or not.
    case prepared
    case preparationFailed(message: String)
    /// The sandbox of that attempt stands, or could not be made.
    case sandboxStarted(attempt: Int)
    case sandboxFailed(attempt: Int, message: String)
    /// Pause is gone. The ends of the containers are told separately, before or after.
    case sandboxEnded(attempt: Int)
    /// The shim is gone, and with it every record of how the containers ended.
    case sandboxLost(attempt: Int)
    /// What the shim says to ``PodEffect/inquire(attempt:)``; nil while there is no shim yet because the sandbox is
    /// being made.
    case sandboxAnswered(attempt: Int, SandboxObservation?)
    /// ``PodEffect/removeSandbox(attempt:)`` is done: no process, mount or shim of it is left.
    case sandboxRemoved(attempt: Int)
    case containerStarted(RunID, at: Timestamp)
    /// No process was made: image, configuration, directories.
    case containerNotCreated(RunID, Waiting)
    /// A process was made and its launch plan failed; nothing of the image has run.
    case containerNotStarted(RunID, message: String, at: Timestamp)
    case containerExited(RunID, ExitStatus, startedAt: Timestamp?, finishedAt: Timestamp)
    /// The node does not admit the Pod. Comes before everything else, if it comes.
    case rejected(Rejection)
    /// The Pod is not to begin yet, and why; again when the reason has changed. Comes before everything else, if it comes.
    case held(Waiting)
    /// Nothing holds the Pod any more.
    case released
    /// The Pod is to go. Later requests may shorten the grace period, never lengthen it.
    case delete(grace: Duration?)
    /// The node goes down: what runs is ended within this time, or the Pod's own if that is shorter, and nothing is
    /// started any more. The Pod goes on after the next boot.
    case nodeShutdown(grace: Duration)
    /// ``PodEffect/cleanUp(_:)`` is done.
    case cleanedUp(PodEffect.CleanUp)
    /// The start found that the image is not here, or that the registry is to be asked for it first.
    case imageWanted(RunID)
    /// What became of ``PodEffect/pullImage(name:number:)``.
    case imageAnswered(number: UInt64, ImageAnswer)
    /// Images have come to the node: one that was missing may be among them.
    case imagesChanged
    /// ``PodEffect/runHook(_:_:limit:)`` has come to its end; why it failed, if it did.
    case hookEnded(RunID, HookKind, failure: String?)
    /// A probe of the instance has come to another conclusion than before.
    case probed(RunID, ProbeKind, Bool)
    /// The Pod's definition has changed in a way that need not end it. The containers named are started anew.
    case redefined(PodLifecycle, superseding: Set<String>)
    /// The time that ``PodMachine/nextAlarm`` named has come.
    case alarm
}

/// What the machine wants done. Whoever does it answers with an event.
public enum PodEffect: Hashable, Sendable {
    /// Make the Pod's directories and volumes.
    case prepare
    case createSandbox(attempt: Int)
    /// Make a process of the container. What takes time before there is a process may end after the machine has given
    /// the start up, because the shim died: then ``ContainerRecord/liveRun`` is no longer `run`, and it is dropped.
    case startContainer(name: String, run: RunID, restartCount: Int)
    /// See to it that the container's image is on the node, as its policy asks for.
    case pullImage(name: String, number: UInt64)
    /// Nobody waits for that any more. Not answered.
    case cancelPull(number: UInt64)
    /// `SIGTERM` (the image's stop signal), then `SIGKILL`.
    case terminate(RunID)
    case kill(RunID)
    /// Run a hook of the container's instance, no longer than `limit`. It need not be ended if the instance ends.
    case runHook(RunID, HookKind, limit: Duration?)
    /// End pause and the shim and whatever is left in the Pod's cgroup. The shim is the only one to know ends that are
    /// not recorded yet, so the machine is recorded before anything of the sandbox goes.
    case removeSandbox(attempt: Int)
    /// Ask the shim what it knows, connecting to it first if need be. Answered by ``PodEvent/sandboxAnswered(attempt:_:)``,
    /// or by ``PodEvent/sandboxLost(attempt:)`` when there is no shim.
    case inquire(attempt: Int)
    /// The shim does not answer: kill it, and all else of the Pod, through the Pod's cgroup. Not answered; the end of
    /// the shim is told as ever.
    case killSandbox(attempt: Int)
    case cleanUp(CleanUp)
    /// Nothing of the Pod is left; it may be forgotten.
    case finished
    case record(PodRecord)

    /// How much goes.
    public enum CleanUp: Hashable, Sendable {
        /// The Pod has run to its end but is still wanted: volumes go, logs stay.
        case volumes
        /// The Pod is deleted: everything goes.
        case everything
    }
}

/// An event for people, as `kubectl describe` shows it (reference §14.1).
public struct PodRecord: Hashable, Sendable {
    /// Whether it is in the course of things.
    public enum Kind: String, Hashable, Sendable {
        case normal = "Normal"
        case warning = "Warning"
    }

    /// Whether it is in the course of things.
    public var kind: Kind
    /// Why, in one word.
    public var reason: String
    /// Why, for people.
    public var message: String
    /// The container that it is about; nil for the Pod.
    public var container: String?

    /// Makes the event.
    public init(_ kind: Kind, _ reason: String, _ message: String, container: String? = nil) {
        self.kind = kind
        self.reason = reason
        self.message = message
        self.container = container
    }
}

/// The stop of a running instance, from the wish to the kill.
///
///     preStop hook ──▶ waiting for those that go first ──▶ asked (SIGTERM) ──▶ killed (SIGKILL)
///
/// The grace period is that of the whole: it begins with the wish, and what the hook and the wait take is taken off
/// (reference §6.3).
public struct ContainerStop: Hashable, Sendable, Codable {
    /// Why it is to end.
    public enum Reason: Hashable, Sendable, Codable {
        /// The Pod comes to its end, or the node goes down.
        case pod
        /// This probe has said no.
        case probe(ProbeKind)
        /// What was to be done after the start has failed; why.
        case postStart(String)
        /// The container is to be another one.
        case definitionChanged
        /// All containers of the Pod are restarted.
        case restartAllContainers
    }

    /// How far it has come.
    public enum Stage: Hashable, Sendable, Codable {
        case preStop(HookState)
        /// For the containers that are to end before it.
        case waiting
        case asked
        /// What is left is to hear of its end.
        case killed
    }

    /// Why it is to end.
    public var reason: Reason
    /// How far it has come.
    public var stage: Stage
    /// When it is killed if it still runs.
    public var killAt: Tick

    /// Whether it has been killed.
    public var isKilled: Bool { stage == .killed }
}

/// How far a hook has come.
public enum HookState: String, Hashable, Sendable, Codable {
    /// It is to be run.
    case due
    case underWay
    /// It has been run, or there is none.
    case done
}

/// When a hook is run.
public enum HookKind: String, Hashable, Sendable, Codable {
    /// Right after the start, beside the container's own process. Those that wait for the container wait for it.
    case postStart
    /// Before the container is asked to end.
    case preStop
}

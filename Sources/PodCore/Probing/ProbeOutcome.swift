/// What one attempt of a probe, or of a hook that goes over the network, has come to.
public enum ProbeOutcome: Hashable, Sendable {
    /// A yes.
    case success
    /// A yes with something to tell.
    case warning(String)
    /// A no, with its reason.
    case failure(String)
    /// The prober's own fault, with its reason. Counts neither as a yes nor as a no.
    case error(String)
}

/// When a container that crashes again and again is started next, from what its status says. For clients: the status has
/// no field for it, only the delay in a message and the end of the last instance.
public struct NextStart: Equatable, Sendable {
    /// The reason of a container that is held back.
    public static let reason = "CrashLoopBackOff"

    /// When it is. A status has whole seconds, so it may be up to a second later.
    public var at: Timestamp

    /// Nil unless the container is held back after a crash.
    public init?(_ status: ContainerStatus) {
        guard case .waiting(let waiting) = status.state, waiting.reason == Self.reason,
            let end = status.lastState.terminated?.finishedAt,
            let delay = Self.delay(in: waiting.message)
        else { return nil }
        at = end + delay
    }

    /// The delay in `back-off 10s restarting failed container=…`.
    private static func delay(in message: String) -> Duration? {
        let words = message.split(separator: " ", maxSplits: 3)
        guard words.count == 4, words[0] == "back-off", words[2] == "restarting" else { return nil }
        return Duration(goText: words[1])
    }

    /// How long it is till then: `in 4m10s`, and when it is due `at any moment`.
    public func text(at now: Timestamp) -> String {
        let left = at - now
        return left >= .seconds(1) ? "in \(left.humanReadable)" : "at any moment"
    }
}

/// First delay and ceiling of the crash-loop back-off.
public struct BackoffLimits: Hashable, Sendable, Codable {
    /// The wait before the second restart.
    public var initial: Duration
    /// The longest wait.
    public var maximum: Duration

    /// Makes limits. As in the kubelet, a ceiling below the first delay is the first delay.
    public init(initial: Duration, maximum: Duration) {
        self.initial = min(initial, maximum)
        self.maximum = maximum
    }

    /// The kubelet's: 10 s, doubling to 300 s.
    public static let kubelet = BackoffLimits(initial: .seconds(10), maximum: .seconds(300))
}

/// The crash-loop back-off of one container (reference §4).
///
/// The first restart is immediate. Each restart takes a step: 10 s, 20 s, 40 s … 300 s is how long after an exit the
/// next one must wait. A container that stayed up for ten minutes after its last step starts afresh.
public struct RestartBackoff: Hashable, Sendable, Codable {
    /// Fixed in the kubelet, whatever the ceiling.
    static let resetAfter = Duration.seconds(600)

    /// The delay after the next exit; nil before the first restart.
    public private(set) var delay: Duration?
    private var lastStepAt: Tick?

    /// A container that has not been restarted yet.
    public init() {}

    /// The earliest start after an exit at `exit`. An exit cannot be older than the start that it ends; when it seems
    /// so, the wall clock was set meanwhile.
    public mutating func earliestStart(afterExitAt exit: Tick) -> Tick {
        let exit = max(exit, lastStepAt ?? exit)
        if let lastStepAt, exit - lastStepAt > Self.resetAfter {
            delay = nil
            self.lastStepAt = nil
        }
        return exit + (delay ?? .zero)
    }

    /// Takes the step that goes with a restart at `now`.
    public mutating func step(at now: Tick, _ limits: BackoffLimits) {
        delay = delay.map { min($0 * 2, limits.maximum) } ?? limits.initial
        lastStepAt = now
    }
}

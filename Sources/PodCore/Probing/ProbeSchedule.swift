/// The questions that a container is asked.
public enum ProbeKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Whether it has started. The other two are not asked before.
    case startup
    /// Whether it must be restarted.
    case liveness
    /// Whether it can serve.
    case readiness

    /// As it begins the messages of events: `Liveness`.
    var title: String {
        switch self {
        case .startup: "Startup"
        case .liveness: "Liveness"
        case .readiness: "Readiness"
        }
    }
}

/// When a question is asked and what counts as an answer: the numbers of a v1.Probe (reference §5.1).
public struct ProbeSchedule: Hashable, Sendable, Codable {
    /// From the container's start to the first question.
    public var initialDelay: Duration
    /// From question to question.
    public var period: Duration
    /// How long an answer may take.
    public var timeout: Duration
    /// How many answers alike, one after the other, it takes for a yes.
    public var successThreshold: Int
    /// How many it takes for a no.
    public var failureThreshold: Int
    /// Replaces the Pod's grace period when this question has the container ended.
    public var terminationGracePeriod: Duration?

    /// Makes a schedule; the defaults are Kubernetes'.
    public init(
        initialDelay: Duration = .zero,
        period: Duration = .seconds(10),
        timeout: Duration = .seconds(1),
        successThreshold: Int = 1,
        failureThreshold: Int = 3,
        terminationGracePeriod: Duration? = nil
    ) {
        self.initialDelay = initialDelay
        self.period = period
        self.timeout = timeout
        self.successThreshold = successThreshold
        self.failureThreshold = failureThreshold
        self.terminationGracePeriod = terminationGracePeriod
    }
}

extension ProbeSchedule {
    /// The schedule of a probe that has its defaults.
    public init(_ probe: Probe) {
        self.init(
            initialDelay: .seconds(Int64(probe.initialDelaySeconds)),
            period: .seconds(Int64(max(1, probe.periodSeconds))),
            timeout: .seconds(Int64(max(1, probe.timeoutSeconds))),
            successThreshold: Int(max(1, probe.successThreshold)),
            failureThreshold: Int(max(1, probe.failureThreshold)),
            terminationGracePeriod: probe.terminationGracePeriodSeconds.map { .seconds($0) }
        )
    }
}

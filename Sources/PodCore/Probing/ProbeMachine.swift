/// One probe of one running instance: when the next attempt is due, and what the answers so far amount to (reference
/// §5.2, §5.3). Pure: times and outcomes are arguments.
///
/// A conclusion changes only when as many answers alike have come, one after the other, as the schedule asks for.
public struct ProbeMachine: Hashable, Sendable {
    /// What is to be done after an attempt.
    public enum Verdict: Hashable, Sendable {
        /// Ask again at once: it was not the container that failed.
        case again
        /// Wait for the next time; with what is to be told, and the conclusion if it is another than before.
        case wait(PodRecord?, conclusion: Bool?)
    }

    /// How often a question is put that cannot be asked.
    static let attemptsMax = 3
    /// Longer answers are cut in events; etcd would take no longer message from a kubelet either.
    static let messageMax = 1024

    /// What is asked.
    public let kind: ProbeKind
    private let schedule: ProbeSchedule
    private var nextAt: Tick
    private var isUnderWay = false
    private var attempts = 0
    private var answer: Bool?
    private var answersAlike = 0
    /// The last conclusion; nil while there is none.
    public private(set) var conclusion: Bool?

    /// A probe that is first asked at `first`. `conclusion` is what holds until there is another.
    public init(_ kind: ProbeKind, _ schedule: ProbeSchedule, first: Tick, conclusion: Bool?) {
        self.kind = kind
        self.schedule = schedule
        nextAt = first
        self.conclusion = conclusion
    }

    /// When the next attempt is due; nil while one is under way.
    public var dueAt: Tick? { isUnderWay ? nil : nextAt }

    /// Claims the attempt that is due at `now`; whether there is one. Times that have been missed are not made up for.
    public mutating func begin(at now: Tick) -> Bool {
        guard !isUnderWay, now >= nextAt else { return false }
        isUnderWay = true
        attempts = 1
        let missed = (now - nextAt).wholeNanoseconds / max(1, schedule.period.wholeNanoseconds)
        nextAt = nextAt + schedule.period * Int(missed + 1)
        return true
    }

    /// Takes what came of the attempt, for the container `name`. After an answer that took longer than a period the next
    /// question is due at once, as with the ticker of a kubelet, which keeps one time that was missed.
    public mutating func take(_ outcome: ProbeOutcome, of name: String) -> Verdict {
        if case .error = outcome, attempts < Self.attemptsMax {
            attempts += 1
            return .again
        }
        isUnderWay = false
        switch outcome {
        case .success: return .wait(nil, conclusion: conclude(true))
        case .warning(let text):
            return .wait(record("ProbeWarning", "warning: \(text)", name), conclusion: conclude(true))
        case .failure(let text):
            return .wait(record("Unhealthy", "failed: \(text)", name), conclusion: conclude(false))
        case .error(let text):
            let message = "errored and resulted in unknown state: \(text)"
            return .wait(record("Unhealthy", message, name), conclusion: nil)
        }
    }

    private func record(_ reason: String, _ message: String, _ name: String) -> PodRecord {
        let text = "\(kind.title) probe \(message)".truncated(toBytes: Self.messageMax)
        return PodRecord(.warning, reason, text, container: name)
    }

    /// The new conclusion, if it is another than before.
    private mutating func conclude(_ isYes: Bool) -> Bool? {
        answersAlike = answer == isYes ? answersAlike + 1 : 1
        answer = isYes
        let threshold = isYes ? schedule.successThreshold : schedule.failureThreshold
        guard answersAlike >= threshold, conclusion != isYes else { return nil }
        conclusion = isYes
        return isYes
    }
}

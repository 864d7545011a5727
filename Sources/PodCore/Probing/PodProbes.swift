/// All probes of one Pod. Follows the Pod's machine, which says what runs and how far it has come, and tells it of new
/// conclusions; an answer that changes nothing never gets to it. Pure, as that is.
public struct PodProbes: Sendable {
    /// One question to one instance.
    public struct Question: Hashable, Sendable {
        /// The instance.
        public var run: RunID
        /// Its container.
        public var container: String
        /// What is asked.
        public var kind: ProbeKind

        /// Makes a question.
        public init(_ run: RunID, _ container: String, _ kind: ProbeKind) {
            self.run = run
            self.container = container
            self.kind = kind
        }
    }

    /// Nothing has to be probed of most Pods.
    private let isEmpty: Bool
    private let uid: String
    private let agentStartedAt: Timestamp
    private(set) var machines: [Question: ProbeMachine] = [:]

    /// The probes of a Pod. Instances that are older than `agentStartedAt` were probed by an earlier podagent.
    public init(_ lifecycle: PodLifecycle, uid: String, agentStartedAt: Timestamp) {
        self.uid = uid
        self.agentStartedAt = agentStartedAt
        isEmpty = (lifecycle.initContainers + lifecycle.containers).allSatisfy { container in
            container.probes.isEmpty
        }
    }

    /// When the next question is due.
    public var nextAlarm: Tick? { machines.values.compactMap(\.dueAt).min() }

    /// Begins to ask what is to be asked now, and stops asking the rest. Returns the questions that nobody asks any more:
    /// an attempt may be under way.
    public mutating func follow(_ machine: PodMachine, at now: Moment) -> [Question] {
        if isEmpty, machines.isEmpty { return [] }
        var wanted: Set<Question> = []
        for record in machine.containers {
            for kind in ProbeKind.allCases where machine.isProbed(record, kind) {
                guard case .running(let run, let startedAt) = record.state,
                    let schedule = machine.lifecycle.container(record.name)?.probes[kind]
                else { continue }
                let question = Question(run, record.name, kind)
                wanted.insert(question)
                if machines[question] != nil { continue }
                machines[question] = ProbeMachine(
                    kind,
                    schedule,
                    first: first(question, schedule, startedAt, now),
                    conclusion: record.conclusion(of: kind)
                )
            }
        }
        let moot = machines.keys.filter { !wanted.contains($0) }
        for question in moot { machines[question] = nil }
        return moot
    }

    /// Claims the questions that are due.
    public mutating func begin(at now: Tick) -> [Question] {
        machines.keys.filter { machines[$0]?.begin(at: now) == true }
    }

    /// Takes what came of an attempt; nil when nobody asks that any more.
    public mutating func take(_ outcome: ProbeOutcome, of question: Question) -> ProbeMachine.Verdict? {
        machines[question]?.take(outcome, of: question.container)
    }

    /// As soon as the initial delay has passed. A restarted podagent would otherwise ask everything at once: it begins
    /// with each probe at another part of its period, always the same.
    private func first(
        _ question: Question,
        _ schedule: ProbeSchedule,
        _ startedAt: Timestamp,
        _ now: Moment
    ) -> Tick {
        let first = max(now.tick, now.tick(of: startedAt) + schedule.initialDelay)
        guard startedAt < agentStartedAt else { return first }
        let hash = FNV1a64.hash("\(uid)/\(question.container)/\(question.kind.rawValue)")
        return first + schedule.period * (Double(hash >> 11) / Double(1 << 53))
    }
}

extension PodMachine {
    /// Whether the container is to be asked this now (reference §5.2.5, §5.6).
    fileprivate func isProbed(_ record: ContainerRecord, _ kind: ProbeKind) -> Bool {
        guard !isResuming, record.role != .initialization, record.progress?.postStart == .done else {
            return false
        }
        let isEnding = record.stop != nil || ending != nil || shutdownGrace != nil
        switch kind {
        case .startup: return !record.hasStarted && !isEnding
        case .liveness: return record.hasStarted && !isEnding
        // What can still serve while it ends is to be known until it has ended.
        case .readiness: return record.hasStarted
        }
    }
}

extension ContainerRecord {
    /// What holds before there is an answer (reference §5.3.1).
    fileprivate func conclusion(of kind: ProbeKind) -> Bool? {
        switch kind {
        case .startup: nil
        case .liveness: true
        case .readiness: progress?.isReady ?? false
        }
    }
}

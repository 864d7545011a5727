import PodCore

/// `podagent wait`: blocks until a Pod is what is asked for.
enum WaitCommand {
    static let verb = Verb(
        name: "wait",
        synopsis: "pod NAME --for CONDITION",
        summary: "Wait until a Pod is ready, has ended or is gone.",
        details: """
            CONDITION is condition=TYPE or condition=TYPE=STATUS (Ready, Initialized, ...; the
            status is True if not given), phase=PHASE (Pending, Running, Succeeded, Failed),
            create or delete. A Pod that does not exist yet is waited for.
            """,
        examples: [
            "wait pod web --for condition=Ready --timeout 60s", "wait pod job --for phase=Succeeded",
            "wait pod web --for delete",
        ],
        flags: [
            .value("for", nil, "CONDITION", "What to wait for."),
            .value("timeout", nil, "DURATION", "How long to wait; 30s if not given, 0 looks once."),
        ],
        words: 1...Int.max,
        run: { arguments, console throws(CommandError) in try run(arguments, console) }
    )

    /// What is waited for.
    enum Goal: Equatable {
        case condition(String, ConditionStatus)
        case phase(PodPhase)
        case creation
        case deletion

        init?(_ text: String) {
            let parts = text.split(separator: "=", maxSplits: 2, omittingEmptySubsequences: false).map(
                String.init
            )
            switch (parts[0], parts.dropFirst().first) {
            case ("delete", nil): self = .deletion
            case ("create", nil): self = .creation
            case ("phase", let name?):
                guard parts.count == 2,
                    let phase = PodPhase.allCases.first(where: { $0.rawValue.same(as: name) })
                else { return nil }
                self = .phase(phase)
            case ("condition", let type?):
                let wanted = parts.count > 2 ? parts[2] : "True"
                guard !type.isEmpty,
                    let status = ConditionStatus.allCases.first(where: { $0.rawValue.same(as: wanted) })
                else { return nil }
                self = .condition(type, status)
            default: return nil
            }
        }

        func judge(_ pod: Pod?, name: String) -> PodWait.Verdict {
            guard let pod else { return self == .deletion ? .met : .notYet }
            switch self {
            case .deletion: return .notYet
            case .creation: return .met
            case .condition(let type, let status):
                let condition = pod.status.conditions.first { $0.type.same(as: type) }
                return condition?.status == status ? .met : .notYet
            case .phase(let phase):
                if pod.status.phase == phase { return .met }
                // These two are for good, unless the Pod is about to be replaced.
                guard [.succeeded, .failed].contains(pod.status.phase), pod.metadata.deletionTimestamp == nil
                else { return .notYet }
                return .hopeless("pod \(pod.metadata.name) has ended in phase \(pod.status.phase.rawValue)")
            }
        }
    }

    private static func run(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        let (_, names) = try arguments.resource(of: [.pods])
        guard !names.isEmpty else { throw arguments.wrong("for which Pod?") }
        guard let text = arguments.value("for") else {
            throw arguments.wrong("for what? Give --for, as in --for condition=Ready")
        }
        guard let goal = Goal(text) else {
            throw arguments.wrong(
                "--for must be condition=TYPE, phase=PHASE, create or delete, not '\(text)'"
            )
        }
        let timeout = try arguments.duration("timeout") ?? .seconds(30)
        let wait = PodWait(client: APIClient(arguments, console), deadline: Clock.tick() + timeout)
        for name in names {
            try wait.until(namespace: arguments.namespace, name: name, goal: text) {
                goal.judge($0, name: name)
            }
            try console.print("pod/\(name) \(goal == .deletion ? "deleted" : "condition met")\n")
        }
    }
}

extension String {
    /// Whether the two differ in nothing but case, as kubectl compares conditions.
    fileprivate func same(as other: String) -> Bool { lowercased() == other.lowercased() }
}

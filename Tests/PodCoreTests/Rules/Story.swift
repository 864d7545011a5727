import FoundationEssentials
import Testing

@testable import PodCore

/// One rule of the reference as a row of a table: a Pod, what happens to it, and what it says to that.
///
/// What is said stands in words, all of it and in its order: effects (`start web 2 ×1` is the second instance of the Pod,
/// and the first restart of its container) and events as `podagent events` shows them.
struct Story: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var initContainers: [String] = []
    var containers = ["web"]
    var policy = RestartRule.always
    var change: @Sendable (inout PodLifecycle) -> Void
    var hasImages = true
    var steps: [Step]

    init(
        _ rule: String,
        init initContainers: [String] = [],
        regular containers: [String] = ["web"],
        policy: RestartRule = .always,
        hasImages: Bool = true,
        change: @escaping @Sendable (inout PodLifecycle) -> Void = { _ in },
        _ steps: Step...
    ) {
        testDescription = rule
        self.initContainers = initContainers
        self.containers = containers
        self.policy = policy
        self.hasImages = hasImages
        self.change = change
        self.steps = steps
    }

    /// Goes through the steps. The status is made after each, as the agent does.
    func play() {
        var pod = StatusDriver(init: initContainers, containers, policy: policy, change)
        pod.driver.hasImages = hasImages
        for (index, step) in steps.enumerated() {
            let said = step.act(&pod)
            #expect(said == step.expected, "step \(index + 1): \(step.name)")
            _ = pod.status()
        }
    }
}

/// One thing that happens to a Pod, or one look at it, and what comes of it.
struct Step: Sendable {
    var name: String
    var expected: [String]
    var act: @Sendable (inout StatusDriver) -> [String]

    private init(
        _ name: String,
        _ expected: [String],
        _ act: @escaping @Sendable (inout StatusDriver) -> [String]
    ) {
        self.name = name
        self.expected = expected
        self.act = act
    }

    // MARK: What happens

    static func tell(_ event: PodEvent, after seconds: Double = 0, _ expected: String...) -> Step {
        Step("\(event)", expected) { $0.hear(event, after: seconds) }
    }

    /// Volumes and sandbox come to be; what is done then.
    static func up(_ expected: String...) -> Step {
        Step("the sandbox stands", expected) { pod in
            _ = pod.hear(.alarm)
            _ = pod.hear(.prepared)
            return pod.hear(.sandboxStarted(attempt: pod.driver.machine.attempt))
        }
    }

    /// The instance runs. Its event `Started` is taken for granted.
    static func started(_ run: UInt64, _ expected: String...) -> Step {
        Step("\(run) is started", expected) { pod in
            let said = pod.hear(.containerStarted(RunID(run), at: pod.driver.now.wall))
            return said.filter { !$0.hasPrefix("Normal Started") }
        }
    }

    static func exits(_ run: UInt64, _ code: Int32, after seconds: Double = 1, _ expected: String...) -> Step
    {
        Step("\(run) exits with \(code)", expected) { pod in
            pod.wait(seconds)
            let end = pod.driver.now.wall
            return pod.hear(
                .containerExited(RunID(run), ExitStatus(code: code), startedAt: nil, finishedAt: end)
            )
        }
    }

    /// Nothing happens for so long, and then the machine is woken.
    static func passes(_ seconds: Double, _ expected: String...) -> Step {
        Step("\(seconds) s pass", expected) { $0.hear(.alarm, after: seconds) }
    }

    /// The machine asks to be woken after so long, and is; nothing is done a moment earlier.
    static func wakes(after seconds: Double, _ expected: String...) -> Step {
        Step("it wakes after \(seconds) s", expected) { pod in
            guard let alarm = pod.driver.machine.nextAlarm else { return ["no alarm"] }
            let wait = alarm - pod.driver.now.tick
            if wait != .milliseconds(Int(seconds * 1000)) { return ["alarm after \(wait.goText)"] }
            let early = pod.hear(.alarm, after: seconds - 0.001)
            return early + pod.hear(.alarm, after: 0.001)
        }
    }

    static func deleted(_ grace: Int? = nil, after seconds: Double = 0, _ expected: String...) -> Step {
        Step("it is deleted", expected) {
            $0.hear(.delete(grace: grace.map { .seconds($0) }), after: seconds)
        }
    }

    static func hook(
        _ run: UInt64,
        _ kind: HookKind,
        failure: String? = nil,
        after seconds: Double = 0,
        _ expected: String...
    ) -> Step {
        Step("\(kind) of \(run) ends", expected) {
            $0.hear(.hookEnded(RunID(run), kind, failure: failure), after: seconds)
        }
    }

    static func probed(_ run: UInt64, _ kind: ProbeKind, _ isYes: Bool, _ expected: String...) -> Step {
        Step("\(kind) of \(run) says \(isYes)", expected) { $0.hear(.probed(RunID(run), kind, isYes)) }
    }

    /// Another manifest of the same Pod.
    static func redefined(
        superseding names: Set<String>,
        to change: @escaping @Sendable (inout PodLifecycle) -> Void = { _ in },
        _ expected: String...
    ) -> Step {
        Step("\(names.sorted()) are redefined", expected) { pod in
            var lifecycle = pod.driver.machine.lifecycle
            change(&lifecycle)
            return pod.hear(.redefined(lifecycle, superseding: names))
        }
    }

    /// podagent dies and comes back after so long: the machine goes through its record, and hears what the shim knows.
    /// Those of `ended` have ended meanwhile, right after podagent died.
    static func restarted(
        after seconds: Double = 1,
        ended: [UInt64: Int32] = [:],
        _ expected: String...
    ) -> Step {
        Step("podagent is restarted", expected) { $0.restartAgent(after: seconds, ended: ended) }
    }

    // MARK: What is shown

    /// The container's state, its last state, `started` and `ready`, and its restarts.
    static func shows(_ name: String, _ text: String) -> Step {
        Step("status of \(name)", [text]) { pod in pod.shown(name).map { [$0.words] } ?? [] }
    }

    static func phase(_ phase: PodPhase, _ reason: String = "", _ message: String = "") -> Step {
        Step("phase", [phase.rawValue, reason, message]) { pod in
            let status = pod.status()
            return [status.phase.rawValue, status.reason, status.message]
        }
    }

    static func condition(_ type: String, _ holds: Bool, _ reason: String = "", _ message: String = "")
        -> Step
    {
        Step("condition \(type)", [holds ? "True" : "False", reason, message]) { pod in
            pod.condition(type).map { [$0.status.rawValue, $0.reason, $0.message] } ?? []
        }
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Everything that can die, dies at every named step of a Pod's start and stop. Afterwards the node is what its
/// manifests say, nobody else was disturbed, and every end that anybody alive knew is told.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: ChaosNode.hasBusybox, ChaosNode.needsBusybox),
    .blocking
)
struct CrashPointTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var point: CrashPoint
        var passing = 1
        var victim = CrashPoint.Victim.agent
        /// The next agent, which takes up what the first has left, dies there as well, if it comes by.
        var strikesAgain = false

        var testDescription: String { "\(victim.rawValue) dies at \(text)\(strikesAgain ? ", twice" : "")" }
        var text: String { "\(point.rawValue):\(passing)=\(victim.rawValue)" }
    }

    /// The agent dies everywhere, also where a second Pod passes by. The others die where they are sure to live.
    static let cases: [Case] = {
        var cases = CrashPoint.ofPods.map { Case(point: $0) }
        cases += CrashPoint.ofPods.map { Case(point: $0, strikesAgain: true) }
        cases += CrashPoint.comingUp.map { Case(point: $0, passing: 2) }
        for victim in [CrashPoint.Victim.shim, .pause, .container] {
            cases += CrashPoint.ofPods.filter { $0.isSure(of: victim) }.map {
                Case(point: $0, victim: victim)
            }
        }
        return cases
    }()

    @Test("Whatever dies, the node converges", arguments: cases)
    func dies(_ c: Case) throws {
        try ChaosNode.with(crashAt: c.text) { chaos in
            try putPods(chaos, c)
            try eventually("it strikes, or all is up", seconds: 90) {
                chaos.struck != nil || chaos.differences().isEmpty
            }
            chaos.node.remove("other.yaml")
            try eventually("the point is passed\n\(chaos.node.agentLog)", seconds: 90) { chaos.struck != nil }
            if c.victim == .agent {
                #expect(chaos.node.waitForAgent() == 128 + SIGKILL)
                if c.strikesAgain { try runUntilStruck(chaos, c) }
                try chaos.node.startAgent()
            }
            let struck = chaos.struck
            try chaos.expectSettled("\(c)") { pods in
                pods.flatMap { pod in
                    let isHit = c.victim != .agent && pod.metadata.uid == struck
                    return Expectation(chaos: chaos, victim: isHit ? c.victim : nil).differences(pod)
                }
            }
        }
    }

    @Test("What a start that was given up still makes goes with its Pod")
    func startGivenUp() throws {
        try ChaosNode.with(crashAt: "duringContainer=shim+1000") { chaos in
            try chaos.put("other", [.init("runs", "exec sleep 1000")])
            try eventually("the shim is killed") { chaos.struck != nil }
            chaos.node.remove("other.yaml")
            usleep(1_500_000)  // until the start goes on
            try chaos.expectSettled("nothing is left")
        }
    }

    /// An agent that dies at the same point, or when there is nothing more for it to do.
    private func runUntilStruck(_ chaos: ChaosNode, _ c: Case) throws {
        try chaos.node.spawnAgent(environment: ["PODAGENT_CRASH_AT=\(c.text)"])
        let agent = try #require(chaos.node.agent)
        do {
            try eventually("the second agent dies, or settles", seconds: 90) {
                KernelView.process(agent.pid) == nil || chaos.differences().isEmpty
            }
        } catch {
            Issue.record("\(chaos.differences())\n\(chaos.node.agentState)")
            throw error
        }
        chaos.node.killAgent()
    }

    /// `small` ends up with one container running and one held back after two ends with 23; `done` ends for good with
    /// 5; `other` is to be removed: politely, or at once where the kill is the point.
    private func putPods(_ chaos: ChaosNode, _ c: Case) throws {
        let atOnce = c.point == .beforeKill || c.point == .afterKill
        try chaos.put(
            "small",
            inits: [.init("first", "exit 0")],
            [.init("ends", "exit 23"), .init("runs", "exec sleep 1000")]
        )
        try chaos.put("done", policy: "Never", [.init("ends", "exit 5")])
        try chaos.put(
            "other",
            graceSeconds: atOnce ? 0 : 2,
            [.init("runs", "trap 'exit 0' TERM; sleep 1000 & wait")]
        )
    }
}

extension CrashPoint {
    /// Those that Pods pass.
    static let ofPods = allCases.filter { !preload.contains($0) && !ofImages.contains($0) }
    /// Those that the agent passes when it loads an archive at its start.
    static let preload: [CrashPoint] = [.beforePreload, .afterPreload, .afterPreloadRecord]

    static let comingUp: [CrashPoint] = [
        .beforeVolumes, .afterVolumes, .afterFirewall, .beforeShim, .afterShim, .shimConnected,
        .sandboxRequested,
        .pauseStarted,
        .beforeContainer, .afterContainer, .containerRequested, .containerStarted, .betweenRecords,
        .beforeRename,
        .exitHeard, .beforeForget,
    ]

    /// Whether there is a moment at which a Pod passes this point and the victim surely lives.
    func isSure(of victim: Victim) -> Bool {
        switch self {
        case .beforeVolumes, .afterVolumes, .afterFirewall, .beforeShim: victim == .agent
        case .afterShim, .shimConnected, .sandboxRequested: victim == .agent || victim == .shim
        case .pauseStarted, .beforeContainer, .duringContainer, .afterContainer, .containerRequested,
            .beforeLastRecord,
            .beforeShimEnd:
            victim == .agent || victim == .shim || victim == .pause
        case .containerStarted, .beforeRecord, .beforeRename, .afterRecord, .exitHeard, .exitTaken,
            .beforeForget,
            .afterForget, .beforeInstanceRemoved, .afterInstanceRemoved, .beforeTerminate, .beforeKill:
            true
        case .afterTerminate:
            victim != .container
        case .betweenRecords, .afterKill, .afterShimEnd, .beforeCgroupRemoved, .afterCgroupRemoved,
            .afterRunDirectoryRemoved, .afterLinkRemoved,
            .beforeVolumesRemoved, .afterVolumesRemoved, .afterWritableLayersRemoved, .beforeLogsRemoved,
            .afterLogsRemoved, .afterStateRemoved, .finished, .beforePreload, .afterPreload,
            .afterPreloadRecord:
            victim == .agent
        case .pullResolved, .beforeLayer, .layerUnpacked, .layerMoved, .beforeImageRecord, .afterImageRecord,
            .imageVisible:
            false
        }
    }
}

/// What the Pods of these tests come to, when nothing or `victim` of theirs has died.
private struct Expectation {
    let chaos: ChaosNode
    let victim: CrashPoint.Victim?

    func differences(_ pod: Pod) -> [String] {
        switch pod.metadata.name {
        case "small-node1": small(pod)
        case "done-node1": done(pod)
        default: []
        }
    }

    private func small(_ pod: Pod) -> [String] {
        var found = check(pod, "first", pod.status("first")?.state, [0])
        found += check(pod, "ends", pod.status("ends")?.lastState, [23])
        if pod.status("ends")?.state.waiting?.reason != "CrashLoopBackOff" {
            found.append("ends of \(pod.metadata.name) is not held back")
        }
        let runs = pod.status("runs")
        if runs?.state.running == nil { found.append("runs of \(pod.metadata.name) does not run") }
        if let last = runs?.lastState, last != .empty { found += check(pod, "runs", last, []) }
        let counts: [(String, Int32)] = [("first", 0), ("ends", 1), ("runs", 0)]
        for (name, count) in counts {
            found += checkCount(pod, "small", name, count)
        }
        return found
    }

    private func done(_ pod: Pod) -> [String] {
        var found = checkCount(pod, "done", "ends", 0)
        if pod.status.phase != .failed { found.append("\(pod.metadata.name) is \(pod.status.phase)") }
        let state = pod.status("ends")?.state
        // See ``StartErrorTests``: a start that failed because something died is shown as waiting for good.
        if victim != nil, state?.waiting?.reason == "RunContainerError" { return found }
        return found + check(pod, "ends", state, [5])
    }

    /// An end that nobody has seen is told only when nobody was left who could have, which is the shim.
    private func check(_ pod: Pod, _ name: String, _ state: ContainerState?, _ codes: [Int32]) -> [String] {
        guard let end = state?.terminated else { return ["\(name) of \(pod.metadata.name) shows no end"] }
        let subject = "\(name) of \(pod.metadata.name) ended with \(end.exitCode) (\(end.reason))"
        if end.reason == "ContainerStatusUnknown" {
            return victim == .shim && end.exitCode == 137 ? [] : [subject]
        }
        if codes.contains(end.exitCode) { return [] }
        let isKilled = end.exitCode == 128 + SIGKILL || end.reason == "StartError"
        return victim != nil && isKilled ? [] : [subject]
    }

    /// Whatever ran is counted. Where the agent alone has died, nothing has run that would not have run anyway.
    private func checkCount(_ pod: Pod, _ label: String, _ name: String, _ count: Int32) -> [String] {
        let told = pod.status(name)?.restartCount ?? -1
        let ran = Int32(chaos.timesRun(label, name))
        let isRight = victim == nil ? told == count && ran == count + 1 : victim == .shim || ran <= told + 1
        return isRight ? [] : ["\(name) of \(pod.metadata.name) ran \(ran) times, with restart count \(told)"]
    }
}

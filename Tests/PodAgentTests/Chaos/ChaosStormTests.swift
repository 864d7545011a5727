import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Much at once, and nobody knows when.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: ChaosNode.hasBusybox, ChaosNode.needsBusybox),
    .blocking
)
struct ChaosStormTests {
    @Test(
        "Everything of a node is killed at once, and comes back",
        arguments: [
            "agent and shims", "agent, shims, pauses and containers", "shims", "pauses", "containers",
        ]
    )
    func allAtOnce(_ what: String) throws {
        try ChaosNode.with { chaos in
            for number in 1...4 { try putPair("pod\(number)", chaos) }
            try chaos.expectSettled("they run")
            let killsAgent = what.hasPrefix("agent")
            var pids: [pid_t] = killsAgent ? [try #require(chaos.node.agent?.pid)] : []
            for (_, leaves) in KernelView(of: chaos.node).pods {
                for (leaf, members) in leaves {
                    pids += members.filter { isMeant($0, leaf, what) }.map(\.pid)
                }
            }
            for pid in pids { kill(pid, SIGKILL) }
            if killsAgent {
                chaos.node.killAgent()
                try chaos.node.startAgent()
            }
            let reason = what.contains("shims") ? "ContainerStatusUnknown" : "Error"
            try chaos.expectSettled("they run again") { pods in
                pods.flatMap { pod in lastEnds(pod, reason) }
            }
            for number in 1...4 { #expect(chaos.timesRun("pod\(number)", "runs") == 2) }
        }
    }

    private func isMeant(_ process: KernelView.Process, _ leaf: String, _ what: String) -> Bool {
        if leaf != "shim" { return what.contains("containers") }
        return process.name == "podshim" ? what.contains("shims") : what.contains("pauses")
    }

    private func lastEnds(_ pod: Pod, _ reason: String) -> [String] {
        guard let runs = pod.status("runs"), runs.state.running != nil, runs.restartCount == 1,
            let last = runs.lastState.terminated, last.exitCode == 137, last.reason == reason
        else { return ["\(pod.metadata.name): \(String(describing: pod.status("runs")))"] }
        return []
    }

    private func putPair(_ name: String, _ chaos: ChaosNode) throws {
        try chaos.put(name, [.init("runs", "exec sleep 1000"), .init("ends", "exit 23")])
    }

    /// While an agent is there it puts them back at once: see PlaceKeeperTests.
    @Test(
        "The socket or the run directory is removed between two agents, and the next one makes it anew",
        arguments: ["socket", "run"]
    )
    func removed(_ what: String) throws {
        try ChaosNode.with { chaos in
            try putPair("small", chaos)
            try chaos.expectSettled("it runs")
            let before = chaos.processes(of: try chaos.pod("small"), in: "runs-0").map(\.pid)
            let root = try RootedDirectory(hostPath: chaos.node.directory)
            chaos.node.killAgent()
            if what == "socket" {
                unlink(chaos.node.socket)
            } else {
                try root.removeTree("run")
            }
            try chaos.node.startAgent()
            try chaos.expectSettled("it runs") { pods in
                pods.first?.status("runs")?.state.running == nil ? ["it does not run"] : []
            }
            if what == "socket" {
                #expect(chaos.processes(of: try chaos.pod("small"), in: "runs-0").map(\.pid) == before)
            }
        }
    }

    /// Manifests come, change and go while the agent is killed again and again; what its shims knew is never lost.
    @Test("An agent that is killed at random moments converges", arguments: UInt64(1)...4)
    func random(_ seed: UInt64) throws {
        try ChaosNode.with { chaos in
            var random = SplitMix(state: seed)
            var wanted: [String: Int] = [:]
            var version = 0
            try chaos.put("keep", [.init("runs", "exec sleep 1000")])
            try chaos.expectSettled("one runs")
            let before = chaos.processes(of: try chaos.pod("keep"), in: "runs-0").map(\.pid)
            for _ in 0..<20 {
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    version += 1
                    try change(&wanted, version, chaos, &random)
                    usleep(UInt32.random(in: 0..<30_000, using: &random))
                }
                chaos.node.killAgent()
                try chaos.node.spawnAgent()
                usleep(UInt32.random(in: 0..<150_000, using: &random))
            }
            try eventually("the agent answers") { (try? chaos.node.toldPods()) != nil }
            try chaos.expectSettled("seed \(seed)") { pods in
                pods.flatMap { differences($0, wanted, chaos) }
            }
            #expect(chaos.processes(of: try chaos.pod("keep"), in: "runs-0").map(\.pid) == before)
            let starts = (1...4).flatMap { name in
                (1...version).map { chaos.timesRun("pod\(name)", "v\($0)") }
            }
            #expect(starts.allSatisfy { $0 <= 1 }, "nothing was started twice")
        }
    }

    @Test("Whatever is killed at random moments, the node converges", arguments: UInt64(1)...4)
    func randomVictims(_ seed: UInt64) throws {
        try ChaosNode.with(backoff: "50ms") { chaos in
            var random = SplitMix(state: seed)
            var wanted: Set<String> = []
            for _ in 0..<20 {
                let name = "pod\(Int.random(in: 1...4, using: &random))"
                if wanted.remove(name) == nil {
                    wanted.insert(name)
                    try chaos.put(name, inits: [.init("first", "exit 0")], [.init("runs", "exec sleep 1000")])
                } else {
                    chaos.node.remove("\(name).yaml")
                }
                usleep(UInt32.random(in: 0..<100_000, using: &random))
                try killOne(chaos, &random)
            }
            try chaos.expectSettled("seed \(seed)", seconds: 60) { pods in
                pods.filter { $0.status("runs")?.state.running == nil }.map {
                    "\($0.metadata.name) does not run"
                }
            }
        }
    }

    /// The agent, or any process of any Pod.
    private func killOne(_ chaos: ChaosNode, _ random: inout SplitMix) throws {
        let processes = KernelView(of: chaos.node).pods.values.flatMap { $0.values.joined() }.map(\.pid)
        guard let victim = processes.sorted().randomElement(using: &random),
            Int.random(in: 0..<3, using: &random) > 0
        else {
            chaos.node.killAgent()
            return try chaos.node.startAgent()
        }
        kill(victim, SIGKILL)
    }

    /// Puts or removes one of four Pods. The number of its version is what it says as it starts, and its exit code.
    private func change(
        _ wanted: inout [String: Int],
        _ version: Int,
        _ chaos: ChaosNode,
        _ random: inout SplitMix
    ) throws {
        let name = "pod\(Int.random(in: 1...4, using: &random))"
        if wanted[name] != nil, Bool.random(using: &random) {
            wanted[name] = nil
            return chaos.node.remove("\(name).yaml")
        }
        wanted[name] = version
        let ends = ChaosNode.Script("ends", "echo v\(version) >> /ran/\(name); exit \(version)")
        let inits = Bool.random(using: &random) ? [ChaosNode.Script("first", "exit 0")] : []
        try chaos.put(name, policy: "Never", inits: inits, [ends, .init("runs", "exec sleep 1000")])
    }

    private func differences(_ pod: Pod, _ wanted: [String: Int], _ chaos: ChaosNode) -> [String] {
        let name = String(pod.metadata.name.dropLast("-node1".count))
        guard name != "keep" else {
            return pod.status("runs")?.restartCount == 0 ? [] : ["keep was restarted"]
        }
        let end = pod.status("ends")?.state.terminated
        guard let version = wanted[name], end?.exitCode == Int32(version), end?.reason == "Error",
            pod.status("runs")?.state.running != nil, chaos.timesRun(name, "v\(version)") == 1
        else {
            return [
                "\(name): \(String(describing: pod.status("ends")?.state)), not \(String(describing: wanted[name]))"
            ]
        }
        return []
    }
}

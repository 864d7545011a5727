import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What an agent that was killed can leave on disk, put there by hand: the next one removes it.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: ChaosNode.hasBusybox, ChaosNode.needsBusybox),
    .blocking
)
struct RemainsTests {
    @Test("A sandbox that is not in the record goes with its Pod")
    func sandboxOfEndedPod() throws {
        try ChaosNode.with { chaos in
            try chaos.put("done", policy: "Never", [.init("ends", "exit 5")])
            try chaos.expectSettled("it has ended") { pods in
                pods.first?.status.phase == .failed ? [] : ["it has not ended"]
            }
            let uid = try chaos.pod("done").metadata.uid
            chaos.node.killAgent()
            mkdir("\(chaos.node.directory)/run/pods/\(uid)", 0o700)
            _ = try Cgroups(name: chaos.node.cgroup).leaf("shim", pod: uid)
            chaos.node.remove("done.yaml")
            try chaos.node.startAgent()
            try chaos.expectSettled("nothing is left of it")
        }
    }

    @Test("Instances that ended, and logs that were to go, go when the agent is back")
    func instances() throws {
        try ChaosNode.with { chaos in
            try chaos.put("small", [.init("runs", "exec sleep 1000"), .init("ends", "exit 23")])
            try chaos.expectSettled("it runs") { pods in
                pods.first?.status("ends")?.restartCount == 1 ? [] : ["it has not ended twice"]
            }
            let pod = try chaos.pod("small")
            let before = chaos.processes(of: pod, in: "runs-0").map(\.pid)
            chaos.node.killAgent()
            let state = try RootedDirectory(
                hostPath: "\(chaos.node.directory)/state/pods/\(pod.metadata.uid)"
            )
            for name in ["ends-0", "ends-1"] {
                _ = try state.makeDirectory("containers/\(name)/upper/some", mode: 0o755)
                _ = try Cgroups(name: chaos.node.cgroup).leaf(name, pod: pod.metadata.uid)
            }
            try chaos.node.startAgent()
            try chaos.expectSettled("the remains are gone")
            #expect(chaos.processes(of: pod, in: "runs-0").map(\.pid) == before)
        }
    }
}

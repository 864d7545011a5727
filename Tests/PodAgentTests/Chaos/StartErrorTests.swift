import PodCore
import Testing

@testable import PodAgent

@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: ChaosNode.hasBusybox, ChaosNode.needsBusybox),
    .blocking
)
struct StartErrorTests {
    /// As in Kubernetes, where only a container that is to be restarted is shown as waiting.
    @Test("A container that could not be started and is not to be restarted shows its end")
    func startErrorUnderNever() throws {
        try ChaosNode.with { chaos in
            try chaos.put("done", policy: "Never", [.init("ends", "exit 5")])
            let manifest = readText("\(chaos.node.manifests)/done.yaml")
            chaos.node.remove("done.yaml")
            try chaos.expectSettled("the first version is gone")
            try chaos.node.put("done.yaml", manifest.replacing("\"/bin/sh\"", with: "\"/bin/none\""))
            try chaos.expectSettled("it has failed") { pods in
                pods.first?.status.phase == .failed ? [] : ["it has not failed"]
            }
            let state = try chaos.pod("done").status("ends")?.state
            #expect(state?.terminated?.exitCode == 128)
            #expect(state?.terminated?.reason == "StartError")
        }
    }
}

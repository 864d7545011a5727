import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The state directory is full for a while.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: ChaosNode.hasBusybox, ChaosNode.needsBusybox),
    .blocking
)
struct FullDiskTests {
    @Test(
        "With a full disk what runs goes on, ends are told, and what is new says why it waits",
        arguments: ["the agent lives on", "the agent is killed and comes back meanwhile"]
    )
    func fullDisk(_ how: String) throws {
        try ChaosNode.with(stateSize: "4m") { chaos in
            try chaos.put("small", [.init("runs", "exec sleep 1000")])
            try chaos.put("done", policy: "Never", [.init("ends", untilReleased + "exit 42")])
            try chaos.expectSettled("both run")
            let small = try chaos.pod("small")
            let before = chaos.processes(of: small, in: "runs-0").map(\.pid)
            try fill(chaos)
            if how != "the agent lives on" {
                chaos.node.killAgent()
                try chaos.node.startAgent()
            }
            try chaos.touch("release")
            try eventually("the end is told") { try exitCode(chaos) == 42 }
            try chaos.put("new", [.init("runs", "exec sleep 1000")])
            try eventually("it is told why the new one waits") {
                try chaos.node.ask("events").contains("No space left on device")
            }
            #expect(try chaos.pod("new").status("runs")?.state.running == nil)
            unlink(filling(chaos))
            try chaos.expectSettled("the new one runs") { pods in
                pods.count == 3 && pods.allSatisfy { $0.status.phase != .pending } ? [] : ["one is missing"]
            }
            #expect(chaos.processes(of: small, in: "runs-0").map(\.pid) == before)
            chaos.node.killAgent()
            try chaos.node.startAgent()
            try chaos.expectSettled("the next agent knows the end") { _ in
                let code = try? exitCode(chaos)
                return code == 42 ? [] : ["done ended with \(String(describing: code))"]
            }
        }
    }

    /// Holds a container until the test makes the file.
    private let untilReleased = "until [ -e /ran/release ]; do sleep 0.02; done; "

    private func exitCode(_ chaos: ChaosNode) throws -> Int32? {
        try chaos.pod("done").status("ends")?.state.terminated?.exitCode
    }

    private func filling(_ chaos: ChaosNode) -> String { "\(chaos.node.directory)/state/filling" }

    private func fill(_ chaos: ChaosNode) throws {
        let path = filling(chaos)
        let file = Descriptor(
            adopting: try check("open", path) { cns_openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0o600) }
        )
        let raw = file.raw
        var bytes = [UInt8](repeating: 1, count: 65_536)
        while true {
            let written = write(raw, &bytes, bytes.count)
            if written < 0 && errno == ENOSPC && bytes.count == 1 { return }
            if written < 0 { bytes = [1] }
        }
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Records that are not what was written.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: ChaosNode.hasBusybox, ChaosNode.needsBusybox),
    .blocking
)
struct RecordDamageTests {
    enum Damage: Sendable, CustomStringConvertible {
        case truncatedToNothing, truncatedInHalf, zeroed, zeroedFromTheMiddle
        /// One bit, somewhere.
        case flipped(seed: UInt64)

        var description: String {
            switch self {
            case .truncatedToNothing: "truncated to nothing"
            case .truncatedInHalf: "truncated in half"
            case .zeroed: "zeroed"
            case .zeroedFromTheMiddle: "zeroed from the middle"
            case .flipped(let seed): "one bit flipped, seed \(seed)"
            }
        }

        func apply(to bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            switch self {
            case .truncatedToNothing: return []
            case .truncatedInHalf: return Array(bytes.prefix(bytes.count / 2))
            case .zeroed: return bytes.map { _ in 0 }
            case .zeroedFromTheMiddle:
                for index in (bytes.count / 2)..<bytes.count { bytes[index] = 0 }
            case .flipped(let seed):
                var random = SplitMix(state: seed)
                let index = Int.random(in: bytes.indices, using: &random)
                bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            return bytes
        }
    }

    static let damages: [Damage] =
        [.truncatedToNothing, .truncatedInHalf, .zeroed, .zeroedFromTheMiddle]
        + (1...6).map { .flipped(seed: $0) }

    @Test(
        "A damaged record is set aside and reported, and its Pod runs as its manifest says",
        arguments: ["pod.json", "machine.json"],
        damages
    )
    func damaged(_ file: String, _ damage: Damage) throws {
        try ChaosNode.with { chaos in
            try chaos.put("small", [.init("runs", "exec sleep 1000")])
            try chaos.put("other", [.init("runs", "exec sleep 1000")])
            try chaos.expectSettled("both run")
            let (small, other) = (try chaos.pod("small"), try chaos.pod("other"))
            let before = chaos.processes(of: other, in: "runs-0").map(\.pid)
            chaos.node.killAgent()
            let pods = try RootedDirectory(hostPath: "\(chaos.node.directory)/state/pods")
            let directory = try pods.directory(small.metadata.uid)
            let bytes = try directory.read(file, limit: 1 << 20)
            try directory.replaceFile(file, with: damage.apply(to: bytes), mode: 0o600)

            try chaos.node.startAgent()
            let aside = try pods.entries().filter { $0.hasPrefix("unreadable-\(small.metadata.uid)") }
            #expect(aside.count == 1)
            chaos.audit.setAside = aside
            try chaos.expectSettled("it runs again") { pods in pods.count == 2 ? [] : ["\(pods.count) Pods"] }
            #expect(try chaos.node.ask("events", "-A").contains("UnreadableRecord"))
            #expect(chaos.timesRun("small", "runs") == 2)
            #expect(chaos.processes(of: other, in: "runs-0").map(\.pid) == before, "the other is untouched")
            for name in aside { try pods.removeTree(name) }
        }
    }

    @Test("A record that is damaged again is set aside again")
    func damagedTwice() throws {
        try ChaosNode.with { chaos in
            let pods = try RootedDirectory(hostPath: "\(chaos.node.directory)/state/pods")
            try chaos.put("small", [.init("runs", "exec sleep 1000")])
            for times in 1...2 {
                try chaos.expectSettled("it runs")
                let uid = try chaos.pod("small").metadata.uid
                chaos.node.killAgent()
                try pods.directory(uid).replaceFile("machine.json", with: [], mode: 0o600)
                try chaos.node.startAgent()
                chaos.audit.setAside = try pods.entries().filter { $0.hasPrefix("unreadable-\(uid)") }
                #expect(chaos.audit.setAside.count == times)
            }
            for name in chaos.audit.setAside { try pods.removeTree(name) }
        }
    }

    @Test("A record that lies in another Pod's directory is set aside")
    func misplaced() throws {
        try ChaosNode.with { chaos in
            try chaos.put("small", [.init("runs", "exec sleep 1000")])
            try chaos.expectSettled("it runs")
            let uid = try chaos.pod("small").metadata.uid
            chaos.node.killAgent()
            let pods = try RootedDirectory(hostPath: "\(chaos.node.directory)/state/pods")
            try #require(renameat(pods.raw, uid, pods.raw, "0123") == 0)
            try chaos.node.startAgent()
            let aside = try pods.entries().filter { $0.hasPrefix("unreadable-0123") }
            #expect(aside.count == 1)
            chaos.audit.setAside = aside
            try chaos.expectSettled("it runs again")
            for name in aside { try pods.removeTree(name) }
        }
    }
}

@Suite struct RecordSealTests {
    private static let content = Array("{\"version\": 1}".utf8)

    @Test("A sealed record gives its content back")
    func opens() throws {
        for content in [Self.content, [], Array("a\n\nb\n".utf8)] {
            #expect(try RecordSeal.content(of: RecordSeal.sealed(content)) == content)
        }
    }

    @Test("Every flip of one bit is found, or leaves the content as it was")
    func flips() {
        let record = RecordSeal.sealed(Self.content)
        for index in record.indices {
            for bit in 0..<8 {
                var flipped = record
                flipped[index] ^= 1 << UInt8(bit)
                guard let content = try? RecordSeal.content(of: flipped) else { continue }
                // Then the seal is no seal any more; what is left of it is a comment, or no JSON.
                #expect(content == Self.content || content == flipped)
                if content == flipped { #expect(index >= Self.content.count) }
            }
        }
    }

    @Test("A record from before there were seals is taken as it is", arguments: ["", "{}", "{}\n", "\n"])
    func unsealed(_ text: String) throws {
        #expect(try RecordSeal.content(of: Array(text.utf8)) == Array(text.utf8))
    }
}

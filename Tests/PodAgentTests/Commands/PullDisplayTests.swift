import PodCore
import Testing

@testable import PodAgent

/// What `image pull` prints while it goes on.
@Suite struct PullDisplayTests {
    private static func digest(_ byte: UInt8) -> Digest {
        Digest(algorithm: .sha256, bytes: [UInt8](repeating: byte, count: 32))
    }

    private static func state(_ received: Int64, isHere: Bool = false) -> PullState {
        var state = PullState()
        state.layers = [
            .init(digest: digest(0xAA), size: 1_000_000, isHere: true),
            .init(digest: digest(0xBB), size: 2_000_000, received: received, isHere: isHere),
        ]
        return state
    }

    @Test("Where no terminal is, each thing is told once")
    func lines() {
        var display = PullDisplay(isTerminal: false)
        #expect(display.update(PullState()) == "asking the registry\n")
        #expect(display.update(PullState()) == "")
        #expect(display.update(Self.state(0)) == "aaaaaaaaaaaa: done, 1MB\n")
        #expect(display.update(Self.state(1_500_000)) == "")
        #expect(display.update(Self.state(2_000_000, isHere: true)) == "bbbbbbbbbbbb: done, 2MB\n")
        #expect(display.update(Self.state(2_000_000, isHere: true)) == "")
    }

    @Test("On a terminal each layer has a bar, drawn over the one before")
    func bars() {
        var display = PullDisplay(isTerminal: true)
        #expect(display.update(PullState()) == "\rasking the registry\u{1B}[K\n")
        let full = String(repeating: "#", count: 30)
        let half = String(repeating: "#", count: 15) + String(repeating: ".", count: 15)
        #expect(
            display.update(Self.state(1_000_000)) == "\u{1B}[1A\raaaaaaaaaaaa [\(full)] done\u{1B}[K\n"
                + "\rbbbbbbbbbbbb [\(half)] 1MB/2MB\u{1B}[K\n\r2MB of 3MB, 1 of 2 layers\u{1B}[K\n"
        )
        #expect(display.update(Self.state(2_000_000, isHere: true)).hasPrefix("\u{1B}[3A\raaaaaaaaaaaa"))
    }

    @Test("What goes over the socket comes out the same")
    func wire() throws {
        for state in [Self.state(7), PullState(), .queued] {
            let sent = try #require(PullUpdate.progress(state).document["progress"])
            let parsed = JSONReader.read(Array(sent.json().utf8))
            #expect(PullState(try #require(parsed.documents.first)) == state)
        }
    }
}

import PodCore
import Testing

@Suite struct PhaseCountsTests {
    @Test(
        "The line says how many Pods there are, and in which phases",
        arguments: [
            ([], "no Pods"),
            ([.pending], "1 Pod: 1 pending"),
            ([.failed, .running, .running], "3 Pods: 2 running, 1 failed"),
            (
                [.unknown, .failed, .succeeded, .pending, .running],
                "5 Pods: 1 running, 1 pending, 1 succeeded, 1 failed, 1 unknown"
            ),
        ] as [([PodPhase], String)]
    )
    func summary(phases: [PodPhase], line: String) {
        var counts = PhaseCounts()
        for phase in phases { counts.move(from: nil, to: phase) }
        #expect(counts.summary == line)
        #expect(counts.total == phases.count)
    }

    @Test("A Pod that goes on is counted where it is now, and one that is gone not at all")
    func moves() {
        var counts = PhaseCounts()
        counts.move(from: nil, to: .pending)
        counts.move(from: nil, to: .pending)
        counts.move(from: .pending, to: .running)
        #expect(counts.summary == "2 Pods: 1 running, 1 pending")
        counts.move(from: .pending, to: nil)
        #expect(counts.summary == "1 Pod: 1 running")
        counts.move(from: .running, to: nil)
        #expect(counts == PhaseCounts())
    }

    @Test("A Pod cannot leave a phase that it was not in")
    func wrongMove() async {
        await #expect(processExitsWith: .failure) {
            var counts = PhaseCounts()
            counts.move(from: .running, to: .failed)
        }
    }
}

import Testing

@testable import PodCore

@Suite struct PodSimulationTests {
    private static let seedsPerShare: UInt64 = 250

    @Test("Whatever befalls a Pod, what must hold holds, and it comes to rest", arguments: UInt64(0)..<8)
    func seeds(share: UInt64) {
        for seed in (share * Self.seedsPerShare)..<((share + 1) * Self.seedsPerShare) {
            var simulation = PodSimulation(seed: seed)
            simulation.run()
            if simulation.violations.isEmpty { continue }
            // Once more, to tell how it came to that.
            var again = PodSimulation(seed: seed, tracing: true)
            again.run()
            let story = (again.trace ?? []).suffix(40).joined(separator: "\n")
            Issue.record("seed \(seed): \(again.violations.joined(separator: "; "))\n\(story)")
            return
        }
    }
}

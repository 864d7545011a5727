import Testing

@testable import PodCore

#if canImport(Glibc)
    import Glibc
#endif

/// `make simulate` sets PODAGENT_SIMULATE to the first seed and the number of seeds.
@Suite struct NodeSimulationTests {
    private static let asked: (first: UInt64, count: UInt64)? = {
        guard let text = getenv("PODAGENT_SIMULATE") else { return nil }
        let numbers = String(cString: text).split(separator: " ").compactMap { UInt64($0) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }()

    private static let shares: [Range<UInt64>] = {
        let (first, count) = asked ?? (0, 2000)
        let size = (count + 7) / 8
        return (0..<8).map { first + min(count, $0 * size)..<first + min(count, ($0 + 1) * size) }
    }()

    @Test("Whatever befalls a node, what must hold holds, and it comes to rest", arguments: shares)
    func seeds(_ seeds: Range<UInt64>) async {
        let began = ContinuousClock.now
        var podSeconds = 0.0
        for seed in seeds {
            // Other tests wait for answers meanwhile, on as few threads as there are processors.
            await Task.yield()
            let simulation = NodeSimulation(seed: seed)
            simulation.run()
            podSeconds += simulation.podSeconds
            if simulation.violations.isEmpty { continue }
            // Once more, to tell how it came to that.
            let again = NodeSimulation(seed: seed, tracing: true)
            again.run()
            let story = (again.trace ?? []).suffix(Self.asked == nil ? 60 : 100_000).joined(separator: "\n")
            let text = "make simulate SEED=\(seed): \(again.violations.joined(separator: "; "))"
            Issue.record("\(text)\n\(story)\n\(text)")
            return
        }
        guard Self.asked != nil else { return }
        let took = began.duration(to: .now)
        let rate = podSeconds / 3600 / (Double(took.wholeNanoseconds) / 1e9)
        print("simulated \(Int(podSeconds / 3600)) Pod-hours in \(took), \(Int(rate)) in a second")
    }
}

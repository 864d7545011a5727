import Testing

@testable import PodCore

#if canImport(Glibc)
    import Glibc
#endif

/// `make simulate` sets PODAGENT_SIMULATE to the first seed and the number of seeds.
@Suite struct NodeSimulationTests {
    private static let asked: Range<UInt64>? = {
        guard let text = getenv("PODAGENT_SIMULATE") else { return nil }
        let numbers = String(cString: text).split(separator: " ").compactMap { UInt64($0) }
        return numbers.count == 2 ? numbers[0]..<numbers[0] + numbers[1] : nil
    }()

    @Test("Whatever befalls a node, what must hold holds, and it comes to rest")
    func seeds() async {
        let seeds = Self.asked ?? 0..<2000
        let began = ContinuousClock.now
        let shares = min(UInt64(8), UInt64(seeds.count))
        let podSeconds = await withTaskGroup(of: Double.self) { group in
            for share in 0..<shares {
                group.addTask {
                    await Self.run(
                        stride(from: seeds.lowerBound + share, to: seeds.upperBound, by: Int(shares))
                    )
                }
            }
            return await group.reduce(0, +)
        }
        guard Self.asked != nil else { return }
        let seconds = Double(began.duration(to: .now).wholeNanoseconds) / 1e9
        let hours = podSeconds / 3600
        print(
            "\(seeds.count) seeds: \(Int(hours)) Pod-hours in \(Int(seconds)) s, \(Int(hours / seconds)) in a second"
        )
    }

    /// Runs seeds until one fails; how long Pods have been on those nodes, summed up.
    private static func run(_ seeds: StrideTo<UInt64>) async -> Double {
        var podSeconds = 0.0
        for seed in seeds {
            // Other tests wait for answers meanwhile, on as few threads as there are processors.
            await Task.yield()
            let simulation = NodeSimulation(seed: seed)
            simulation.run()
            podSeconds += simulation.podSeconds
            if !simulation.violations.isEmpty {
                tell(seed)
                break
            }
        }
        return podSeconds
    }

    /// Runs a failing seed once more, to tell how it came to that.
    private static func tell(_ seed: UInt64) {
        let again = NodeSimulation(seed: seed, tracing: true)
        again.run()
        let story = (again.trace ?? []).suffix(asked == nil ? 60 : 100_000).joined(separator: "\n")
        let text = "make simulate SEED=\(seed): \(again.violations.joined(separator: "; "))"
        Issue.record("\(text)\n\(story)\n\(text)")
    }
}

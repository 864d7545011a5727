import Glibc
import Testing

@testable import PodCore

@Suite struct CPUSharesTests {
    @Test(
        "A request has shares, and these a weight at each level",
        arguments: [
            (-1, 2, 1, 1), (0, 2, 1, 1), (1, 2, 1, 1), (2, 2, 1, 1), (3, 3, 1, 2), (10, 10, 1, 4),
            (50, 51, 2, 11), (100, 102, 4, 17), (250, 256, 10, 35), (500, 512, 20, 59), (1000, 1024, 39, 100),
            (1500, 1536, 59, 138), (2000, 2048, 79, 174), (4000, 4096, 157, 303), (8000, 8192, 313, 532),
            (16_000, 16_384, 625, 942), (64_000, 65_536, 2500, 3023), (256_000, 262_144, 10_000, 10_000),
            (1_000_000, 262_144, 10_000, 10_000), (.max, 262_144, 10_000, 10_000),
        ] as [(Int64, Int64, Int64, Int64)]
    )
    func table(milli: Int64, shares: Int64, pod: Int64, container: Int64) {
        let result = CPUShares(milliCPU: milli)
        #expect(result.value == shares)
        #expect(result.podWeight == pod)
        #expect(result.containerWeight == container)
    }

    @Test("The container's weight is that of the formula for every number of shares there is")
    func formula() {
        var wrong: [Int64] = []
        for milli in stride(from: Int64(0), through: 256_100, by: 1) {
            let shares = CPUShares(milliCPU: milli)
            if shares.containerWeight != Self.weightByMathLibrary(shares.value) { wrong.append(milli) }
        }
        #expect(wrong == [])
    }

    /// The formula with the C library's functions, as runc computes it with Go's.
    private static func weightByMathLibrary(_ shares: Int64) -> Int64 {
        if shares <= 2 { return 1 }
        if shares >= 262_144 { return 10_000 }
        let log = Glibc.log2(Double(shares))
        return Int64(Glibc.ceil(Glibc.pow(10, (log * log + 125 * log) / 612.0 - 7.0 / 34.0)))
    }
}

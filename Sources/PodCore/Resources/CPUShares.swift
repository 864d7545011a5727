/// A share of CPU time, in the unit that Kubernetes counts in: 1024 for one processor, as cgroup v1 had it. cgroup v2
/// wants a weight of 1…10000 instead, and the two levels of a Pod are converted by different rules.
///
/// Source: `MilliCPUToShares` in `pkg/kubelet/cm` of Kubernetes 1.36 (reference §10.2).
public struct CPUShares: Hashable, Sendable {
    static let range: ClosedRange<Int64> = 2...262_144
    static let mostWeight: Int64 = 10_000

    /// 2…262144.
    public let value: Int64

    /// The shares of a request in thousandths of a processor; the least there are for none.
    public init(milliCPU: Int64) {
        let shares = Int128(milliCPU) * 1024 / 1000
        value = Int64(min(max(shares, Int128(Self.range.lowerBound)), Int128(Self.range.upperBound)))
    }

    /// `cpu.weight` of a Pod, which the kubelet writes: proportional to the shares.
    public var podWeight: Int64 {
        let (low, high) = (Self.range.lowerBound, Self.range.upperBound)
        return value >= high ? Self.mostWeight : 1 + (value - low) * (Self.mostWeight - 1) / (high - low)
    }

    /// `cpu.weight` of a container, which its runtime writes: a curve on which one processor has 100, the kernel's default.
    ///
    /// ⌈10^((l² + 125·l)/612 − 7/34)⌉ with l = log2(shares), as runc 1.3 and crun have it.
    public var containerWeight: Int64 {
        if value <= Self.range.lowerBound { return 1 }
        if value >= Self.range.upperBound { return Self.mostWeight }
        let log = Self.log2(Double(value))
        let exponent = (log * log + 125 * log) / 612 - 7 / 34
        // The curve meets whole numbers (100 at 1024 shares), which rounding errors must not lift by one. They are below
        // 10⁻⁹, and no other value comes that close to a whole number from above.
        return Int64((Self.exp2(exponent * Self.log2Of10) - 1e-9).rounded(.up))
    }

    /// log2(10).
    private static let log2Of10 = 3.321928094887362

    /// The binary logarithm of a number of at least 1, bit by bit: squaring doubles it.
    private static func log2(_ number: Double) -> Double {
        var significand = number.significand
        var result = Double(number.exponent)
        var bit = 0.5
        while bit > 1e-16 {
            significand *= significand
            if significand >= 2 {
                significand /= 2
                result += bit
            }
            bit /= 2
        }
        return result
    }

    /// 2 to the power of a number from 0 up, bit by bit: each root halves the exponent.
    private static func exp2(_ exponent: Double) -> Double {
        let whole = exponent.rounded(.down)
        var rest = exponent - whole
        var result = Double(sign: .plus, exponent: Int(whole), significand: 1)
        var root = 2.0
        while rest > 0, root > 1 {
            root.formSquareRoot()
            rest *= 2
            if rest >= 1 {
                rest -= 1
                result *= root
            }
        }
        return result
    }
}

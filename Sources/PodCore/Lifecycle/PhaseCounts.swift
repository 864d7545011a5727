/// How many Pods are in each phase.
public struct PhaseCounts: Hashable, Sendable {
    private var counts: [PodPhase: Int] = [:]

    /// No Pod at all.
    public init() {}

    /// Counts one Pod that goes from one phase to another.
    ///
    /// - Parameters:
    ///   - old: the phase that it was counted in; nil for one that comes.
    ///   - new: the phase that it is in; nil for one that goes.
    public mutating func move(from old: PodPhase?, to new: PodPhase?) {
        if let old { counts[old, default: 0] -= 1 }
        if let new { counts[new, default: 0] += 1 }
        precondition(old.map { counts[$0, default: 0] >= 0 } ?? true, "a Pod left a phase that it was not in")
        if let old, counts[old] == 0 { counts[old] = nil }
    }

    /// All of them.
    public var total: Int { counts.values.reduce(0, +) }

    /// One line for people, without the phases that no Pod is in: `12 Pods: 10 running, 1 pending, 1 failed`.
    public var summary: String {
        guard total > 0 else { return "no Pods" }
        let order: [PodPhase] = [.running, .pending, .succeeded, .failed, .unknown]
        let parts = order.compactMap { phase in
            counts[phase].map { "\($0) \(phase.rawValue.lowercased())" }
        }
        return "\(total) \(total == 1 ? "Pod" : "Pods"): \(parts.joined(separator: ", "))"
    }
}

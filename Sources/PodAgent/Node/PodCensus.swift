import PodCore

/// Which Pods the node shows, in which phases, and which of an earlier agent it has not taken up yet.
@NodeActor
final class PodCensus {
    private var phases: [PodKey: PodPhase] = [:]
    private(set) var counts = PhaseCounts()
    /// Pods of the earlier agent that have not been taken up.
    private(set) var awaited: Set<PodKey> = []
    private var settledWaiters: [() -> Void] = []
    /// Called when ``counts`` has changed.
    var onChange: () -> Void = {}

    nonisolated init() {}

    /// These have been left by an earlier agent, and are waited for until their status is whole.
    func expect(_ keys: some Sequence<PodKey>) { awaited.formUnion(keys) }

    /// - Parameter isWhole: whether the status is more than a memory: the Pod's shim has said what became of it, or has
    ///   been given up.
    func show(_ phase: PodPhase, of key: PodKey, isWhole: Bool) {
        let old = phases.updateValue(phase, forKey: key)
        if old != phase {
            counts.move(from: old, to: phase)
            onChange()
        }
        if isWhole { settle(key) }
    }

    func remove(_ key: PodKey) {
        if let old = phases.removeValue(forKey: key) {
            counts.move(from: old, to: nil)
            onChange()
        }
        settle(key)
    }

    /// Calls `body` once every Pod of the earlier agent has been taken up, at once if that is so.
    func whenSettled(_ body: @escaping () -> Void) {
        if awaited.isEmpty { body() } else { settledWaiters.append(body) }
    }

    private func settle(_ key: PodKey) {
        guard awaited.remove(key) != nil, awaited.isEmpty else { return }
        let waiters = settledWaiters
        settledWaiters = []
        for waiter in waiters { waiter() }
    }
}

/// Which Pods begin, and which are held because they name others that are not ready (`podagent.io/after`).
///
///     undecided ──▶ held ──▶ begun
///         └────────────────────▲
///
/// A held Pod is a Pod like any other but for that nothing of it is made: it has its ports of the node, is shown, and can be
/// deleted. Once begun it is never held again. Decided is not at each change of a file but after all that were seen together,
/// so that of two files which come at once each knows of the other.
extension NodeMachine {
    /// What people have been told of a held Pod, each once.
    struct Told: Sendable {
        var reason: Waiting?
        /// That it is held at all.
        var isHeld = false
        var unknown: Set<PodKey> = []
        var cycle: [PodKey]?
    }

    /// Whether the Pod waits for others, as far as the node knows.
    public func isHeld(_ key: PodKey) -> Bool { order.held.contains(key) }

    /// A Pod has been admitted.
    mutating func admit(_ pod: Pod, _ source: PodSource) -> [NodeEffect] {
        let (key, names) = (PodKey(pod), pod.startsAfter)
        order.insert(key, after: names, isHeld: !names.isEmpty)
        if names.isEmpty { return run(pod, source) + look(at: order.waiters(for: key)) }
        undecided.append((key, source))
        return []
    }

    private mutating func run(_ pod: Pod, _ source: PodSource) -> [NodeEffect] {
        [.run(pod, source)] + tellReplacement(PodKey(pod))
    }

    /// Says of a Pod that has taken another one's place why it has.
    private mutating func tellReplacement(_ key: PodKey) -> [NodeEffect] {
        guard let why = replaced.removeValue(forKey: key) else { return [] }
        let message = "\(why): the Pod that ran was stopped, and this one has taken its place"
        return [.record(key, PodRecord(.normal, "Replaced", message))]
    }

    /// One that has not begun and is not shown yet need not leave.
    mutating func forgetUndecided(_ key: PodKey) {
        guard undecided.contains(where: { $0.key == key }) else { return }
        undecided.removeAll { $0.key == key }
        present[key] = nil
        order.remove(key)
    }

    /// Those that have come begin, or are held.
    mutating func decide() -> [NodeEffect] {
        if undecided.isEmpty { return [] }
        let new = undecided
        undecided = []
        var effects: [NodeEffect] = []
        for (key, source) in new where order.lacks(of: key).isEmpty {
            guard let pod = present[key]?.pod else { continue }
            order.begin(key)
            effects += run(pod, source)
        }
        for (key, source) in new where isHeld(key) {
            guard let pod = present[key]?.pod else { continue }
            let reason = order.waiting(key)
            present[key]?.told.reason = reason
            effects.append(.hold(pod, source, reason))
            effects += tellReplacement(key)
        }
        // Those that came before wait for them now, or in a circle with them.
        return effects + look(at: order.held.sorted())
    }

    /// All that files ask for is known.
    mutating func settle() -> [NodeEffect] {
        hasSettled = true
        return look(at: order.held.sorted())
    }

    mutating func stands(_ key: PodKey, _ standing: PodStanding) -> [NodeEffect] {
        guard present[key]?.isLeaving == false, order.set(key, standing) else { return [] }
        return look(at: order.waiters(for: key))
    }

    mutating func begin(_ key: PodKey) -> [NodeEffect] {
        guard isHeld(key) else { return [] }
        order.begin(key)
        return look(at: order.waiters(for: key))
    }

    /// Held Pods for which something may have changed: each begins, or is told what it waits for now. A node that goes down
    /// begins none.
    mutating func look(at keys: [PodKey]) -> [NodeEffect] {
        let keys = keys.filter { key in isHeld(key) && !undecided.contains { $0.key == key } }
        var effects: [NodeEffect] = []
        for key in keys {
            if shutdown == nil, order.lacks(of: key).isEmpty {
                // Who waits for this one learns that it is not held any more.
                effects += [.release(key)] + begin(key)
                continue
            }
            let reason = order.waiting(key)
            guard reason != present[key]?.told.reason else { continue }
            present[key]?.told.reason = reason
            effects.append(.holdOn(key, reason))
        }
        return effects
    }

    /// What a person should know of the held Pods and has not been told: that they are held, what they name and is not
    /// there, and that they wait for each other.
    mutating func report() -> [NodeEffect] {
        guard hasSettled, shutdown == nil, order.changes != reportedChanges else { return [] }
        reportedChanges = order.changes
        return order.held.sorted().flatMap { report($0) }
    }

    private mutating func report(_ key: PodKey) -> [NodeEffect] {
        guard var told = present[key]?.told else { return [] }
        var records: [PodRecord] = []
        let lacks = order.lacks(of: key)
        if !told.isHeld { records.append(StartOrder.event(key, lacks)) }
        told.isHeld = true
        let unknown = lacks.filter { $0.cause == .unknown }.map(\.name)
        records += unknown.filter { !told.unknown.contains($0) }.map {
            StartOrder.unknown($0, namedBy: key)
        }
        told.unknown = Set(unknown)
        let cycle = order.cycle(of: key)
        if let cycle, cycle != told.cycle { records.append(StartOrder.cycle(cycle, of: key)) }
        told.cycle = cycle
        present[key]?.told = told
        return records.map { .record(key, $0) }
    }
}

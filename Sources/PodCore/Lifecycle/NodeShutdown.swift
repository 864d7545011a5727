/// How long Pods get to end when the machine goes down (reference §15.6).
public struct ShutdownPeriods: Hashable, Sendable {
    /// All of them together.
    public var total: Duration
    /// Of that, the critical ones, which are ended when the others have gone.
    public var critical: Duration

    /// Makes periods; the critical Pods cannot have more than there is.
    public init(total: Duration, critical: Duration) {
        self.total = total
        self.critical = min(critical, total)
    }
}

/// The order in which a node's Pods are ended: one wave after the other, the critical ones last. A wave that does not
/// end in its time does not hold up the next.
///
/// Within a wave a Pod is asked after those that named it in `podagent.io/after`:
///
///     rest ──▶ nobody who named it holds it up any more, or the wave's time is over ──▶ asked ──▶ done
///                                                                                        │
///                                  its share is over: holds up nobody any more ◀─────────┘
struct NodeShutdown: Sendable {
    private struct Wave {
        var keys: [PodKey]
        var grace: Duration
    }

    private var waves: [Wave]
    /// Who named a Pod, in the same wave.
    private let dependents: [PodKey: Set<PodKey>]
    /// How many Pods have to be ended one after the other, from this one on.
    private let chains: [PodKey: Int]
    /// Pods of the present wave whose turn has not come.
    private var rest: [PodKey] = []
    /// Those that have been asked to end.
    private var current: Set<PodKey> = []
    /// Of those, until when the ones that they named wait for them.
    private var holding: [PodKey: Tick] = [:]
    /// When the Pods of the present wave have had their time to end by themselves.
    private var graceEnd = Tick(nanoseconds: .min)
    /// When the present wave is over; nil when none is left.
    private var waveEnd: Tick?
    /// All waves have been.
    private(set) var isDown = false

    /// What a wave gets beyond its grace period: after that everything is killed, which takes a moment.
    private static let slack = Duration.seconds(3)
    /// The same, for a Pod for which others wait.
    private static let moment = Duration.seconds(1)

    init(_ pods: [Pod], _ periods: ShutdownPeriods, _ order: StartOrder) {
        func keys(_ pods: [Pod]) -> [PodKey] { pods.map { PodKey($0) }.sorted() }
        waves = [
            Wave(keys: keys(pods.filter { !$0.spec.isCritical }), grace: periods.total - periods.critical),
            Wave(keys: keys(pods.filter(\.spec.isCritical)), grace: periods.critical),
        ].filter { !$0.keys.isEmpty }
        dependents = waves.reduce(into: [:]) { all, wave in
            all.merge(order.dependents(among: wave.keys)) { first, _ in first }
        }
        chains = Self.chains(dependents)
    }

    /// When something is due even if no Pod ends.
    var nextAlarm: Tick? {
        guard let waveEnd, !rest.isEmpty else { return waveEnd }
        return holding.values.reduce(min(graceEnd, waveEnd), min)
    }

    /// The Pod has been shut down, or is gone.
    mutating func isDone(_ key: PodKey, at now: Tick) -> [NodeEffect] {
        // One that has gone before its turn is not asked, for it would never answer.
        for index in waves.indices { waves[index].keys.removeAll { $0 == key } }
        waves.removeAll(where: \.keys.isEmpty)
        let wasToBeAsked = rest.contains(key)
        rest.removeAll { $0 == key }
        holding[key] = nil
        guard current.remove(key) != nil || wasToBeAsked else { return [] }
        return proceed(at: now)
    }

    /// Asks whose turn it is, and begins the next wave when the present one has ended, or has had its time.
    mutating func proceed(at now: Tick) -> [NodeEffect] {
        if isDown { return [] }
        let asked = ask(at: now)
        if let waveEnd, !current.isEmpty || !rest.isEmpty, now < waveEnd { return asked }
        guard !waves.isEmpty else {
            isDown = true
            waveEnd = nil
            return asked + [.isDown]
        }
        let wave = waves.removeFirst()
        current = []
        holding = [:]
        rest = wave.keys
        graceEnd = now + wave.grace
        waveEnd = graceEnd + Self.slack
        return asked + ask(at: now)
    }

    /// A Pod gets what is left of the wave's time, divided among those that have to end one after the other from it on. What
    /// one does not use the next ones have. When there is nothing left all that remain are asked, and killed at once.
    private mutating func ask(at now: Tick) -> [NodeEffect] {
        holding = holding.filter { now < $0.value }
        let inTheWay = Set(rest).union(holding.keys)
        let due = rest.filter { key in
            now >= graceEnd || dependents[key]?.isDisjoint(with: inTheWay) ?? true
        }
        rest.removeAll(where: due.contains)
        return due.map { key in
            let share = max(.zero, graceEnd - now) / (chains[key] ?? 1)
            current.insert(key)
            holding[key] = now + share + Self.moment
            return .shutDown(key, grace: share)
        }
    }

    /// How long the longest way is from each Pod that named another, down to one that names none. Never around a circle,
    /// for ``StartOrder/dependents(among:)`` has none.
    private static func chains(_ dependents: [PodKey: Set<PodKey>]) -> [PodKey: Int] {
        var waitedFor = dependents
        var chains: [PodKey: Int] = [:]
        var ended = Set(dependents.values.joined()).subtracting(dependents.keys).sorted()
        var order: [PodKey] = []
        while let key = ended.popLast() {
            order.append(key)
            for (other, others) in waitedFor where others.contains(key) {
                waitedFor[other]?.remove(key)
                if others.count == 1 { ended.append(other) }
            }
        }
        for key in order.reversed() {
            for dependent in dependents[key] ?? [] {
                chains[dependent] = max(chains[dependent] ?? 1, (chains[key] ?? 1) + 1)
            }
        }
        return chains
    }
}

extension PodSpec {
    /// Whether the node needs the Pod more than others: by its priority, or by a class that an API server would have
    /// turned into one (reference §15.6, where the kubelet looks at the number alone).
    public var isCritical: Bool {
        if let priority { return priority >= 2_000_000_000 }
        return ["system-node-critical", "system-cluster-critical"].contains(priorityClassName)
    }
}

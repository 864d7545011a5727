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
struct NodeShutdown: Sendable {
    private struct Wave {
        var keys: [PodKey]
        var grace: Duration
    }

    private var waves: [Wave]
    private var current: Set<PodKey> = []
    /// When the present wave has had its time; nil when none is left.
    private(set) var deadline: Tick?
    /// All waves have been.
    private(set) var isDown = false

    /// What a wave gets beyond its grace period: after that everything is killed, which takes a moment.
    private static let slack = Duration.seconds(3)

    init(_ pods: [Pod], _ periods: ShutdownPeriods) {
        func keys(_ pods: [Pod]) -> [PodKey] { pods.map { PodKey($0) }.sorted() }
        waves = [
            Wave(keys: keys(pods.filter { !$0.spec.isCritical }), grace: periods.total - periods.critical),
            Wave(keys: keys(pods.filter(\.spec.isCritical)), grace: periods.critical),
        ].filter { !$0.keys.isEmpty }
    }

    /// The Pod has been shut down, or is gone.
    mutating func isDone(_ key: PodKey, at now: Tick) -> [NodeEffect] {
        // One that has gone before its turn is not asked, for it would never answer.
        for index in waves.indices { waves[index].keys.removeAll { $0 == key } }
        waves.removeAll(where: \.keys.isEmpty)
        guard current.remove(key) != nil else { return [] }
        return proceed(at: now)
    }

    /// Begins the next wave when the present one has ended, or has had its time.
    mutating func proceed(at now: Tick) -> [NodeEffect] {
        if isDown { return [] }
        if let deadline, !current.isEmpty, now < deadline { return [] }
        guard !waves.isEmpty else {
            isDown = true
            deadline = nil
            return [.isDown]
        }
        let wave = waves.removeFirst()
        current = Set(wave.keys)
        deadline = now + wave.grace + Self.slack
        return wave.keys.map { .shutDown($0, grace: wave.grace) }
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

/// How a Pod stands towards those that wait for it.
public enum PodStanding: Hashable, Sendable {
    case pending
    /// Its containers run, and it is not Ready.
    case running
    case ready
    case succeeded
    case failed
    /// It has been deleted, and is not gone yet. Its successor is what others wait for.
    case leaving

    /// Whether those that named it may begin.
    var isEnough: Bool { self == .ready || self == .succeeded }

    /// From what clients are shown.
    public init(_ status: PodStatus) {
        switch status.phase {
        case .succeeded: self = .succeeded
        case .failed: self = .failed
        case .pending, .running, .unknown:
            let isReady = status.conditions.contains { $0.type == PodCondition.ready && $0.status == .true }
            self = isReady ? .ready : status.phase == .pending ? .pending : .running
        }
    }
}

/// Which Pods name which others in `podagent.io/after`, and so who may begin:
///
///     held ──▶ every Pod that it names is Ready or has Succeeded ──▶ begun, for good
///
/// A value without an opinion about lives: ``NodeMachine`` says which Pods there are and what becomes of them. Every
/// answer is the same for the same Pods, in whatever order they came.
public struct StartOrder: Hashable, Sendable {
    /// One of the Pods that a held one waits for, and what it lacks.
    public struct Lack: Hashable, Sendable {
        /// What is the matter with it.
        public enum Cause: Hashable, Sendable {
            /// There is no Pod of that name.
            case unknown
            /// It waits for others itself.
            case held
            case standing(PodStanding)
        }

        /// As the annotation names it.
        public var name: PodKey
        /// What is the matter with it.
        public var cause: Cause
    }

    private let nodeName: String
    private var standings: [PodKey: PodStanding] = [:]
    /// What each Pod names, as it names them.
    private var names: [PodKey: [PodKey]] = [:]
    /// Who names a Pod, by each name that the Pod could be meant by.
    private var namers: [PodKey: Set<PodKey>] = [:]
    /// The Pods that have not begun.
    private(set) var held: Set<PodKey> = []
    /// Rises with every Pod that comes, begins or goes: only then is there news of who is missing, or of a circle.
    private(set) var changes = 0

    /// No Pods yet, on the node of that name.
    public init(nodeName: String) { self.nodeName = nodeName }

    // MARK: Which Pods there are

    /// A Pod has come. One that is held names others that it waits for; one that is not is begun already.
    public mutating func insert(
        _ key: PodKey,
        after names: [PodKey],
        _ standing: PodStanding = .pending,
        isHeld: Bool = false
    ) {
        remove(key)
        standings[key] = standing
        if isHeld { held.insert(key) }
        guard !names.isEmpty else { return }
        self.names[key] = names
        for name in names.flatMap(candidates) { namers[name, default: []].insert(key) }
    }

    /// A Pod names others now than it did.
    public mutating func rename(_ key: PodKey, after names: [PodKey]) {
        guard let standing = standings[key] else { return }
        insert(key, after: names, standing, isHeld: held.contains(key))
    }

    /// There is no such Pod any more.
    public mutating func remove(_ key: PodKey) {
        changes += 1
        standings[key] = nil
        held.remove(key)
        for name in (names.removeValue(forKey: key) ?? []).flatMap(candidates) {
            namers[name]?.remove(key)
            if namers[name]?.isEmpty == true { namers[name] = nil }
        }
    }

    /// How a Pod stands now. Whether that is new.
    public mutating func set(_ key: PodKey, _ standing: PodStanding) -> Bool {
        standings[key] != nil && standings.updateValue(standing, forKey: key) != standing
    }

    /// The Pod begins, and is never held again.
    public mutating func begin(_ key: PodKey) {
        if held.remove(key) != nil { changes += 1 }
    }

    // MARK: Who waits for whom

    /// The held Pods that name this one, sorted.
    public func waiters(for key: PodKey) -> [PodKey] {
        guard let namers = namers[key], !held.isEmpty else { return [] }
        return namers.filter(held.contains).sorted()
    }

    /// What a Pod waits for, in the order of its annotation. It may begin when there is nothing.
    public func lacks(of key: PodKey) -> [Lack] {
        (names[key] ?? []).compactMap { name in
            guard let meant = meant(by: name), let standing = standings[meant] else {
                return Lack(name: name, cause: .unknown)
            }
            if standing.isEnough { return nil }
            return Lack(name: name, cause: held.contains(meant) ? .held : .standing(standing))
        }
    }

    /// The shortest way on which a held Pod waits for itself, as the annotations name the Pods on it, from its own name to
    /// its own name. Nil when there is none, be it that it waits for others that do.
    public func cycle(of key: PodKey) -> [PodKey]? {
        var ways: [[(pod: PodKey, name: PodKey)]] = [[]]
        var seen: Set<PodKey> = []
        while !ways.isEmpty {
            var longer: [[(pod: PodKey, name: PodKey)]] = []
            for way in ways {
                for name in names[way.last?.pod ?? key] ?? [] {
                    guard let next = meant(by: name), held.contains(next) else { continue }
                    // Named by the last as the last names it, so that it looks the same at both ends.
                    if next == key { return [name] + way.map(\.name) + [name] }
                    if seen.insert(next).inserted { longer.append(way + [(next, name)]) }
                }
            }
            ways = longer
        }
        return nil
    }

    /// The Pod that is meant by a name: one of just that name, or a static Pod whose file has that name.
    private func meant(by name: PodKey) -> PodKey? { candidates(for: name).first { standings[$0] != nil } }

    private func candidates(for name: PodKey) -> [PodKey] {
        [name, PodKey(namespace: name.namespace, name: PodIdentity.staticName(name.name, on: nodeName))]
    }

    // MARK: The end

    /// For each of these Pods, those among them that named it: it is ended after them. Where Pods have come to name each
    /// other in a circle, none of the circle comes before another.
    func dependents(among keys: some Collection<PodKey>) -> [PodKey: Set<PodKey>] {
        let pods = Set(keys)
        var edges: [PodKey: [PodKey]] = [:]
        for pod in pods {
            guard let names = names[pod] else { continue }
            edges[pod] = names.compactMap(meant).filter { $0 != pod && pods.contains($0) }
        }
        var dependents: [PodKey: Set<PodKey>] = [:]
        for (pod, others) in edges {
            for other in others where !Self.leads(from: other, to: pod, edges) {
                dependents[other, default: []].insert(pod)
            }
        }
        return dependents
    }

    private static func leads(from start: PodKey, to end: PodKey, _ edges: [PodKey: [PodKey]]) -> Bool {
        var seen: Set<PodKey> = [start]
        var next = [start]
        while let pod = next.popLast() {
            if pod == end { return true }
            next += (edges[pod] ?? []).filter { seen.insert($0).inserted }
        }
        return false
    }
}

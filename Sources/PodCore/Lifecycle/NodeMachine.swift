/// Which Pods the node has, and what is to become of each name. Pure, as ``PodMachine`` is: events in, effects out.
///
/// Pods are wanted by files and by the socket; a Pod whose predecessor of the same name is still ending waits for it, and so
/// does one that wants a port of the node which a Pod that is ending has. One that wants what another keeps is rejected.
/// One that is to start after others is there, with all that it claims, and held; see `NodeMachineOrder.swift`.
/// How a single Pod lives is its own machine's business: this one begins and ends lives.
public struct NodeMachine: Sendable {
    struct Present: Sendable {
        var pod: Pod
        /// It has been deleted, and is not gone yet.
        var isLeaving: Bool
        var claim: NodeClaim
        /// What has been said of its being held.
        var told = Told()
    }

    /// The Pods that there are, those included that are leaving.
    var present: [PodKey: Present] = [:]
    /// What files ask for. A Pod that was applied over the socket is wanted by being there.
    private var wanted: [PodKey: (pod: Pod, path: String)] = [:]
    /// Pods that are wanted and wait for what another one gives up, in the order in which they came.
    private var waiting: [PodKey] = []
    /// Why Pods that are leaving make way for others of their name.
    var replaced: [PodKey: String] = [:]
    var shutdown: NodeShutdown?
    /// Who starts after whom.
    var order: StartOrder
    /// Pods that name others and have just come: whether they begin is decided when all that came with them are known.
    var undecided: [(key: PodKey, source: PodSource)] = []
    /// Files have told what they ask for, so that a Pod which is not there is missing.
    var hasSettled = false
    /// ``StartOrder/changes`` when people were last told of it.
    var reportedChanges = 0
    /// Which kernel parameters Pods that come from now on may set.
    public var sysctls = SysctlRules()

    /// A node without Pods. Of its name are Pods from files, which others name without it.
    public init(nodeName: String) { order = StartOrder(nodeName: nodeName) }

    /// Takes one event and says what to do about it.
    public mutating func handle(_ event: NodeEvent, at now: Tick) -> [NodeEffect] {
        let effects = take(event, at: now)
        switch event {
        case .restored, .wanted, .moved, .unwanted: return effects
        default: return effects + decide() + report()
        }
    }

    private mutating func take(_ event: NodeEvent, at now: Tick) -> [NodeEffect] {
        switch event {
        case .restored(let pod, let source, let state):
            return restore(pod, source, state)
        case .wanted(let pod, let path):
            wanted[PodKey(pod)] = (pod, path)
            return want(pod, .file(path))
        case .moved(let key, let path):
            wanted[key]?.path = path
            for index in undecided.indices where undecided[index].key == key {
                undecided[index].source = .file(path)
            }
            return []
        case .unwanted(let key):
            wanted[key] = nil
            replaced[key] = nil
            return leave(key, grace: nil)
        case .applied(let pod):
            return want(pod, .socket)
        case .ending(let key):
            if present[key]?.claim.state == .holds { present[key]?.claim.state = .letsGo }
            return []
        case .ended(let key):
            present[key]?.claim.state = .none
            return admitWaiting()
        case .deleted(let key, let grace):
            return leave(key, grace: grace)
        case .gone(let key):
            return gone(key, at: now)
        case .settled:
            return settle()
        case .stands(let key, let standing):
            return stands(key, standing)
        case .begun(let key):
            return begin(key)
        case .shutDown(let periods):
            if let shutdown { return shutdown.isDown ? [.isDown] : [] }
            let decided = decide()
            shutdown = NodeShutdown(present.values.map(\.pod), periods, order)
            return decided + (shutdown?.proceed(at: now) ?? [])
        case .podIsShutDown(let key):
            return shutdown?.isDone(key, at: now) ?? []
        case .alarm:
            return shutdown?.proceed(at: now) ?? []
        }
    }

    /// When something is due even if nothing happens.
    public var nextAlarm: Tick? { shutdown?.nextAlarm }

    /// Whether the node goes down: nothing is started that does not run already.
    public var isShuttingDown: Bool { shutdown != nil }

    /// Whether there is a Pod of that name, be it one that is leaving or one that waits.
    public func has(_ key: PodKey) -> Bool { present[key] != nil || waiting.contains(key) }

    /// The Pod that has to go before this one can come, because it ends and has a port of the node that this one wants.
    public func obstacle(to pod: Pod) -> PodKey? {
        if case .waits(let key) = verdict(on: pod) { return key }
        return nil
    }

    private mutating func restore(_ pod: Pod, _ source: PodSource, _ state: RestoredState) -> [NodeEffect] {
        let key = PodKey(pod)
        let claim = NodeClaim(pod, state.claim)
        present[key] = Present(pod: pod, isLeaving: state == .leaving, claim: claim)
        order.insert(key, after: pod.startsAfter, state.standing, isHeld: state == .held)
        guard case .file(let path) = source else { return [] }
        switch state {
        case .admitted, .held, .ended: wanted[key] = (pod, path)
        case .leaving: break
        // Its file still asks for it, and gets an answer anew.
        case .rejected: return leave(key, grace: .zero)
        }
        return []
    }

    private mutating func want(_ pod: Pod, _ source: PodSource) -> [NodeEffect] {
        let key = PodKey(pod)
        forgetUndecided(key)
        if let existing = present[key] { return existing.isLeaving ? [] : change(existing, to: pod) }
        guard shutdown == nil else { return [] }
        switch verdict(on: pod) {
        case .admitted:
            present[key] = Present(pod: pod, isLeaving: false, claim: NodeClaim(pod, .holds))
            return admit(pod, source)
        case .rejected(let rejection):
            present[key] = Present(pod: pod, isLeaving: false, claim: NodeClaim(pod, .none))
            order.insert(key, after: [], .failed)
            return [.reject(pod, source, rejection)] + look(at: order.waiters(for: key))
        case .waits(let obstacle):
            if waiting.contains(key) { return [] }
            waiting.append(key)
            // Known already to those that wait for it.
            order.insert(key, after: [])
            return [.wait(pod, for: obstacle)] + look(at: order.waiters(for: key))
        }
    }

    /// The manifest of a Pod that is there says something else than it did.
    private mutating func change(_ existing: Present, to pod: Pod) -> [NodeEffect] {
        let key = PodKey(pod)
        switch PodChange(from: existing.pod, to: pod) {
        case .none: return []
        // What has ended for good is not started again by another image; that is another Pod.
        case .inPlace(let merged, let superseded, let summary)
        where superseded.isEmpty || existing.claim.state == .holds:
            present[key]?.pod = merged
            order.rename(key, after: merged.startsAfter)
            let told = summary.isEmpty ? [] : [NodeEffect.record(key, PodRecord(.normal, "Changed", summary))]
            return [.change(key, merged, superseding: superseded)] + told
                + look(at: [key] + order.waiters(for: key))
        case .inPlace(_, _, let summary): replaced[key] = summary
        case .replacement(let differences):
            replaced[key] = "The manifest has changed in \(differences.summary)"
        }
        return leave(key, grace: nil)
    }

    private enum Verdict {
        case admitted
        case waits(for: PodKey)
        case rejected(Rejection)
    }

    /// First come, first served: what is there already has what it claims. In the kubelet's order (reference §15.2).
    private func verdict(on pod: Pod) -> Verdict {
        if let rejection = sysctls.rejection(of: pod) { return .rejected(rejection) }
        let ports = pod.spec.hostPorts
        if ports.isEmpty { return .admitted }
        var taken: (key: PodKey, port: String)?
        var obstacle: PodKey?
        for (key, other) in present {
            guard let port = other.claim.conflict(with: ports) else { continue }
            // The first by name, so that the answer is always the same.
            switch other.claim.state {
            case .holds: if taken.map({ key < $0.key }) ?? true { taken = (key, port) }
            case .letsGo, .none: obstacle = min(key, obstacle ?? key)
            }
        }
        if let taken { return .rejected(.port(taken.port, takenBy: taken.key)) }
        return obstacle.map { .waits(for: $0) } ?? .admitted
    }

    private mutating func leave(_ key: PodKey, grace: Duration?) -> [NodeEffect] {
        forgetUndecided(key)
        // One that still waits need not leave.
        if wanted[key] == nil, waiting.contains(key) {
            waiting.removeAll { $0 == key }
            if present[key] == nil { order.remove(key) }
        }
        guard present[key] != nil else { return look(at: order.waiters(for: key)) }
        present[key]?.isLeaving = true
        order.begin(key)
        _ = order.set(key, .leaving)
        if present[key]?.claim.state == .holds { present[key]?.claim.state = .letsGo }
        return [.delete(key, grace: grace)] + look(at: order.waiters(for: key))
    }

    private mutating func gone(_ key: PodKey, at now: Tick) -> [NodeEffect] {
        present[key] = nil
        order.remove(key)
        if shutdown != nil { return shutdown?.isDone(key, at: now) ?? [] }
        // A successor, or the same again: deleted by hand while its file still asks for it.
        let next = wanted[key].map { want($0.pod, .file($0.path)) } ?? []
        return next + look(at: order.waiters(for: key)) + admitWaiting()
    }

    /// Something has been given up: whoever waited asks again.
    private mutating func admitWaiting() -> [NodeEffect] {
        let keys = waiting
        waiting = []
        return keys.flatMap { key in
            // It comes, or waits again, or is not known any more.
            if present[key] == nil { order.remove(key) }
            return wanted[key].map { want($0.pod, .file($0.path)) } ?? []
        }
    }
}

extension [String] {
    /// The first few, and how many more there are.
    fileprivate var summary: String {
        let shown = prefix(3).joined(separator: ", ")
        return count > 3 ? "\(shown) and \(count - 3) more fields" : shown
    }
}

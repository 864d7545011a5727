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

/// What the node's machine is told.
public enum NodeEvent: Sendable {
    /// An earlier podagent has left a record of the Pod, whose machine is being resumed.
    case restored(Pod, PodSource, RestoredState)
    /// A file asks for the Pod.
    case wanted(Pod, path: String)
    /// Another file asks for the same Pod now.
    case moved(PodKey, path: String)
    /// No file asks for a Pod of that name any more.
    case unwanted(PodKey)
    /// A Pod came over the socket. There is none of its name, and nothing that it would have to wait for: see
    /// ``NodeMachine/has(_:)`` and ``NodeMachine/obstacle(to:)``.
    case applied(Pod)
    /// All changes of files that were seen together have been told.
    case settled
    /// A Pod stands otherwise towards those that wait for it than it did, which was ``PodStanding/pending`` at first.
    case stands(PodKey, PodStanding)
    /// A Pod that is held has begun already: an earlier podagent let it, and could not write that down any more.
    case begun(PodKey)
    /// The Pod has Succeeded or Failed.
    case ending(PodKey)
    /// And that is on the disk, so that it will not run again.
    case ended(PodKey)
    /// Somebody asked for the deletion of the Pod.
    case deleted(PodKey, grace: Duration?)
    /// The Pod's machine has finished.
    case gone(PodKey)
    /// The machine goes down. Not taken back: a restart of podagent ends it.
    case shutDown(ShutdownPeriods)
    /// The Pod's machine says that it ``PodMachine/isShutDown``.
    case podIsShutDown(PodKey)
    /// The time that ``NodeMachine/nextAlarm`` named has come.
    case alarm
}

/// What an earlier podagent has written down of a Pod.
public enum RestoredState: Hashable, Sendable {
    /// It runs, or is to. It is not looked at again: a restart of podagent ends nothing.
    case admitted
    /// It waits for others that it is to start after.
    case held
    /// It has Succeeded or Failed.
    case ended
    /// It has been deleted.
    case leaving
    /// It was not admitted.
    case rejected

    fileprivate var claim: NodeClaim.State {
        switch self {
        case .admitted, .held: .holds
        case .leaving: .letsGo
        case .ended, .rejected: .none
        }
    }

    /// Until it is told how the Pod stands.
    fileprivate var standing: PodStanding {
        switch self {
        case .admitted, .held, .ended: .pending
        case .leaving: .leaving
        case .rejected: .failed
        }
    }
}

/// What the node's machine wants done.
public enum NodeEffect: Equatable, Sendable {
    /// Begin the life of a Pod.
    case run(Pod, PodSource)
    /// Begin the life of a Pod that comes to nothing, by giving its machine ``PodEvent/rejected(_:)``.
    case reject(Pod, PodSource, Rejection)
    /// Tell that the Pod does not come before another one has gone, or has ended for good.
    case wait(Pod, for: PodKey)
    /// Begin the life of a Pod that is held, by giving its machine ``PodEvent/held(_:)``.
    case hold(Pod, PodSource, Waiting)
    /// Why the Pod is held has changed: give its machine ``PodEvent/held(_:)`` again.
    case holdOn(PodKey, Waiting)
    /// Give the Pod's machine ``PodEvent/released``.
    case release(PodKey)
    /// Tell people about the Pod.
    case record(PodKey, PodRecord)
    /// The Pod goes on as this one: give its machine ``PodEvent/redefined(_:superseding:)``.
    case change(PodKey, Pod, superseding: Set<String>)
    /// Give the Pod's machine ``PodEvent/delete(grace:)``.
    case delete(PodKey, grace: Duration?)
    /// Give the Pod's machine ``PodEvent/nodeShutdown(grace:)``.
    case shutDown(PodKey, grace: Duration)
    /// All Pods have been shut down, or have had their time.
    case isDown
}

/// Where a Pod came from.
public enum PodSource: Codable, Hashable, Sendable {
    /// A file of the manifest directory.
    case file(String)
    /// `podagent apply`, or a POST to the socket.
    case socket
}

extension PodKey {
    /// The name of a Pod.
    public init(_ pod: Pod) { self.init(namespace: pod.metadata.namespace, name: pod.metadata.name) }
}

extension [String] {
    /// The first few, and how many more there are.
    fileprivate var summary: String {
        let shown = prefix(3).joined(separator: ", ")
        return count > 3 ? "\(shown) and \(count - 3) more fields" : shown
    }
}

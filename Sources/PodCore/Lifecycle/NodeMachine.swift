/// Which Pods the node has, and what is to become of each name. Pure, as ``PodMachine`` is: events in, effects out.
///
/// Pods are wanted by files and by the socket; a Pod whose predecessor of the same name is still ending waits for it.
/// How a single Pod lives is its own machine's business: this one begins and ends lives.
public struct NodeMachine: Sendable {
    private struct Present {
        var pod: Pod
        /// It has been deleted, and is not gone yet.
        var isLeaving: Bool
    }

    /// The Pods that there are, those included that are leaving.
    private var present: [PodKey: Present] = [:]
    /// What files ask for. A Pod that was applied over the socket is wanted by being there.
    private var wanted: [PodKey: (pod: Pod, path: String)] = [:]
    private var shutdown: NodeShutdown?

    /// A node without Pods.
    public init() {}

    /// Takes one event and says what to do about it.
    public mutating func handle(_ event: NodeEvent, at now: Tick) -> [NodeEffect] {
        switch event {
        case .restored(let pod, let source, let isLeaving):
            present[PodKey(pod)] = Present(pod: pod, isLeaving: isLeaving)
            if case .file(let path) = source, !isLeaving { wanted[PodKey(pod)] = (pod, path) }
            return []
        case .wanted(let pod, let path):
            wanted[PodKey(pod)] = (pod, path)
            return want(pod, .file(path))
        case .moved(let key, let path):
            wanted[key]?.path = path
            return []
        case .unwanted(let key):
            wanted[key] = nil
            return leave(key, grace: nil)
        case .applied(let pod):
            return want(pod, .socket)
        case .deleted(let key, let grace):
            return leave(key, grace: grace)
        case .gone(let key):
            return gone(key, at: now)
        case .shutDown(let periods):
            if let shutdown { return shutdown.isDown ? [.isDown] : [] }
            shutdown = NodeShutdown(present.values.map(\.pod), periods)
            return shutdown?.proceed(at: now) ?? []
        case .podIsShutDown(let key):
            return shutdown?.isDone(key, at: now) ?? []
        case .alarm:
            return shutdown?.proceed(at: now) ?? []
        }
    }

    /// When something is due even if nothing happens.
    public var nextAlarm: Tick? { shutdown?.deadline }

    /// Whether the node goes down: nothing is started that does not run already.
    public var isShuttingDown: Bool { shutdown != nil }

    /// Whether there is a Pod of that name, be it one that is leaving.
    public func has(_ key: PodKey) -> Bool { present[key] != nil }

    private mutating func want(_ pod: Pod, _ source: PodSource) -> [NodeEffect] {
        let key = PodKey(pod)
        if let existing = present[key] {
            let isSame = existing.pod.metadata.uid == pod.metadata.uid && existing.pod.spec == pod.spec
            return isSame || existing.isLeaving ? [] : leave(key, grace: nil)
        }
        guard shutdown == nil else { return [] }
        present[key] = Present(pod: pod, isLeaving: false)
        return [.run(pod, source)]
    }

    private mutating func leave(_ key: PodKey, grace: Duration?) -> [NodeEffect] {
        guard present[key] != nil else { return [] }
        present[key]?.isLeaving = true
        return [.delete(key, grace: grace)]
    }

    private mutating func gone(_ key: PodKey, at now: Tick) -> [NodeEffect] {
        present[key] = nil
        if shutdown != nil { return shutdown?.isDone(key, at: now) ?? [] }
        // A successor, or the same again: deleted by hand while its file still asks for it.
        guard let (pod, path) = wanted[key] else { return [] }
        return want(pod, .file(path))
    }
}

/// What the node's machine is told.
public enum NodeEvent: Sendable {
    /// An earlier podagent has left a record of the Pod, whose machine is being resumed.
    case restored(Pod, PodSource, isLeaving: Bool)
    /// A file asks for the Pod.
    case wanted(Pod, path: String)
    /// Another file asks for the same Pod now.
    case moved(PodKey, path: String)
    /// No file asks for a Pod of that name any more.
    case unwanted(PodKey)
    /// A Pod came over the socket. There is none of its name: see ``NodeMachine/has(_:)``.
    case applied(Pod)
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

/// What the node's machine wants done.
public enum NodeEffect: Equatable, Sendable {
    /// Begin the life of a Pod.
    case run(Pod, PodSource)
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

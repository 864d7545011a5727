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

    var claim: NodeClaim.State {
        switch self {
        case .admitted, .held: .holds
        case .leaving: .letsGo
        case .ended, .rejected: .none
        }
    }

    /// Until it is told how the Pod stands.
    var standing: PodStanding {
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

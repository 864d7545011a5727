/// The phase of a Pod, from its machine (reference §3.1).
extension PodMachine {
    /// Pending, Running, Succeeded or Failed. `Unknown` is never computed: this node knows its own Pods.
    ///
    /// A static Pod that is deleted keeps the phase of one that would go on, as nothing asked it to come to an end. Any
    /// other has failed when it was stopped, unless all of it had succeeded.
    public func phase(isStatic: Bool) -> PodPhase {
        if failure != nil || rejection != nil { return .failed }
        var tally = PhaseTally(isStopped: !isStatic && isStopped)
        for record in containers { tally.count(record, lifecycle.restartPolicy) }
        return tally.phase
    }

    /// Whether the Pod was deleted and nothing of it runs any more, nor will.
    private var isStopped: Bool {
        guard case .deleting = ending, sandbox == .removing || sandbox == .absent else { return false }
        return !hasLiveContainer
    }
}

/// Steps A to D of the kubelet's algorithm, for Pods without sidecars.
private struct PhaseTally {
    private let isStopped: Bool
    private var pendingInit = 0
    private var failedInit = 0
    private var running = 0
    private var waiting = 0
    private var stopped = 0
    private var stoppedForGood = 0
    private var succeeded = 0

    init(isStopped: Bool) { self.isStopped = isStopped }

    mutating func count(_ record: ContainerRecord, _ policy: RestartRule) {
        if record.isInit { countInit(record.shown, policy) } else { countRegular(record.shown, policy) }
    }

    private mutating func countInit(_ shown: ContainerRecord.Shown, _ policy: RestartRule) {
        switch shown {
        case .running, .waiting(_, after: nil): pendingInit += 1
        case .waiting(_, after: let end?), .terminated(let end, _):
            if end.exitCode != 0, policy == .never { failedInit += 1 }
        }
    }

    private mutating func countRegular(_ shown: ContainerRecord.Shown, _ policy: RestartRule) {
        switch shown {
        case .running: running += 1
        case .waiting(_, after: nil): waiting += 1
        case .waiting(_, after: let end?):
            countStopped(end, policy)
        case .terminated(let end, _):
            countStopped(end, policy)
            if end.exitCode == 0 { succeeded += 1 }
        }
    }

    private mutating func countStopped(_ end: Termination, _ policy: RestartRule) {
        stopped += 1
        if !policy.restarts(after: end) { stoppedForGood += 1 }
    }

    var phase: PodPhase {
        if failedInit > 0 { return .failed }
        if pendingInit > 0 || waiting > 0 { return .pending }
        if running > 0 { return .running }
        guard stopped > 0 else { return .pending }
        if !isStopped, stopped != stoppedForGood { return .running }
        return stopped == succeeded ? .succeeded : .failed
    }
}

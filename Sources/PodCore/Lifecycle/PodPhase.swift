/// The phase of a Pod, from its machine (reference §3.1).
extension PodMachine {
    /// Pending, Running, Succeeded or Failed. `Unknown` is never computed: this node knows its own Pods.
    ///
    /// A static Pod that is deleted keeps the phase of one that would go on, as nothing asked it to come to an end. Any
    /// other has failed when it was stopped, unless all of it had succeeded.
    public func phase(isStatic: Bool) -> PodPhase {
        if failure != nil || rejection != nil { return .failed }
        return tally(isStopped: !isStatic && isStopped).phase
    }

    /// What is shown of a Pod that has come to its end while something of it still runs (reference §3.1.9): Pending if it
    /// had not been initialized.
    var phaseBeforeEnd: PodPhase { tally(isStopped: false).phaseBeforeEnd }

    private func tally(isStopped: Bool) -> PhaseTally {
        var tally = PhaseTally(isStopped: isStopped)
        for record in containers { tally.count(record) { restarts(record, after: $0) } }
        tally.hasInitialized = containers.contains {
            $0.role == .regular && ($0.runningRun != nil || $0.hasEndedHere)
        }
        return tally
    }

    /// Whether the Pod was deleted and nothing of it runs any more, nor will.
    private var isStopped: Bool {
        guard case .deleting = ending, sandbox == .removing || sandbox == .absent else { return false }
        return !hasLiveContainer
    }
}

/// Steps A to D of the kubelet's algorithm.
private struct PhaseTally {
    private let isStopped: Bool
    /// A regular container runs or has ended in the present sandbox.
    var hasInitialized = false
    private var pendingInit = 0
    private var failedInit = 0
    private var pendingSidecars = 0
    private var running = 0
    private var waiting = 0
    private var stopped = 0
    private var stoppedForGood = 0
    private var succeeded = 0

    init(isStopped: Bool) { self.isStopped = isStopped }

    mutating func count(_ record: ContainerRecord, restartsAfter restarts: (Termination) -> Bool) {
        switch record.role {
        case .initialization: countInit(record.shown, restarts)
        case .sidecar: countSidecar(record)
        case .regular: countRegular(record.shown, restarts)
        }
    }

    private mutating func countInit(_ shown: ContainerRecord.Shown, _ restarts: (Termination) -> Bool) {
        switch shown {
        case .running, .waiting(_, after: nil): pendingInit += 1
        case .waiting(_, after: let end?), .terminated(let end, _):
            if end.exitCode != 0, !restarts(end) { failedInit += 1 }
        }
    }

    private mutating func countSidecar(_ record: ContainerRecord) {
        switch record.shown {
        case .running:
            running += 1
            if !record.hasStarted { pendingSidecars += 1 }
        case .waiting(_, after: nil):
            waiting += 1
            pendingSidecars += 1
        case .waiting, .terminated: break
        }
    }

    private mutating func countRegular(_ shown: ContainerRecord.Shown, _ restarts: (Termination) -> Bool) {
        switch shown {
        case .running: running += 1
        case .waiting(_, after: nil): waiting += 1
        case .waiting(_, after: let end?):
            countStopped(end, restarts)
        case .terminated(let end, _):
            countStopped(end, restarts)
            if end.exitCode == 0 { succeeded += 1 }
        }
    }

    private mutating func countStopped(_ end: Termination, _ restarts: (Termination) -> Bool) {
        stopped += 1
        if !restarts(end) { stoppedForGood += 1 }
    }

    private var isPending: Bool {
        pendingInit > 0 || waiting > 0 || pendingSidecars > 0 && !hasInitialized
    }

    var phaseBeforeEnd: PodPhase { failedInit > 0 || isPending ? .pending : .running }

    var phase: PodPhase {
        if failedInit > 0 { return .failed }
        if isPending { return .pending }
        if running > 0 { return .running }
        guard stopped > 0 else { return .pending }
        if !isStopped, stopped != stoppedForGood { return .running }
        return stopped == succeeded ? .succeeded : .failed
    }
}

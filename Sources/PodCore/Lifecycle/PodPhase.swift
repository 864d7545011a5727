/// The phase of a Pod, from its machine (reference §3.1).
extension PodMachine {
    /// Pending, Running, Succeeded or Failed. `Unknown` is never computed: this node knows its own Pods.
    public var phase: PodPhase {
        if failure != nil { return .failed }
        var tally = PhaseTally()
        for record in containers { tally.count(record, lifecycle.restartPolicy) }
        return tally.phase
    }
}

/// Steps A to D of the kubelet's algorithm, for Pods without sidecars.
private struct PhaseTally {
    private var pendingInit = 0
    private var failedInit = 0
    private var running = 0
    private var waiting = 0
    private var stopped = 0
    private var stoppedForGood = 0
    private var succeeded = 0

    mutating func count(_ record: ContainerRecord, _ policy: RestartRule) {
        if record.isInit { countInit(record, policy) } else { countRegular(record, policy) }
    }

    private mutating func countInit(_ record: ContainerRecord, _ policy: RestartRule) {
        guard record.liveRun == nil, let end = record.newestTermination else {
            pendingInit += 1
            return
        }
        if end.exitCode != 0, policy == .never { failedInit += 1 }
    }

    private mutating func countRegular(_ record: ContainerRecord, _ policy: RestartRule) {
        if case .running = record.state {
            running += 1
            return
        }
        guard let end = record.newestTermination else {
            waiting += 1
            return
        }
        stopped += 1
        if !policy.restarts(afterExitCode: end.exitCode) { stoppedForGood += 1 }
        if record.state.isEnded, record.waiting == nil, end.exitCode == 0 { succeeded += 1 }
    }

    var phase: PodPhase {
        if failedInit > 0 { return .failed }
        if pendingInit > 0 || waiting > 0 { return .pending }
        if running > 0 { return .running }
        guard stopped > 0 else { return .pending }
        if stopped != stoppedForGood { return .running }
        return stopped == succeeded ? .succeeded : .failed
    }
}

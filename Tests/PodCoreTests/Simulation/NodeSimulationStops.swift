@testable import PodCore

/// How containers are stopped: after what is to be done before, in their turn, asked first, killed when their time is over,
/// and neither sooner nor later.
extension NodeSimulation {
    private func stopTime(_ grace: Duration) -> Int64 {
        grace <= .zero ? 0 : max(grace, .seconds(2)).wholeNanoseconds
    }

    /// Of the whole Pod's end, or of its own if it is ended alone; nil while the Pod does not end.
    private func graceOfPod(_ worker: PretendWorker) -> Duration? {
        var grace: Duration?
        if case .deleting(let wanted, _) = worker.machine.ending { grace = wanted }
        guard let shutdown = worker.machine.shutdownGrace else { return grace }
        return min(grace ?? .seconds(worker.pod.spec.terminationGracePeriodSeconds), shutdown)
    }

    /// What people are told: among that is whose end is wished for, and why.
    func noteRecord(_ worker: PretendWorker, _ record: PodRecord) {
        guard record.reason == "Killing", let name = record.container else { return }
        guard let run = worker.machine.containers.first(where: { $0.name == name })?.runningRun,
            truths[worker.uid]?.instances[run] != nil
        else { return fail("\(worker.uid) \(name) is to end, and does not run") }
        let isPodsEnd = worker.machine.ending != nil || worker.machine.shutdownGrace != nil
        let restartsAll = !isPodsEnd && record.message.hasPrefix("Stopping container")
        var grace = Duration.seconds(worker.pod.spec.terminationGracePeriodSeconds)
        if restartsAll { grace = .seconds(2) }
        for kind in ProbeKind.allCases where record.message.contains("failed \(kind.rawValue) probe") {
            let probe = worker.pod.spec.container(name)?.probe(kind)
            grace = probe?.terminationGracePeriodSeconds.map { .seconds($0) } ?? grace
        }
        if case .deleting(let wanted, _) = worker.machine.ending { grace = wanted }
        grace = min(grace, worker.machine.shutdownGrace ?? grace)
        if record.message.contains("definition changed"),
            truths[worker.uid]?.superseded.contains(name) != true
        {
            fail("\(worker.uid) \(name) is ended for a change that nobody has made")
        }
        if truths[worker.uid]?.instances[run]?.stop != nil { fail("\(worker.uid) \(name) is to end twice") }
        truths[worker.uid]?.restartsAll.remove(run)
        truths[worker.uid]?.instances[run]?.stop = StopTruth(
            timeIsUpAt: time + stopTime(grace),
            isAtOnce: grace <= .zero,
            skipsHook: restartsAll
        )
    }

    /// Somebody may have less patience than whoever asked first.
    func noteGrace(_ worker: PretendWorker, _ event: PodEvent) {
        guard let truth = truths[worker.uid] else { return }
        switch event {
        case .delete: break
        case .nodeShutdown(let grace): truth.shutdownGrace = min(grace, truth.shutdownGrace ?? grace)
        default: return
        }
        guard let grace = graceOfPod(worker) else { return }
        let latest = time + stopTime(grace)
        for run in truth.instances.keys {
            truth.instances[run]?.stop?.timeIsUpAt.lower(to: latest)
            if grace <= .zero { truth.instances[run]?.stop?.isAtOnce = true }
        }
    }

    /// Stops that are on the disk go on; of others, and of somebody's wish for a quicker end that is not there, nobody
    /// knows any more.
    func inheritStops(_ worker: PretendWorker) {
        guard let truth = truths[worker.uid] else { return }
        for run in truth.instances.keys {
            let record = worker.machine.containers.first { $0.liveRun == run }
            truth.instances[run]?.stop = record?.stop.map { stop in
                var inherited = StopTruth(
                    timeIsUpAt: stop.killAt.nanoseconds + bootedAt,
                    isAtOnce: false,
                    isInherited: true
                )
                inherited.hasBegun = true
                // What stands there as asked has been, as far as anybody knows.
                if stop.stage == .asked { inherited.askedAt = time }
                return inherited
            }
        }
    }

    func checkTermination(_ worker: PretendWorker, _ run: RunID) {
        let uid = worker.uid
        guard let instance = truths[uid]?.instances[run], let stop = instance.stop else {
            return fail("\(uid) \(run) is asked to end, and nobody wants that")
        }
        if stop.isAtOnce { fail("\(uid) \(run) is asked to end, and has no time for it") }
        if stop.askedAt != nil { fail("\(uid) \(run) is asked to end again, and gets its time anew") }
        let isLate = time >= stop.timeIsUpAt
        let container = worker.pod.spec.container(instance.container)
        if container?.lifecycle?.preStop != nil, !stop.skipsHook, !stop.isInherited, !instance.preStopIsOver,
            !isLate
        {
            fail("\(uid) \(run) is asked to end before its preStop hook is over")
        }
        let isPodsEnd = worker.machine.ending != nil || worker.machine.shutdownGrace != nil
        if isPodsEnd, !isLate, container?.isSidecar == true { checkTurn(worker, instance.container) }
        truths[uid]?.instances[run]?.stop?.askedAt = time
        truths[uid]?.instances[run]?.stop?.hasBegun = true
    }

    /// A sidecar ends after the regular containers and those sidecars that came after it.
    private func checkTurn(_ worker: PretendWorker, _ name: String) {
        let sidecars = worker.pod.spec.initContainers.filter(\.isSidecar).map(\.name)
        let later = sidecars.drop { $0 != name }.dropFirst() + worker.pod.spec.containers.map(\.name)
        let alive = (kernel.sandboxes[worker.uid]?.processes ?? [:]).values.filter(\.isLive).map(\.container)
        let first = alive.filter(later.contains)
        if !first.isEmpty { fail("\(worker.uid) \(name) is asked to end before \(first.sorted())") }
    }

    func checkKill(_ worker: PretendWorker, _ run: RunID) {
        // What has outlived pause has nothing to wait for.
        guard worker.machine.sandbox != .dying, let instance = truths[worker.uid]?.instances[run] else {
            return
        }
        guard let stop = instance.stop else {
            return fail("\(worker.uid) \(run) is killed, and nobody wants it to end")
        }
        truths[worker.uid]?.instances[run]?.stop?.hasBegun = true
        if time < stop.timeIsUpAt { fail("\(worker.uid) \(run) is killed within its grace period") }
        if stop.isInherited || stop.isAtOnce { return }
        if stop.askedAt == nil { fail("\(worker.uid) \(run) is killed and was not asked to end") }
        if time > stop.latest { fail("\(worker.uid) \(run) is killed later than it was to be") }
    }

    /// Whatever runs of a Pod that ends has been told to, and is killed in time.
    func checkStops(_ worker: PretendWorker) {
        let machine = worker.machine
        guard let truth = truths[worker.uid], machine.sandbox != .dying else { return }
        for record in machine.containers {
            guard case .running(let run, _) = record.state else { continue }
            guard let stop = truth.instances[run]?.stop else {
                if machine.ending != nil || machine.shutdownGrace != nil {
                    fail("\(worker.uid) \(record.name) is not stopped")
                }
                continue
            }
            if record.stop?.isKilled == true || stop.isInherited { continue }
            if time > stop.latest { fail("\(worker.uid) \(record.name) gets more time than it was given") }
        }
    }

    /// A record is the machine but for what only the present agent can use.
    func checkRecorded(_ worker: PretendWorker) {
        var read = worker.machine.recorded
        read.advancedAt = worker.machine.advancedAt
        read.isResuming = worker.machine.isResuming
        read.inquiry = worker.machine.inquiry
        read.shutdownGrace = worker.machine.shutdownGrace
        read.deadlineAt = worker.machine.deadlineAt
        if read != worker.machine { fail("\(worker.uid) is not recorded as it is") }
    }
}

extension Int64 {
    fileprivate mutating func lower(to other: Int64) { self = Swift.min(self, other) }
}

/// What may go wrong at the worst time.
extension NodeSimulation {
    /// How long a killed process takes to be gone; one in the middle of a system call takes its time.
    func killTime() -> Duration {
        !isCalm && random.chance(0.05) ? random.seconds(0...120) : random.seconds(0...0.2)
    }

    /// An agent has come back and asks a shim, which need not live to answer.
    func endangerReplay(_ sandbox: PretendSandbox) {
        guard !isCalm, random.chance(0.05) else { return }
        below(random.seconds(0...0.03), "the shim of \(sandbox.uid) is killed at the replay") {
            [unowned self] in
            if !isCalm { shimDies(sandbox) }
        }
    }
}

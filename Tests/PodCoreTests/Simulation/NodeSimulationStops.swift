@testable import PodCore

/// A node on its way down.
struct GoingDown {
    let periods: ShutdownPeriods
    /// When it was asked to.
    let since: Int64
    /// It has said so.
    var isDown = false

    /// When the critical Pods have had their time.
    var waveEndsAt: Int64
    /// When the critical Pods' turn comes at the latest.
    var criticalAt: Int64

    init(periods: ShutdownPeriods, since: Int64) {
        self.periods = periods
        self.since = since
        waveEndsAt = since
        criticalAt = since
    }
}

/// How containers are stopped: asked first, killed when their time is over, and neither sooner nor later.
extension NodeSimulation {
    private func grace(_ worker: PretendWorker) -> Duration {
        var grace = worker.machine.lifecycle.terminationGracePeriod
        if case .deleting(let wanted, _) = worker.machine.ending { grace = wanted }
        return min(grace, worker.machine.shutdownGrace ?? grace)
    }

    private func stopTime(_ grace: Duration) -> Int64 {
        grace <= .zero ? 0 : max(grace, .seconds(2)).wholeNanoseconds
    }

    /// Somebody may have less patience than whoever asked first.
    func noteGrace(_ worker: PretendWorker, _ event: PodEvent) {
        guard let truth = truths[worker.uid] else { return }
        switch event {
        case .delete: break
        case .nodeShutdown(let grace): truth.shutdownGrace = min(grace, truth.shutdownGrace ?? grace)
        default: return
        }
        let latest = time + stopTime(grace(worker))
        for (run, stop) in truth.stops { truth.stops[run]?.killBy = min(stop.killBy, latest) }
    }

    /// Of somebody's wish for a quicker end that was not on the disk before the agent died, nobody knows any more.
    func forgetUnrecordedHaste(of worker: PretendWorker) {
        for record in worker.machine.containers {
            guard let run = record.liveRun, let killAt = record.stop?.killAt else { continue }
            truths[worker.uid]?.stops[run]?.killBy = killAt.nanoseconds + bootedAt
        }
    }

    func checkTermination(_ worker: PretendWorker, _ run: RunID) {
        let grace = grace(worker)
        if grace <= .zero { fail("\(worker.uid) \(run) is asked to end, and has no time for it") }
        if worker.askedBefore.contains(run) {
            fail("\(worker.uid) \(run) is asked to end again, and gets its time anew")
        }
        guard let truth = truths[worker.uid] else { return }
        truth.stops[run] = (truth.stops[run]?.askedAt ?? time, time + stopTime(grace))
    }

    func checkKill(_ worker: PretendWorker, _ run: RunID) {
        // What has outlived pause has nothing to wait for.
        guard worker.machine.sandbox != .dying, let truth = truths[worker.uid] else { return }
        let grace = min(grace(worker), truth.shutdownGrace ?? .seconds(1_000_000))
        if grace <= .zero || worker.askedBefore.contains(run) { return }
        guard let stop = truth.stops[run] else {
            return fail("\(worker.uid) \(run) is killed and was not asked to end")
        }
        if time - stop.askedAt < stopTime(grace) {
            fail("\(worker.uid) \(run) is killed within its grace period")
        }
    }

    /// Whatever runs of a Pod that ends has been told to, and is killed in time.
    func checkStops(_ worker: PretendWorker) {
        let machine = worker.machine
        guard let truth = truths[worker.uid], machine.sandbox != .dying else { return }
        for record in machine.containers {
            guard case .running(let run, _) = record.state else { continue }
            guard let stop = record.stop else {
                if machine.ending != nil || machine.shutdownGrace != nil {
                    fail("\(worker.uid) \(record.name) is not stopped")
                }
                continue
            }
            if !stop.isKilled, let killBy = truth.stops[run]?.killBy,
                stop.killAt.nanoseconds > killBy - bootedAt
            {
                fail("\(worker.uid) \(record.name) gets more time than it was given")
            }
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

    // MARK: The node's shutdown

    /// The critical Pods come last, when the others are down or have had their time.
    func checkWave(_ agent: PretendAgent, _ key: PodKey, _ grace: Duration) {
        guard let going = agent.goingDown, let pod = agent.workers[key]?.pod else { return }
        let given =
            pod.spec.isCritical ? going.periods.critical : going.periods.total - going.periods.critical
        if grace > given || grace != given && !traits.hasOrder {
            fail("\(key) gets \(grace) to shut down, not \(given)")
        }
        // The Pods of a wave share its time, so a later one gets less.
        let end = time + grace.wholeNanoseconds
        if pod.spec.isCritical {
            agent.goingDown?.waveEndsAt = max(going.waveEndsAt, end)
        } else {
            agent.goingDown?.criticalAt = max(going.criticalAt, end)
        }
        // When the wave's time is over, all that are left are ended together.
        if grace > .zero { checkStopOrder(agent, key) }
        guard pod.spec.isCritical, time < going.criticalAt else { return }
        let others = agent.workers.values.filter { !$0.pod.spec.isCritical && !$0.machine.isShutDown }
        if !others.isEmpty { fail("\(key) is shut down before \(others.map(\.key).sorted())") }
    }

    func checkDown(_ agent: PretendAgent) {
        guard let going = agent.goingDown else { return fail("down without having been asked") }
        if going.isDown { fail("down twice") }
        agent.goingDown?.isDown = true
        let waiting = agent.workers.values.filter { worker in
            let end = worker.pod.spec.isCritical ? going.waveEndsAt : going.criticalAt
            // One that had been shut down may have been deleted since.
            let isOver = worker.machine.isShutDown || worker.isLeaving && !worker.machine.hasLiveContainer
            return !isOver && time < end
        }
        if !waiting.isEmpty {
            fail("down before \(waiting.map(\.key).sorted()) are, and have had their time")
        }
        // Each of the two waves gets a moment for what is killed at its end.
        if time > going.since + going.periods.total.wholeNanoseconds + 2 * 3_000_000_000 {
            fail("down too late")
        }
    }

    /// Nothing is waited for when everybody is down.
    func checkGoingDown(_ agent: PretendAgent) {
        guard self.agent === agent, let going = agent.goingDown, !going.isDown else { return }
        if agent.workers.values.allSatisfy(\.machine.isShutDown) {
            fail("everybody is down, and the node is not")
        }
    }
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

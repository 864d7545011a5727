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

/// How the node is shut down: whose turn is when, and when it is over.
extension NodeSimulation {
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

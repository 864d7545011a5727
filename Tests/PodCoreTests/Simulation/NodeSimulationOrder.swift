@testable import PodCore

/// Which Pods begin and end after which others, from what the workers show and not from what the node's machine believes.
extension NodeSimulation {
    /// What a Pod names and is not ready, by what is shown of it.
    private func lacks(_ agent: PretendAgent, _ pod: Pod) -> [PodKey] {
        pod.startsAfter.filter { name in
            guard let worker = agent.workers[name], !worker.isLeaving else { return true }
            return !PodStanding(worker.shown).isEnough
        }
    }

    /// Nobody begins before what it names is ready.
    func checkOrder(_ agent: PretendAgent, _ pod: Pod) {
        let lacks = lacks(agent, pod)
        if !lacks.isEmpty { fail("\(pod.metadata.uid) begins before \(lacks)") }
    }

    /// Whoever can begin has.
    func checkHeldRest(_ worker: PretendWorker) {
        let uid = worker.uid
        if lacks(worker.agent, worker.pod).isEmpty { fail("\(uid) is held, and nothing is lacking") }
        if !worker.agent.machine.isHeld(worker.key) { fail("\(uid) is held, and the node does not know") }
        if worker.status.reason != "WaitingForPods" { fail("\(uid) does not say why it is held") }
        // One that had begun may be held again if that was never recorded, but not beside a sandbox.
        let hasBegun = truths[uid]?.hasBegun == true
        if kernel.sandboxes[uid] != nil || kernel.volumes.contains(uid) && !hasBegun {
            fail("\(uid) is held, and something was made for it")
        }
        let told = worker.agent.machine.order.waiting(worker.key)
        if worker.machine.hold != told { fail("\(uid) says \(worker.status.message), not \(told.message)") }
    }

    /// A Pod is asked to end when those of its wave that named it have, or have had their share of the time.
    func checkStopOrder(_ agent: PretendAgent, _ key: PodKey) {
        guard let asked = agent.workers[key], agent.goingDown != nil else { return }
        let isCritical = asked.pod.spec.isCritical
        let before = agent.workers.values.filter { worker in
            worker.pod.spec.isCritical == isCritical && worker.pod.startsAfter.contains(key)
                && !asked.pod.startsAfter.contains(worker.key) && worker.key != key
                && !worker.machine.isShutDown && worker.machine.rejection == nil
        }
        // Whoever names another may be in a circle with it, in which there is no order.
        let isCircle = !asked.pod.startsAfter.isEmpty
        for worker in before.sorted(by: { $0.key < $1.key }) where !isCircle {
            if worker.machine.shutdownGrace == nil {
                fail("\(key) is ended before \(worker.key), which named it")
            }
        }
    }
}

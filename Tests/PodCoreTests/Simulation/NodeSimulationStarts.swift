@testable import PodCore

/// Which containers start, in which order and how often.
extension NodeSimulation {
    // MARK: By the kernel

    func checkLaunch(_ sandbox: PretendSandbox, _ container: Container, _ run: RunID, _ restartCount: Int) {
        let (uid, name) = (sandbox.uid, container.name)
        guard let pod = agent?.workers.values.first(where: { $0.uid == uid })?.pod ?? disk.pods[uid] else {
            return fail("\(uid) \(name) is launched for nobody")
        }
        if sandbox.processes[run] != nil { fail("\(uid) \(run) was used twice") }
        if sandbox.processes.values.contains(where: { $0.container == name && $0.isLive }) {
            fail("\(uid) \(name) was started while it runs")
        }
        let earlier = pod.spec.initContainers.prefix { $0.name != name }
        for other in earlier where !container.isSidecar || !sandbox.everLaunched.contains(name) {
            let isPassed = other.isSidecar ? sandbox.started : sandbox.succeeded
            if !isPassed.contains(other.name) {
                fail("\(uid) \(name) was started before \(other.name) was so far in this sandbox")
            }
        }
        sandbox.everLaunched.insert(name)
        if !kernel.prepared.contains(uid) { fail("\(uid) \(name) was started without its volumes") }
        if disk.records[uid] == nil { fail("\(uid) \(name) was started before there was a record of it") }
        guard let truth = truths[uid]?.containers[name], !truth.isLost else { return }
        if restartCount != truth.instances {
            fail("\(uid) \(name) was started as number \(restartCount) after \(truth.instances) instances")
        }
    }

    // MARK: By the agent

    /// Where the wall clock jumps the true times cannot be known, nor where nobody saw an end.
    func checkStart(_ worker: PretendWorker, _ name: String) {
        if worker.machine.shutdownGrace != nil {
            fail("\(worker.uid) \(name) is started while the node goes down")
        }
        if worker.machine.containers.filter(\.state.isStarting).count > 1 {
            fail("\(worker.uid) \(name) is started beside another one")
        }
        if let isDown = kernel.sandboxes[worker.uid]?.isStuck, !isDown { beginAnew(worker, name) }
        guard let truths = truths[worker.uid], let truth = truths.containers[name], !truth.isLost,
            let end = truth.newestEnd
        else { return }
        let termination = worker.machine.containers.first { $0.name == name }?.newestTermination
        let isInterrupted = termination?.isInterrupted == true
        let isInit = !name.hasPrefix("c")
        if !isInit, !isInterrupted, !truth.isPardoned, !isStartedAgain(worker.pod, name, after: end.code) {
            fail("\(worker.uid) \(name) was started again after it had ended for good with \(end.code)")
        }
        if traits.clockJumps || isInterrupted || truth.isPardoned || isInit && !truths.hasRunHere(name) {
            return
        }
        if let delay = truth.delay, time < end.at + delay.wholeNanoseconds {
            fail("\(worker.uid) \(name) was started within its back-off of \(delay)")
        }
    }

    /// By the rules of the container, then by its policy, then by the Pod's (reference §3.1).
    func isStartedAgain(_ pod: Pod, _ name: String, after code: Int32) -> Bool {
        guard let container = pod.spec.container(name) else { return false }
        if container.isSidecar || rule(of: container, about: code) != nil { return true }
        let policy = container.restartPolicy?.rawValue ?? pod.spec.restartPolicy.rawValue
        if container.isInit { return code != 0 && policy != "Never" }
        return policy == "Always" || policy == "OnFailure" && code != 0
    }

    func rule(of container: Container, about code: Int32) -> RestartRuleAction? {
        let rule = container.restartPolicyRules.first { rule in
            guard let codes = rule.exitCodes else { return false }
            return codes.values.contains(code) == (codes.operator == .in)
        }
        return rule?.action
    }

    // MARK: Everything again

    /// A process has ended by itself: it may take all others with it.
    func noteEnd(_ sandbox: PretendSandbox, _ name: String, _ run: RunID, _ code: Int32) {
        let pod = agent?.workers.values.first { $0.uid == sandbox.uid }?.pod ?? disk.pods[sandbox.uid]
        guard let container = pod?.spec.container(name), let truth = truths[sandbox.uid],
            truth.instances[run]?.stop == nil, rule(of: container, about: code) == .restartAllContainers
        else { return }
        tell("    \(sandbox.uid) \(run) is to restart everything")
        truth.restartsAll.insert(run)
    }

    /// Ends that are not on the disk are found again, and one that was wished for looks like one that came by itself.
    func inheritEnds(_ worker: PretendWorker) {
        // So is a change that was made before it was known what runs: an instance of the new image may be replaced once.
        truths[worker.uid]?.supersede(worker.machine.supersededUnseen ?? [], starting: [])
        guard let truth = truths[worker.uid], let sandbox = kernel.sandboxes[worker.uid] else { return }
        // What the disk has is done once more, whatever came of it.
        if worker.machine.isRestartingAll { truth.restartsAll.insert(RunID(0)) }
        for (run, process) in sandbox.processes {
            let record = worker.machine.containers.first { $0.name == process.container }
            guard let container = worker.pod.spec.container(process.container), let record,
                record.newestTermination.map({ $0.run < run }) ?? true,
                record.liveRun != run || record.stop == nil
            else { continue }
            let code: Int32
            switch process.state {
            case .exited(let status, _, _): code = status.code
            case .failed: code = 128
            case .launching, .running: continue
            }
            if rule(of: container, about: code) == .restartAllContainers { truth.restartsAll.insert(run) }
        }
    }

    /// Whether one of the ends that restart everything is known to the agent, so that nothing else may come first.
    private func beginAnew(_ worker: PretendWorker, _ name: String) {
        let uid = worker.uid
        guard let truth = truths[uid], let sandbox = kernel.sandboxes[uid], !truth.restartsAll.isEmpty,
            sandbox.shimIsAlive
        else { return }
        let known = worker.machine.containers.compactMap(\.newestTermination?.run)
        guard truth.restartsAll.contains(where: { trigger in known.contains { $0 >= trigger } }) else {
            return
        }
        if !sandbox.live.isEmpty { fail("\(uid) \(name) is started before all have ended to be restarted") }
        let names = (worker.pod.spec.initContainers + worker.pod.spec.containers).map(\.name)
        // Those that begin the sequence hold up the rest; regular ones may be held back by what they did.
        if let first = worker.pod.spec.initContainers.first, name != first.name {
            fail("\(uid) \(name) is started first, though all are to be restarted")
        }
        tell("    \(uid) begins anew")
        worker.pace.restartAll()
        truth.restartAll(names.filter { truth.containers[$0] != nil })
        sandbox.succeeded = []
        sandbox.started = []
        sandbox.everLaunched = []
    }

    // MARK: Changes

    /// Other images have their containers started anew, and nothing else.
    func noteChange(_ worker: PretendWorker, to pod: Pod, _ superseded: Set<String>) {
        let pairs = zip(
            worker.pod.spec.initContainers + worker.pod.spec.containers,
            pod.spec.initContainers + pod.spec.containers
        )
        let changed = Set(pairs.filter { $0.image != $1.image }.map(\.0.name))
        if changed != superseded { fail("\(worker.uid): \(superseded) are to be other ones, not \(changed)") }
        if pod.metadata.uid != worker.uid { fail("\(worker.uid) is changed to \(pod.metadata.uid)") }
        let starting = worker.machine.containers.filter {
            superseded.contains($0.name) && $0.state.isStarting
        }
        truths[worker.uid]?.supersede(superseded, starting: Set(starting.compactMap(\.liveRun)))
    }
}

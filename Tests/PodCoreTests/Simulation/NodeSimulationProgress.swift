@testable import PodCore

/// How far instances have come, by what was really done and answered: hooks, probes, deadlines.
extension NodeSimulation {
    /// The process of that number, if the shim knows one.
    private func process(_ worker: PretendWorker, _ run: RunID) -> PretendSandbox.Process? {
        kernel.sandboxes[worker.uid]?.processes[run]
    }

    /// Whether the agent can know that an instance does not run any more.
    private func isKnownToHaveEnded(_ worker: PretendWorker, _ run: RunID) -> Bool {
        guard let sandbox = kernel.sandboxes[worker.uid], sandbox.shimIsAlive, !sandbox.isStuck else {
            return false
        }
        return worker.newsUnderWay == 0 && process(worker, run)?.isLive != true
    }

    // MARK: Hooks

    func checkHook(_ worker: PretendWorker, _ run: RunID, _ kind: HookKind, _ limit: Duration?) {
        let uid = worker.uid
        guard let instance = truths[uid]?.instances[run] else { return fail("\(uid) \(run) was never born") }
        if isKnownToHaveEnded(worker, run) { fail("\(uid) \(kind.rawValue) of \(run), which has ended") }
        if worker.hooks[run]?.kind == kind { fail("\(uid) \(kind.rawValue) of \(run) is run twice") }
        switch (kind, instance.stop) {
        case (.postStart, let stop):
            // Another life need not know that it was over.
            if instance.postStartIsOver, instance.postStartIsOverSince == lives {
                fail("\(uid) postStart of \(run) is run again")
            }
            if stop != nil { fail("\(uid) postStart of \(run), which is to end") }
        case (.preStop, nil): fail("\(uid) preStop of \(run), which nobody wants to end")
        case (.preStop, let stop?):
            if stop.askedAt != nil { fail("\(uid) preStop of \(run), which was asked to end") }
            truths[uid]?.instances[run]?.stop?.hasBegun = true
            guard let limit, limit.wholeNanoseconds <= stop.timeIsUpAt - time else {
                return fail("\(uid) preStop of \(run) may take more time than there is")
            }
        }
    }

    func noteHook(_ worker: PretendWorker, _ run: RunID, _ kind: HookKind, _ failure: String?) {
        switch kind {
        case .preStop: truths[worker.uid]?.instances[run]?.preStopIsOver = true
        case .postStart where failure == nil:
            truths[worker.uid]?.instances[run]?.postStartIsOver = true
            truths[worker.uid]?.instances[run]?.postStartIsOverSince = lives
            noteStarted(worker.uid, run)
        case .postStart: break
        }
    }

    /// Whoever waits for a sidecar need not do so in this sandbox any more, once it has started there.
    func noteStarted(_ uid: String, _ run: RunID) {
        guard let instance = truths[uid]?.instances[run], instance.hasStarted else { return }
        kernel.sandboxes[uid]?.started.insert(instance.container)
    }

    // MARK: Probes

    /// Questions do not come more often than they are to. One that was missed, because the answer before it took longer than
    /// the period, may be made up for: so no three come within a period.
    func checkPace(_ worker: PretendWorker, _ question: PodProbes.Question) {
        let probe = worker.pod.spec.container(question.container)?.probe(question.kind)
        guard let probe else { return fail("\(worker.uid) \(question) is asked, and has no such probe") }
        let period = Int64(probe.periodSeconds) * 1_000_000_000
        let earlier = worker.lastAsked[question, default: []].suffix(2)
        worker.lastAsked[question] = earlier.suffix(1) + [time]
        if earlier.count == 2, let first = earlier.first, time < first + period {
            fail("\(worker.uid) \(question) is asked again too soon")
        }
    }

    /// Only who runs and has come far enough is asked.
    func checkQuestion(_ worker: PretendWorker, _ question: PodProbes.Question) {
        let (uid, name) = (worker.uid, "\(worker.uid) \(question.container) \(question.run)")
        if worker.attempts[question] != nil { fail("\(name) is asked for \(question.kind) twice at a time") }
        guard let instance = truths[uid]?.instances[question.run], instance.container == question.container,
            let probe = worker.pod.spec.container(question.container)?.probe(question.kind)
        else { return fail("\(name) is asked, and was never born") }
        if instance.container.hasPrefix("i") { fail("\(name) is asked, and no init container is") }
        if isKnownToHaveEnded(worker, question.run) { fail("\(name) is asked, and has ended") }
        if !instance.postStartIsOver { fail("\(name) is asked before postStart is over") }
        if question.kind != .startup, !instance.hasSaidStarted {
            fail("\(name) is asked for \(question.kind) before it has started")
        }
        if question.kind != .readiness, instance.stop != nil { fail("\(name) is asked, and is to end") }
        if !traits.clockJumps, time < instance.bornAt + Int64(probe.initialDelaySeconds) * 1_000_000_000 {
            fail("\(name) is asked within its initial delay")
        }
    }

    /// Reckons with an answer; whether it is one for which the container is to be ended.
    func noteAnswer(_ worker: PretendWorker, _ question: PodProbes.Question, _ outcome: ProbeOutcome) -> Bool
    {
        guard let probe = worker.pod.spec.container(question.container)?.probe(question.kind) else {
            return false
        }
        let isYes: Bool
        switch outcome {
        case .success, .warning: isYes = true
        case .failure: isYes = false
        case .error: return false
        }
        let (uid, run, kind) = (worker.uid, question.run, question.kind)
        guard truths[uid]?.instances[run]?.answers[kind, default: .init()].take(isYes, of: probe) == true
        else {
            return false
        }
        if kind == .startup, isYes {
            truths[uid]?.instances[run]?.hasSaidStarted = true
            noteStarted(uid, run)
        }
        return kind != .readiness && !isYes
    }

    /// Who has failed so often that it is enough is told to end in the same moment.
    func checkFatalAnswer(_ worker: PretendWorker, _ question: PodProbes.Question) {
        guard worker.isAlive, worker.machine.sandbox == .ready else { return }
        if truths[worker.uid]?.instances[question.run]?.stop?.hasBegun != true {
            fail("\(worker.uid) \(question.container) has failed \(question.kind), and is not ended")
        }
    }

    /// Nobody is shown as ready who has not said so, often enough, nor as started who has not.
    func checkReadiness(_ worker: PretendWorker) {
        let statuses = worker.status.initContainerStatuses + worker.status.containerStatuses
        for status in statuses where !status.name.hasPrefix("i") && status.state.running != nil {
            guard let run = worker.machine.containers.first(where: { $0.name == status.name })?.runningRun,
                let instance = truths[worker.uid]?.instances[run]
            else { continue }
            if status.started == true, !instance.hasStarted {
                fail("\(worker.uid) \(status.name) is shown as started")
            }
            let hasProbe = worker.pod.spec.container(status.name)?.readinessProbe != nil
            if status.ready, hasProbe, instance.answers[.readiness]?.allowsReady != true {
                fail("\(worker.uid) \(status.name) is shown as ready, and has not said so")
            }
        }
    }

    // MARK: Deadlines

    /// A Pod ends when it has been active for as long as it may, and says why.
    func checkDeadline(_ worker: PretendWorker) {
        let (was, ending) = (worker.lastEnding, worker.machine.ending)
        worker.lastEnding = ending
        guard !traits.clockJumps, worker.machine.hold == nil,
            let limit = worker.pod.spec.activeDeadlineSeconds, let since = worker.machine.startTime
        else { return }
        let isPast = now.wall >= since + .seconds(limit)
        if isPast, ending == nil { fail("\(worker.uid) goes on past its deadline") }
        if isPast, was == nil, ending == .finishing, !worker.isFresh,
            worker.machine.failure?.reason != "DeadlineExceeded"
        {
            fail("\(worker.uid) ends at its deadline, and does not say so")
        }
    }
}

@testable import PodCore

/// The shell around the machine: carries out effects, keeps the record, dies and comes back.
extension PodSimulation {
    mutating func handling(_ event: PodEvent) -> [PodEffect] {
        countEvent()
        return machine.handle(event, at: now)
    }

    /// A machine that reacts to its own reactions would be seen by this.
    mutating func countEvent() {
        if second != tick.nanoseconds / 1_000_000_000 { eventsInSecond = 0 }
        second = tick.nanoseconds / 1_000_000_000
        eventsInSecond += 1
        if eventsInSecond > 200 { fail("more than 200 events in a second") }
    }

    mutating func perform(_ effects: [PodEffect]) {
        if trace != nil { trace?.append("    -> \(effects)") }
        remember()
        for effect in effects {
            if !isCalm, random.chance(diskIsSlow ? 0.05 : 0.005) { return agentDies() }
            perform(effect)
        }
        check()
    }

    mutating func remember() {
        recordVersion += 1
        unwritten[recordVersion] = (machine, builder)
        let time = random.seconds(0...(diskIsSlow ? 10 : 0.01))
        at(time, .recordIsWritten(version: recordVersion))
    }

    /// What is recorded as ended, the shim need not keep. A record that a newer one has overtaken is not written.
    mutating func write(_ version: Int) {
        guard let record = unwritten[version] else { return }
        disk = record
        unwritten = unwritten.filter { $0.key > version }
        for recorded in record.machine.containers {
            for end in [recorded.newestTermination, recorded.lastTermination].compactMap(\.self) {
                if let process = sandbox?.processes[end.run], !process.isLive {
                    sandbox?.processes[end.run] = nil
                }
            }
        }
    }

    mutating func perform(_ effect: PodEffect) {
        switch effect {
        case .prepare:
            let fails = !isCalm && random.chance(0.2)
            at(random.workTime(), .told(fails ? .preparationFailed(message: "no") : .prepared))
        case .createSandbox(let attempt):
            at(random.workTime(), .sandboxIsSpawned(attempt: attempt, fails: !isCalm && random.chance(0.1)))
        case .startContainer(let name, let run, let restartCount):
            checkBackoff(name)
            if !isCalm, random.chance(0.1) {
                at(random.workTime(), .told(.containerNotCreated(run, Waiting("CreateContainerError", "no"))))
            } else {
                at(random.workTime(), .startReachesShim(name: name, run: run, restartCount: restartCount))
            }
        case .terminate(let run): signal(run, isKill: false)
        case .kill(let run): signal(run, isKill: true)
        case .removeSandbox(let attempt):
            write(recordVersion)
            at(random.workTime(), .sandboxIsTornDown(attempt: attempt))
        case .cleanUp(let what):
            if sandbox != nil { fail("cleaned up beneath a sandbox") }
            at(random.workTime(), .cleanUpIsDone(what))
        case .finished:
            if !isDeleted || sandbox != nil { fail("finished too early") }
            isFinished = true
        case .inquire(let attempt): at(random.seconds(0...0.1), .shimIsAsked(attempt: attempt))
        case .killSandbox: if let sandbox { at(.zero, .shimDies(sandbox.number)) }
        case .record: break
        }
    }

    mutating func signal(_ run: RunID, isKill: Bool) {
        guard let sandbox, let process = sandbox.processes[run], process.isLive else { return }
        if isKill { return at(random.seconds(0...0.2), .exits(sandbox.number, run, 137)) }
        if random.chance(0.7) {
            at(random.seconds(0...3), .exits(sandbox.number, run, random.chance(0.5) ? 143 : 0))
        }
    }

    // MARK: What happens

    mutating func happen(_ what: Happening) {
        switch what {
        case .told(let event):
            // As the shell has it: the answer that a restarted agent waits for has all that is told before.
            if machine.isResuming, event.isNews { return }
            perform(handling(event))
        case .shimIsAsked(let attempt): ask(attempt)
        case .recordIsWritten(let version): write(version)
        case .cleanUpIsDone(let what):
            if what == .everything { disk = (machine, builder) }
            perform(handling(.cleanedUp(what)))
        case .isDeleted(let grace):
            isDeleted = true
            if agentIsUp, !isFinished { perform(handling(.delete(grace: grace))) }
        case .wallClockJumps(let step): wallOffset += step.wholeNanoseconds
        case .agentDies: if agentIsUp, !isFinished { agentDies() }
        case .agentReturns: agentReturns()
        default: happenBelow(what)
        }
    }

    mutating func agentDies() {
        trace?.append("    agent dies")
        agentIsUp = false
        pending.removeAll { $0.what.isOfAgent }
        unwritten = [:]
        at(random.chance(0.2) ? random.seconds(0...900) : random.seconds(0...2), .agentReturns)
    }

    mutating func agentReturns() {
        guard !agentIsUp else { return }
        agentIsUp = true
        (machine, builder) = disk
        countEvent()
        var effects = machine.resume(at: now)
        // The manifest is still gone.
        if isDeleted, !isDeleting { effects += handling(.delete(grace: nil)) }
        perform(effects)
    }

    /// The shim answers; where there is none, the agent finds that out at once.
    mutating func ask(_ attempt: Int) {
        if let sandbox {
            if !sandbox.isStuck { news(.sandboxAnswered(attempt: attempt, sandbox.observation)) }
        } else {
            let isBeingMade = !machine.isResuming && machine.sandbox == .creating
            perform(
                handling(
                    isBeingMade ? .sandboxAnswered(attempt: attempt, nil) : .sandboxLost(attempt: attempt)
                )
            )
        }
    }

    var isDeleting: Bool {
        if case .deleting = machine.ending { return true }
        return false
    }
}

@testable import PodCore

/// The kernel and the shim: what becomes of sandboxes and processes, and what the agent hears of it.
extension PodSimulation {
    mutating func happenBelow(_ what: Happening) {
        switch what {
        case .sandboxIsSpawned(let attempt, let fails): spawn(attempt, fails: fails)
        case .sandboxIsTornDown(let attempt):
            if let sandbox, !sandbox.live.isEmpty {
                fail("torn down around a live container")
            }
            sandbox = nil
            perform(handling(.sandboxRemoved(attempt: attempt)))
        case .startReachesShim(let name, let run, let restartCount): launch(name, run, restartCount)
        case .pauseStarts(let number):
            guard let attempt = attempt(of: number) else { return }
            sandbox?.pauseIsAlive = true
            news(.sandboxStarted(attempt: attempt))
            if !isCalm, random.chance(0.3) {
                at(random.chance(0.5) ? random.seconds(0...2) : random.seconds(0...120), .pauseDies(number))
            }
            if !isCalm, random.chance(0.05) { at(random.seconds(0...120), .shimDies(number)) }
        case .launchEnds(let number, let run, let fails): launched(number, run, fails: fails)
        case .exits(let number, let run, let code): exit(number, run, code)
        case .pauseDies(let number): pauseDies(number)
        case .pauseIsReaped(let number):
            guard let attempt = attempt(of: number) else { return }
            news(.sandboxEnded(attempt: attempt))
        case .shimDies(let number): shimDies(number)
        default: break
        }
    }

    mutating func spawn(_ attempt: Int, fails: Bool) {
        if sandbox != nil { fail("two sandboxes") }
        sandboxes += 1
        sandbox = PretendSandbox(number: sandboxes, attempt: attempt)
        if fails {
            at(random.seconds(0...0.1), .told(.sandboxFailed(attempt: attempt, message: "no")))
        } else {
            at(random.seconds(0...0.1), .pauseStarts(sandboxes))
        }
    }

    mutating func pauseDies(_ number: Int) {
        guard sandbox?.number == number, sandbox?.pauseIsAlive == true else { return }
        sandbox?.pauseIsAlive = false
        if !containersOutlivePause {
            for run in sandbox?.live ?? [] { at(random.seconds(0...0.05), .exits(number, run, 137)) }
        }
        if random.chance(0.2) { at(random.seconds(0...0.5), .agentDies) }
        // Before or after what the kernel killed with it.
        at(random.seconds(0...0.05), .pauseIsReaped(number))
    }

    mutating func shimDies(_ number: Int) {
        guard let attempt = attempt(of: number) else { return }
        let processes = sandbox?.processes ?? [:]
        for process in processes.values { truths[process.container, default: .init()].isLost = true }
        sandbox = nil
        guard agentIsUp else { return }
        // As the shell has it: a sandbox that is lost before it stood could not be made.
        let isMade = machine.sandbox != .creating
        news(
            isMade ? .sandboxLost(attempt: attempt) : .sandboxFailed(attempt: attempt, message: "shim ended")
        )
    }

    func attempt(of number: Int) -> Int? {
        sandbox.flatMap { $0.number == number ? $0.attempt : nil }
    }

    mutating func launch(_ name: String, _ run: RunID, _ restartCount: Int) {
        guard machine.containers.contains(where: { $0.liveRun == run }) else { return }
        guard sandbox?.pauseIsAlive == true, let number = sandbox?.number else {
            return perform(handling(.containerNotCreated(run, Waiting("CreateContainerError", "refused"))))
        }
        checkLaunch(name, run, restartCount)
        sandbox?.processes[run] = .init(container: name, restartCount: restartCount, state: .launching)
        at(random.seconds(0...0.1), .launchEnds(number, run, fails: !isCalm && random.chance(0.05)))
    }

    mutating func launched(_ number: Int, _ run: RunID, fails: Bool) {
        guard let process = process(run, of: number), case .launching = process.state else { return }
        born(process)
        let wall = now.wall
        if fails {
            sandbox?.processes[run]?.state = .failed(message: "no", at: wall)
            truths[process.container]?.ended(run, 128, at: tick)
            return news(.containerNotStarted(run, message: "no", at: wall))
        }
        sandbox?.processes[run]?.state = .running(startedAt: wall)
        news(.containerStarted(run, at: wall))
        let isInit = process.container.hasPrefix("i")
        if isCalm {
            if isInit { at(.seconds(1), .exits(number, run, 0)) }
        } else if let lifetime = random.lifetime() {
            at(lifetime, .exits(number, run, isInit && random.chance(0.5) ? 0 : random.exitCode()))
        }
    }

    /// The process, if its sandbox is still there.
    func process(_ run: RunID, of number: Int) -> PretendSandbox.Process? {
        guard let sandbox, sandbox.number == number else { return nil }
        return sandbox.processes[run]
    }

    mutating func born(_ process: PretendSandbox.Process) {
        let name = process.container
        let isForgotten = name.hasPrefix("i") && sandbox?.hasRun.contains(name) == false
        truths[name, default: .init()].born(at: tick, isForgotten: isForgotten)
        sandbox?.hasRun.insert(name)
    }

    mutating func exit(_ number: Int, _ run: RunID, _ code: Int32) {
        guard let process = process(run, of: number), process.isLive else { return }
        var startedAt: Timestamp?
        if case .running(let since) = process.state { startedAt = since } else { born(process) }
        let (status, wall) = (ExitStatus(code: code), now.wall)
        sandbox?.processes[run]?.state = .exited(status, startedAt: startedAt, finishedAt: wall)
        truths[process.container]?.ended(run, code, at: tick)
        if code == 0 { sandbox?.succeeded.insert(process.container) }
        news(.containerExited(run, status, startedAt: startedAt, finishedAt: wall))
    }
}

@testable import PodCore

/// What the kernel holds of the node's Pods: by UID, a shim with its processes, and the directories and the cgroup.
final class PretendKernel {
    /// Counts boots.
    private(set) var boot = 0
    var sandboxes: [String: PretendSandbox] = [:]
    /// Pods that have a cgroup or a directory below /run.
    var remains: Set<String> = []
    /// Pods that have volumes.
    var volumes: Set<String> = []
    /// Pods of which the volumes are ready, since the last boot.
    var prepared: Set<String> = []
    private var numbers = 0

    func nextNumber() -> Int {
        numbers += 1
        return numbers
    }

    /// Everything that lives is gone; what is on the disk stays.
    func reboot() {
        boot += 1
        sandboxes = [:]
        remains = []
        prepared = []
    }
}

/// A sandbox: a shim that keeps the ends of its processes, and pause.
final class PretendSandbox {
    /// One process that was asked for.
    struct Process {
        var container: String
        var restartCount: Int
        var state: SandboxObservation.Run.State

        var isLive: Bool {
            switch state {
            case .launching, .running: true
            case .exited, .failed: false
            }
        }
    }

    let uid: String
    /// Tells this sandbox from the next one.
    let number: Int
    let attempt: Int
    /// The attempt that the agent takes it for.
    var knownAs: Int
    var shimIsAlive = true
    /// The shim is stopped, or hangs in the kernel: what it is told waits, and it tells nothing.
    var isStuck = false
    var waiting: [() -> Void] = []
    /// It has been asked for pause.
    var isAsked = false
    var pauseIsAlive = false
    var processes: [RunID: Process] = [:]
    /// Init containers that have exited with 0 in this sandbox.
    var succeeded: Set<String> = []
    /// Sidecars that have started in this sandbox, as far as others wait for that.
    var started: Set<String> = []
    /// Containers of which a process has been made, since everything was last restarted.
    var everLaunched: Set<String> = []

    init(uid: String, number: Int, attempt: Int) {
        self.uid = uid
        self.number = number
        self.attempt = attempt
        knownAs = attempt
    }

    /// The processes that are starting or running, in a fixed order.
    var live: [RunID] { processes.filter(\.value.isLive).map(\.key).sorted() }

    /// The answer to an agent that asks, the newest first: it need not be in order.
    var observation: SandboxObservation {
        SandboxObservation(
            attempt: isAsked ? attempt : nil,
            pauseIsAlive: pauseIsAlive,
            runs: processes.sorted { $0.key > $1.key }.map { run, process in
                .init(
                    run: run,
                    container: process.container,
                    restartCount: process.restartCount,
                    state: process.state
                )
            }
        )
    }

    /// Has the shim do something now, or when it is not stuck any more.
    func whenAwake(_ body: @escaping () -> Void) {
        if !shimIsAlive { return }
        if isStuck { waiting.append(body) } else { body() }
    }
}

/// What shims and processes do by themselves.
extension NodeSimulation {
    func below(_ delay: Duration, _ label: @autoclosure () -> String, _ body: @escaping () -> Void) {
        at(delay, .kernel(boot: kernel.boot), label(), body)
    }

    /// A shim is started, and its Pod's cgroup and directories with it.
    func spawn(_ uid: String, attempt: Int) {
        if kernel.sandboxes[uid] != nil { fail("two sandboxes of \(uid)") }
        let sandbox = PretendSandbox(uid: uid, number: kernel.nextNumber(), attempt: attempt)
        kernel.sandboxes[uid] = sandbox
        kernel.remains.insert(uid)
        truths[uid]?.newSandbox()
        guard !isCalm, random.chance(0.1) else { return }
        let end = random.chance(0.3) ? random.seconds(0...1) : random.seconds(0...300)
        if random.chance(0.5) {
            below(end, "the shim of \(uid) is killed") { [unowned self] in shimDies(sandbox) }
        } else {
            below(end, "the shim of \(uid) hangs") { [unowned self] in
                if isCalm { return }
                sandbox.isStuck = true
                if random.chance(0.5) { below(random.seconds(0...60), "it goes on") { self.wake(sandbox) } }
            }
        }
    }

    func wake(_ sandbox: PretendSandbox) {
        sandbox.isStuck = false
        let waiting = sandbox.waiting
        sandbox.waiting = []
        for body in waiting { sandbox.whenAwake(body) }
    }

    /// The shim is asked for pause.
    func makePause(_ sandbox: PretendSandbox, fails: Bool) {
        below(random.seconds(0...0.1), "pause of \(sandbox.uid)") { [unowned self] in
            sandbox.whenAwake { [unowned self] in
                sandbox.isAsked = true
                if fails { return news(sandbox, .sandboxFailed(attempt: sandbox.attempt, message: "no")) }
                sandbox.pauseIsAlive = true
                news(sandbox, .sandboxStarted(attempt: sandbox.attempt))
                if isCalm || !random.chance(0.2) { return }
                let life = random.chance(0.5) ? random.seconds(0...2) : random.seconds(0...120)
                below(life, "pause of \(sandbox.uid) dies") { self.pauseDies(sandbox) }
            }
        }
    }

    private func pauseDies(_ sandbox: PretendSandbox) {
        guard !isCalm, sandbox.pauseIsAlive else { return }
        sandbox.pauseIsAlive = false
        if !traits.containersOutlivePause { kill(sandbox, within: 0.05) }
        // Before or after what the kernel killed with it.
        below(random.seconds(0...0.05), "pause of \(sandbox.uid) is reaped") { [unowned self] in
            sandbox.whenAwake { self.news(sandbox, .sandboxEnded(attempt: sandbox.attempt)) }
        }
    }

    /// What it kept of ends is gone with it; what it was the parent of goes on, until the Pod's cgroup is killed.
    func shimDies(_ sandbox: PretendSandbox) {
        guard sandbox.shimIsAlive else { return }
        sandbox.shimIsAlive = false
        truths[sandbox.uid]?.shimDied(disk.records[sandbox.uid])
        agent?.workers.values.first { $0.uid == sandbox.uid }?.connectionEnded(sandbox)
    }

    /// cgroup.kill: nobody of the Pod is left, stopped or not.
    func killCgroup(_ uid: String) {
        guard let sandbox = kernel.sandboxes[uid] else { return }
        shimDies(sandbox)
        sandbox.pauseIsAlive = false
        sandbox.processes = [:]
    }

    private func kill(_ sandbox: PretendSandbox, within seconds: Double) {
        for run in sandbox.live {
            below(random.seconds(0...seconds), "\(sandbox.uid) \(run) dies") { [unowned self] in
                exit(sandbox, run, 137)
            }
        }
    }

    func launch(_ sandbox: PretendSandbox, _ container: Container, _ run: RunID, _ restartCount: Int) {
        guard sandbox.pauseIsAlive else {
            return news(sandbox, .containerNotCreated(run, Waiting("CreateContainerError", "refused")))
        }
        let name = container.name
        checkLaunch(sandbox, container, run, restartCount)
        truths[sandbox.uid]?.instances[run] = InstanceTruth(container, at: time)
        if traits.clockJumps, !isCalm, random.chance(0.05) { jump(within: 0.1, by: 3600) }
        sandbox.processes[run] = .init(container: name, restartCount: restartCount, state: .launching)
        let fails = !isCalm && random.chance(0.05)
        below(random.seconds(0...0.1), "\(sandbox.uid) \(run) is launched") { [unowned self] in
            sandbox.whenAwake { self.launched(sandbox, run, fails: fails) }
        }
    }

    private func launched(_ sandbox: PretendSandbox, _ run: RunID, fails: Bool) {
        guard let process = sandbox.processes[run], case .launching = process.state else { return }
        truths[sandbox.uid]?.born(process.container, run, process.restartCount, at: time)
        let wall = now.wall
        if fails {
            sandbox.processes[run]?.state = .failed(message: "no", at: wall)
            truths[sandbox.uid]?.ended(process.container, run, 128, at: time)
            noteEnd(sandbox, process.container, run, 128)
            return news(sandbox, .containerNotStarted(run, message: "no", at: wall))
        }
        sandbox.processes[run]?.state = .running(startedAt: wall)
        noteStarted(sandbox.uid, run)
        news(sandbox, .containerStarted(run, at: wall))
        let isInit = process.container.hasPrefix("i")
        guard let life = isCalm ? (isInit ? .seconds(1) : nil) : random.lifetime() else { return }
        let code = isCalm || isInit && random.chance(0.5) ? 0 : random.exitCode()
        below(life, "\(sandbox.uid) \(run) exits with \(code)") { [unowned self] in
            if !isCalm || isInit { exit(sandbox, run, isCalm ? 0 : code) }
        }
    }

    /// A process ends; whoever is its parent reaps it.
    func exit(_ sandbox: PretendSandbox, _ run: RunID, _ code: Int32) {
        guard sandbox.shimIsAlive else {
            sandbox.processes[run] = nil
            return
        }
        sandbox.whenAwake { [unowned self] in
            guard let process = sandbox.processes[run], process.isLive else { return }
            var startedAt: Timestamp?
            if case .running(let since) = process.state {
                startedAt = since
            } else {
                truths[sandbox.uid]?.born(process.container, run, process.restartCount, at: time)
            }
            let (status, wall) = (ExitStatus(code: code), now.wall)
            sandbox.processes[run]?.state = .exited(status, startedAt: startedAt, finishedAt: wall)
            truths[sandbox.uid]?.ended(process.container, run, code, at: time)
            noteEnd(sandbox, process.container, run, code)
            if code == 0 { sandbox.succeeded.insert(process.container) }
            news(sandbox, .containerExited(run, status, startedAt: startedAt, finishedAt: wall))
        }
    }

    /// What the shim tells reaches an agent that is connected to it, in order.
    func news(_ sandbox: PretendSandbox, _ event: PodEvent) {
        agent?.workers.values.first { $0.uid == sandbox.uid }?.hear(event, from: sandbox)
    }
}

extension PretendKernel {
    /// Half of the shims that hang go on; of the others nothing more is heard.
    func calmDown(_ node: NodeSimulation) {
        for uid in sandboxes.keys.sorted() {
            guard let sandbox = sandboxes[uid] else { continue }
            if sandbox.isStuck, node.random.chance(0.5) { node.wake(sandbox) }
            for run in sandbox.live where sandbox.processes[run]?.container.hasPrefix("i") == true {
                node.below(.seconds(1), "\(uid) \(run) exits") { [unowned node] in node.exit(sandbox, run, 0)
                }
            }
        }
    }
}

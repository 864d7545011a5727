@testable import PodCore

/// What a worker asks of its shim and hears from it.
extension PretendWorker {
    func inquire(_ attempt: Int) {
        if connection == nil, machine.isResuming {
            connection = node.kernel.sandboxes[uid].flatMap { $0.shimIsAlive ? $0 : nil }
            // The shim does not say before its answer which attempt it is of.
            connection?.knownAs = attempt
            if let connection { node.endangerReplay(connection) }
        }
        if let sandbox = connection {
            return sandbox.whenAwake { [unowned node, life = agent.life] in
                // The answer goes to who asked, over a connection that ends with its life.
                if node.agent?.life != life { return }
                node.news(sandbox, .sandboxAnswered(attempt: attempt, sandbox.observation))
            }
        }
        later(.zero, "answer for the shim of") { [self] in
            if machine.isResuming {
                deliver(.sandboxLost(attempt: attempt))
            } else {
                deliver(.sandboxAnswered(attempt: attempt, nil))
            }
        }
    }

    /// The shim's news come in the order in which they were sent.
    func hear(_ event: PodEvent, from sandbox: PretendSandbox) {
        guard connection === sandbox || leaving === sandbox else { return }
        newsDue = max(newsDue, node.time + node.random.seconds(0...0.02).wholeNanoseconds)
        let isLate = leaving === sandbox
        if isLate, node.random.chance(0.3) { newsDue += node.random.seconds(0...20).wholeNanoseconds }
        newsUnderWay += 1
        node.at(.nanoseconds(newsDue - node.time), .agent(life: agent.life), "\(uid) hears \(event)") {
            [self] in
            newsUnderWay -= 1
            guard isAlive, connection === sandbox || isLate else { return }
            take(event.of(attempt: sandbox.knownAs), from: sandbox)
        }
    }

    private func take(_ event: PodEvent, from sandbox: PretendSandbox) {
        defer {
            // The machine has learned from the answer which attempt the shim is of.
            if connection === sandbox, !machine.isResuming { sandbox.knownAs = machine.attempt }
        }
        if case .containerStarted(let run, _) = event, machine.index(of: run) == nil, !machine.isResuming {
            // Given up while the shim was slow to begin it.
            return node.exit(sandbox, run, 137)
        }
        switch event {
        case .sandboxAnswered(_, let observation):
            if machine.isResuming { adopt(observation?.runs ?? []) }
        default:
            if machine.isResuming { return }
        }
        switch event {
        case .containerExited(let run, _, _, _), .containerNotStarted(let run, _, _): unforgotten.append(run)
        default: break
        }
        deliver(event)
    }

    private func adopt(_ runs: [SandboxObservation.Run]) {
        for run in runs {
            switch run.state {
            case .exited, .failed: unforgotten.append(run.run)
            case .running, .launching: break
            }
        }
    }

    /// The shim is gone without a word. What it had said before is heard first.
    func connectionEnded(_ sandbox: PretendSandbox) {
        guard connection === sandbox else { return }
        newsDue = max(newsDue, node.time)
        node.at(.nanoseconds(newsDue - node.time), .agent(life: agent.life), "\(uid) loses its shim") {
            [self] in
            guard isAlive, connection === sandbox else { return }
            connection = nil
            if machine.sandbox == .creating, !machine.isResuming {
                deliver(.sandboxFailed(attempt: sandbox.knownAs, message: "podshim ended unexpectedly"))
            } else {
                deliver(.sandboxLost(attempt: sandbox.knownAs))
            }
        }
    }
}

extension PodEvent {
    /// The same news under the number by which the agent knows the sandbox.
    fileprivate func of(attempt: Int) -> PodEvent {
        switch self {
        case .sandboxStarted: .sandboxStarted(attempt: attempt)
        case .sandboxFailed(_, let message): .sandboxFailed(attempt: attempt, message: message)
        case .sandboxEnded: .sandboxEnded(attempt: attempt)
        case .sandboxLost: .sandboxLost(attempt: attempt)
        case .sandboxAnswered(_, let observation): .sandboxAnswered(attempt: attempt, observation)
        default: self
        }
    }
}

import Glibc
import PodCore

/// What the Pod's containers are asked.
extension PodWorker {
    /// Begins and stops asking as the machine has it now.
    func followProbes() {
        for question in probes.follow(machine, at: Clock.now()) { attempts.removeValue(forKey: question)?() }
        forgetHooks()
        forgetCommands()
    }

    /// Makes an attempt that ``PodProbes`` has claimed.
    func ask(_ question: PodProbes.Question) {
        guard let record = machine.container(running: question.run),
            let container = container(of: record),
            let probe = container.probe(question.kind)
        else { return Self.soon { self.answered(question, .error("the container does not run any more")) } }
        let timeout = ProbeSchedule(probe).timeout
        if let exec = probe.exec {
            let command = exec.command.map { Expansion.expand($0, with: container.literalVariables) ?? $0 }
            let key = CommandKey(run: question.run, purpose: .probe(question.kind))
            attempts[question] = run(command, in: container, key, limit: timeout) { [weak self] outcome in
                let answer = outcome.asProbe(of: command, timeout: timeout)
                if case .exited(ExitStatus.killed, _) = outcome {
                    self?.answeredByDeath(question, answer)
                } else {
                    self?.answered(question, answer)
                }
            }
            return
        }
        do throws(NetworkCallFailure) {
            let call = try networkCall(probe, container, timeout)
            attempts[question] = make(call) { [weak self] in self?.answered(question, $0) }
        } catch {
            let outcome = error.outcome
            Self.soon { self.answered(question, outcome) }
        }
    }

    /// A command that was killed, and not by podagent, may have gone with its container: the kernel ends what is in a PID
    /// namespace before it tells the end of the first process. Then the answer is moot, as soon as that is heard.
    private func answeredByDeath(_ question: PodProbes.Question, _ outcome: ProbeOutcome) {
        let alarm = NodeActor.alarms.alarm { [weak self] in self?.answered(question, outcome) }
        alarm.set(Clock.tick() + .milliseconds(50))
        attempts[question] = { alarm.cancel() }
    }

    /// As the instance was started: its image may be another one than the manifest has by now.
    func container(of record: ContainerRecord) -> Container? {
        record.runningRun.flatMap { launched[$0] } ?? pod.spec.container(record.name)
    }

    private func networkCall(_ probe: Probe, _ container: Container, _ timeout: Duration)
        throws(NetworkCallFailure) -> NetworkCall
    {
        let address = calledAddress
        if let get = probe.httpGet {
            return try NetworkCall(get, of: container, at: address, timeout: timeout)
        }
        if let socket = probe.tcpSocket {
            return try NetworkCall(socket, of: container, at: address, timeout: timeout)
        }
        return try NetworkCall(probe.grpc ?? GRPCAction(), at: address, timeout: timeout)
    }

    private func answered(_ question: PodProbes.Question, _ outcome: ProbeOutcome) {
        attempts[question] = nil
        switch probes.take(outcome, of: question) {
        case nil: return
        case .again: ask(question)
        case .wait(let record, let conclusion):
            if let record { node.events.record(record, about: pod) }
            guard let conclusion else { return setAlarm() }
            deliver(.probed(question.run, question.kind, conclusion))
        }
    }

    // MARK: Over the network

    /// Where the Pod is reached: at its own address, or the node's if it has the node's network. One that has loopback
    /// alone is reached there, from within.
    var calledAddress: String? {
        if pod.spec.hostNetwork { return node.addresses.first ?? Self.loopback }
        return addresses.first ?? Self.loopback
    }

    private static let loopback = "127.0.0.1"

    /// Makes a call; what takes it back.
    func make(_ call: NetworkCall, _ done: @escaping @NodeActor @Sendable (ProbeOutcome) -> Void) -> () ->
        Void
    {
        var place = NetworkPlace.node
        if !pod.spec.hostNetwork, addresses.isEmpty, call.host == Self.loopback {
            do throws(SystemFailure) {
                place = .namespace(try ownNetwork())
            } catch {
                let text = "\(error)"
                Self.soon { done(.error(text)) }
                return {}
            }
        }
        let prober = node.prober
        let token = prober.call(call, from: place) { outcome in
            NodeActor.queue.async { NodeActor.assumeIsolated { done(outcome) } }
        }
        return { prober.cancel(token) }
    }

    /// The network namespace that pause holds.
    private func ownNetwork() throws(SystemFailure) -> SharedDescriptor {
        if let kept = networkNamespace { return kept }
        let namespace = PauseNamespace(
            pid: sandbox?.pausePID,
            uid: pod.metadata.uid,
            cgroups: node.cgroups
        )
        guard let held = namespace.hold() else {
            throw SystemFailure(call: "open", subject: "network of \(pod.metadata.name)", errno: ESRCH)
        }
        networkNamespace = held.descriptor
        return held.descriptor
    }
}

extension CommandOutcome {
    /// In the kubelet's words (reference §5.4).
    fileprivate func asProbe(of command: [String], timeout: Duration) -> ProbeOutcome {
        switch self {
        case .exited(0, _): return .success
        case .exited(_, let output): return .failure(output.trimmingEnd)
        case .timedOut:
            let text = command.joined(separator: " ")
            return .failure("command timed out: \(text.quoted) timed out after \(timeout.goText)")
        case .notRun(let reason): return .error(reason)
        }
    }
}

extension Container {
    /// Those of its environment that stand in the spec as they are: what the commands of probes may name.
    fileprivate var literalVariables: [String: String] {
        env.reduce(into: [:]) { if $1.valueFrom == nil { $0[$1.name] = $1.value } }
    }
}

extension String {
    /// Without the line break that programs end their output with.
    var trimmingEnd: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}

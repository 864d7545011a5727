import PodCore

/// What is done right after the containers' start and before their end (reference §6.4).
extension PodWorker {
    func runHook(_ run: RunID, _ kind: HookKind, _ limit: Duration?) {
        guard let record = machine.container(running: run),
            let container = container(of: record),
            let handler = container.handler(kind)
        else { return Self.soon { self.hookEnded(run, kind, "the container has no such hook any more") } }
        // A container that is stopped before its postStart hook has ended may have another one under way.
        hooks.removeValue(forKey: CommandKey(run: run, purpose: .hook(.postStart)))?()
        let key = CommandKey(run: run, purpose: .hook(kind))
        if let exec = handler.exec {
            hooks[key] = self.run(exec.command, in: container, key, limit: limit) { [weak self] outcome in
                self?.hookEnded(run, kind, outcome.failure(of: exec.command, limit))
            }
        } else if let get = handler.httpGet {
            fetch(get, container, run, kind, limit)
        } else if let sleep = handler.sleep {
            let alarm = NodeActor.alarms.alarm { [weak self] in self?.hookEnded(run, kind, nil) }
            alarm.set(Clock.tick() + min(.seconds(sleep.seconds), limit ?? .seconds(sleep.seconds)))
            hooks[key] = { alarm.cancel() }
        } else {
            Self.soon { self.hookEnded(run, kind, "invalid handler") }
        }
    }

    private func fetch(
        _ get: HTTPGetAction,
        _ container: Container,
        _ run: RunID,
        _ kind: HookKind,
        _ limit: Duration?
    ) {
        do throws(NetworkCallFailure) {
            let call = try NetworkCall(
                get,
                of: container,
                at: calledAddress,
                // The kubelet's client waits for ever; nobody wants that.
                timeout: limit ?? Self.fetchTimeout,
                purpose: .hook
            )
            hooks[CommandKey(run: run, purpose: .hook(kind))] = make(call) { [weak self] outcome in
                guard let self else { return }
                if case .warning(let text) = outcome {
                    node.events.record(PodRecord(.warning, "LifecycleHTTPFallback", text), about: pod)
                }
                hookEnded(run, kind, outcome.failure)
            }
        } catch {
            let text = error.description
            Self.soon { self.hookEnded(run, kind, text) }
        }
    }

    private static let fetchTimeout = Duration.seconds(120)

    private func hookEnded(_ run: RunID, _ kind: HookKind, _ failure: String?) {
        hooks[CommandKey(run: run, purpose: .hook(kind))] = nil
        deliver(.hookEnded(run, kind, failure: failure))
    }

    /// Takes back what was begun for instances that do not run any more.
    func forgetHooks() {
        if hooks.isEmpty { return }
        let running = Set(machine.containers.compactMap(\.runningRun))
        for key in hooks.keys where !running.contains(key.run) { hooks.removeValue(forKey: key)?() }
    }

    /// The sandbox goes: nobody in it is asked anything any more.
    func takeBackWork() {
        let (hooks, attempts) = (hooks, attempts)
        self.hooks = [:]
        self.attempts = [:]
        for cancel in hooks.values { cancel() }
        for cancel in attempts.values { cancel() }
    }
}

extension Container {
    fileprivate func handler(_ kind: HookKind) -> LifecycleHandler? {
        switch kind {
        case .postStart: lifecycle?.postStart
        case .preStop: lifecycle?.preStop
        }
    }
}

extension CommandOutcome {
    fileprivate func failure(of command: [String], _ limit: Duration?) -> String? {
        let text = command.joined(separator: " ").quoted
        switch self {
        case .exited(0, _): return nil
        case .exited(let code, let output):
            return "command \(text) exited with \(code): \(output.trimmingEnd.quoted)"
        case .timedOut: return "command \(text) timed out after \((limit ?? .zero).goText)"
        case .notRun(let reason): return "command \(text) could not be run: \(reason)"
        }
    }
}

extension ProbeOutcome {
    fileprivate var failure: String? {
        switch self {
        case .success, .warning: nil
        case .failure(let text), .error(let text): text
        }
    }
}

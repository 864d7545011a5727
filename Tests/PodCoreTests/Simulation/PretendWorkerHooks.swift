@testable import PodCore

/// What is done right after starts and before ends.
extension PretendWorker {
    /// One that is under way.
    struct Hook {
        let kind: HookKind
        let number: Int
        /// It never ends by itself.
        let hangs: Bool
    }

    func runHook(_ run: RunID, _ kind: HookKind, _ limit: Duration?) {
        node.checkHook(self, run, kind, limit)
        // One before it is taken back.
        let (time, hangs) = (node.random.workTime(), !node.isCalm && node.random.chance(0.1))
        let hook = Hook(kind: kind, number: nextNumber(), hangs: hangs)
        hooks[run] = hook
        let fails = !node.isCalm && node.random.chance(0.15)
        if let limit, hangs || time > limit {
            // What has a limit is ended at it, mostly.
            if hangs, node.random.chance(0.3) { return }
            return end(hook, of: run, after: limit, "its time is up")
        }
        if !hangs { end(hook, of: run, after: time, fails ? "no" : nil) }
    }

    private func end(_ hook: Hook, of run: RunID, after time: Duration, _ failure: String?) {
        later(time, "end \(hook.kind.rawValue) \(run) of") { [self] in
            guard isAlive, hooks[run]?.number == hook.number else { return }
            hooks[run] = nil
            node.noteHook(self, run, hook.kind, failure)
            deliver(.hookEnded(run, hook.kind, failure: failure))
        }
    }

    /// Those of instances that do not run any more are taken back, but for a word that is on its way.
    func forgetHooks() {
        if hooks.isEmpty { return }
        let running = Set(machine.containers.compactMap(\.runningRun))
        for run in hooks.keys.sorted() where !running.contains(run) {
            let hook = hooks.removeValue(forKey: run)
            guard let hook, node.random.chance(0.1) else { continue }
            later(.zero, "tell \(hook.kind.rawValue) \(run) late of") { [self] in
                deliver(.hookEnded(run, hook.kind, failure: "the container has ended"))
            }
        }
    }

    /// What hangs goes on.
    func calmDown() {
        for (run, hook) in hooks.sorted(by: { $0.key < $1.key }) where hook.hangs {
            end(hook, of: run, after: .seconds(1), nil)
        }
        for (question, number) in attempts.sorted(by: { $0.key < $1.key }) {
            answer(question, number, .success, after: .seconds(1))
        }
    }
}

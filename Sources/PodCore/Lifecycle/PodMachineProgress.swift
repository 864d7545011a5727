/// How far running containers have come: their hooks, and what their probes say.
extension PodMachine {
    /// Runs what is to be done right after a start.
    mutating func runHooks(_ effects: inout [PodEffect]) {
        for index in containers.indices where containers[index].progress?.postStart == .due {
            guard let run = containers[index].runningRun, containers[index].stop == nil else { continue }
            containers[index].progress?.postStart = .underWay
            effects.append(.runHook(run, .postStart, limit: nil))
        }
    }

    /// A hook has come to its end. Of an instance that has ended meanwhile it says nothing any more.
    mutating func hookEnded(
        _ run: RunID,
        _ kind: HookKind,
        _ failure: String?,
        at now: Moment,
        _ effects: inout [PodEffect]
    ) {
        guard let index = containers.firstIndex(where: { $0.runningRun == run }) else { return }
        let name = containers[index].name
        switch kind {
        case .postStart:
            guard containers[index].progress?.postStart == .underWay else { return }
            if let failure {
                if containers[index].stop != nil { return }
                effects.append(
                    .record(
                        PodRecord(.warning, "FailedPostStartHook", "PostStartHook failed", container: name)
                    )
                )
                return stop(index, .postStart(failure), at: now, &effects)
            }
            containers[index].progress?.postStart = .done
            noteStart(index)
        case .preStop:
            guard containers[index].stop?.stage == .preStop(.underWay) else { return }
            containers[index].stop?.stage = .waiting
            if failure == nil { return }
            effects.append(
                .record(PodRecord(.warning, "FailedPreStopHook", "PreStopHook failed", container: name))
            )
        }
    }

    /// A probe has come to another conclusion than before.
    mutating func probed(
        _ run: RunID,
        _ kind: ProbeKind,
        _ isYes: Bool,
        at now: Moment,
        _ effects: inout [PodEffect]
    ) {
        guard let index = containers.firstIndex(where: { $0.runningRun == run }) else { return }
        switch (kind, isYes) {
        case (.readiness, _): containers[index].progress?.isReady = isYes
        case (.startup, true):
            containers[index].progress?.isStarted = true
            noteStart(index)
        case (.liveness, true): break
        case (.startup, false), (.liveness, false):
            // A Pod that comes to its end is not probed to death (reference §5.6).
            if ending != nil || shutdownGrace != nil { return }
            stop(index, .probe(kind), at: now, &effects)
        }
    }

    /// Where a new instance begins.
    func progress(atStartOf record: ContainerRecord) -> ContainerRecord.Progress {
        let spec = lifecycle.container(record.name)
        return .init(
            postStart: spec?.hasPostStart == true ? .due : .done,
            isStarted: spec?.probes[.startup] == nil,
            isReady: spec?.probes[.readiness] == nil
        )
    }

    mutating func noteStart(_ index: Int) {
        if containers[index].hasStarted { containers[index].hasStartedHere = true }
    }
}

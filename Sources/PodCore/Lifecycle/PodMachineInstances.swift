/// What becomes of the instances of containers.
extension PodMachine {
    mutating func started(
        _ run: RunID,
        at startedAt: Timestamp,
        _ now: Moment,
        _ effects: inout [PodEffect]
    ) {
        guard let index = index(of: run) else { return }  // it ended first, and that was told first
        containers[index].commitStart(at: now.tick(of: startedAt), lifecycle.backoff)
        containers[index].state = .running(run, startedAt: startedAt)
        containers[index].waiting = nil
        containers[index].progress = progress(atStartOf: containers[index])
        noteStart(index)
        effects.append(
            .record(PodRecord(.normal, "Started", "Container started", container: containers[index].name))
        )
    }

    /// Nothing has run, so no restart is counted and no back-off step is taken.
    mutating func notCreated(
        _ run: RunID,
        _ waiting: Waiting,
        at now: Moment,
        _ effects: inout [PodEffect]
    ) {
        guard let index = index(of: run) else { return }
        let name = containers[index].name
        containers[index].takeBackStart()
        // That nothing can be created in a sandbox that dies is no error of the container.
        if sandbox == .dying { return }
        containers[index].waiting = waiting
        containers[index].retryAt = now.tick + Self.errorRetry
        recordImageError(waiting, of: name, &effects)
    }

    /// A process was born and could not become the program: an instance that ended with code 128 (reference §3.6).
    mutating func notStarted(
        _ run: RunID,
        _ message: String,
        at finishedAt: Timestamp,
        _ now: Moment,
        _ effects: inout [PodEffect]
    ) {
        guard let index = index(of: run) else { return }
        let name = containers[index].name
        ended(run, code: 128, "StartError", message, startedAt: nil, finishedAt: finishedAt, now)
        // One that is not tried again does not wait for anything.
        if let end = containers[index].newestTermination, restarts(containers[index], after: end) {
            containers[index].waiting = Waiting("RunContainerError", message)
        }
        effects.append(.record(PodRecord(.warning, "Failed", "Error: \(message)", container: name)))
    }

    mutating func ended(
        _ run: RunID,
        code: Int32,
        _ reason: String,
        _ message: String,
        startedAt: Timestamp?,
        finishedAt: Timestamp,
        _ now: Moment
    ) {
        guard let index = index(of: run) else { return }
        var record = containers[index]
        var begun = startedAt
        if case .running(_, let known) = record.state { begun = known }
        var termination = Termination(
            exitCode: code,
            reason: reason,
            message: message,
            startedAt: begun,
            finishedAt: finishedAt,
            run: run,
            restartCount: record.restartCount
        )
        let stop = record.stop
        termination.isInterrupted = shutdownGrace != nil && stop != nil
        // One that ended before its start was told has been, all the same.
        record.commitStart(at: now.tick(of: begun ?? finishedAt), lifecycle.backoff)
        record.state = .ended(termination)
        record.waiting = nil
        record.progress = nil
        record.stop = nil
        record.notBefore = nil
        record.retryAt = nil
        record.beginsAfresh = record.isSuperseded(run) || stop?.reason == .restartAllContainers
        // Another image has not crashed yet (reference §4.6).
        if record.isSuperseded(run) { record.backoff = RestartBackoff() }
        if restarts(record, after: termination), !termination.isInterrupted, !record.beginsAfresh {
            record.notBefore = record.backoff.earliestStart(afterExitAt: now.tick(of: finishedAt))
            if case .postStart(let failure) = stop?.reason {
                record.waiting = Waiting("PostStartHookError", failure)
            }
        }
        if restarts(record, after: termination) { record.waitForImage() }
        containers[index] = record
        if stop == nil { considerRestartingAll(record, after: termination) }
    }
}

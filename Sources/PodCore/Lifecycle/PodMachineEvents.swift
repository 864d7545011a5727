/// The first half of a reduction: what an event says becomes what is known.
extension PodMachine {
    mutating func apply(_ event: PodEvent, at now: Moment, _ effects: inout [PodEffect]) {
        switch event {
        case .prepared:
            preparation = .done
        case .preparationFailed(let message):
            preparationFailed(message, at: now, &effects)
        case .sandboxStarted(let attempt):
            // A late word of an attempt that was given up is moot; its removal is under way.
            if attempt == self.attempt, sandbox == .creating { sandbox = .ready }
        case .sandboxFailed(let attempt, let message):
            guard attempt == self.attempt, sandbox == .creating else { return }
            sandbox = .removing
            sandboxRetryAt = now.tick + Self.errorRetry
            effects.append(
                .record(
                    PodRecord(.warning, "FailedCreatePodSandBox", "Failed to create pod sandbox: \(message)")
                )
            )
            effects.append(.removeSandbox(attempt: attempt))
        case .sandboxEnded(let attempt):
            if attempt == self.attempt, sandbox == .ready || sandbox == .creating { sandbox = .dying }
        case .sandboxLost(let attempt):
            if attempt == self.attempt { sandboxLost(at: now) }
        case .sandboxAnswered(let attempt, _):
            if attempt == self.attempt, !isResuming { inquiry = .none }
        case .sandboxRemoved(let attempt):
            if attempt == self.attempt { sandboxRemoved() }
        case .containerStarted(let run, let startedAt):
            started(run, at: startedAt, now, &effects)
        case .containerNotCreated(let run, let waiting):
            notCreated(run, waiting, at: now, &effects)
        case .containerNotStarted(let run, let message, let finishedAt):
            notStarted(run, message, at: finishedAt, now, &effects)
        case .containerExited(let run, let status, let startedAt, let finishedAt):
            ended(
                run,
                code: status.code,
                status.reason,
                status.message,
                startedAt: startedAt,
                finishedAt: finishedAt,
                now
            )
        case .rejected(let rejection):
            self.rejection = rejection
            ending = .finishing
            effects.append(.record(PodRecord(.warning, rejection.reason, rejection.text)))
        case .held(let why):
            hold = why
        case .released:
            hold = nil
        case .delete(let grace):
            delete(grace: grace, at: now)
        case .nodeShutdown(let grace):
            let shortest = min(grace, shutdownGrace ?? grace)
            shutdownGrace = shortest
            shortenStops(to: shortest, at: now)
        case .cleanedUp(let what):
            cleaningUp = false
            // A deletion that came while only the volumes were going still has the rest to do.
            cleanedUp = what == wantedCleanUp
        case .imagesChanged:
            retryImages()
        case .alarm:
            break
        }
    }

    /// How long to wait after an error that is nobody's crash (reference §4.11), without the kubelet's jitter.
    static let errorRetry = Duration.seconds(10)
    /// Volumes are tried again after 500 ms, doubling to 2 min 2 s (reference §9.1).
    static let preparationRetry = (first: Duration.milliseconds(500), max: Duration.seconds(122))

    private mutating func preparationFailed(_ message: String, at now: Moment, _ effects: inout [PodEffect]) {
        var delay = Self.preparationRetry.first
        if case .underWay(let previous?) = preparation {
            delay = min(previous * 2, Self.preparationRetry.max)
        }
        preparation = .failed(retryAt: now.tick + delay, delay: delay)
        effects.append(.record(PodRecord(.warning, "FailedMount", message)))
    }

    private mutating func sandboxLost(at now: Moment) {
        guard sandbox != .absent, sandbox != .removing else { return }
        sandbox = .dying
        // What was only starting is not known to have been, and is started anew.
        for index in containers.indices { containers[index].takeBackStart() }
        for run in containers.compactMap(\.liveRun) { lost(run, at: now) }
    }

    /// Nobody knows how the container ended, only that it did: the kubelet's words and code for that.
    mutating func lost(_ run: RunID, at now: Moment) {
        ended(
            run,
            code: 137,
            Termination.lostReason,
            "The container could not be located when the pod was terminated",
            startedAt: nil,
            finishedAt: now.wall,
            now
        )
    }

    mutating func sandboxRemoved() {
        guard sandbox == .removing else { return }
        sandbox = .absent
        guard ending == nil else { return }
        attempt += 1
        for index in containers.indices { containers[index].forgetSandbox() }
    }

    private mutating func started(
        _ run: RunID,
        at startedAt: Timestamp,
        _ now: Moment,
        _ effects: inout [PodEffect]
    ) {
        guard let index = index(of: run) else { return }  // it ended first, and that was told first
        containers[index].commitStart(at: now.tick(of: startedAt), lifecycle.backoff)
        containers[index].state = .running(run, startedAt: startedAt)
        containers[index].waiting = nil
        effects.append(
            .record(PodRecord(.normal, "Started", "Container started", container: containers[index].name))
        )
    }

    /// Nothing has run, so no restart is counted and no back-off step is taken.
    private mutating func notCreated(
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
        let imageEvent = Self.imageEvents[waiting.reason]
        if let imageEvent {
            effects.append(.record(PodRecord(.warning, imageEvent, waiting.message, container: name)))
        }
        let text = imageEvent == nil ? waiting.message : waiting.reason
        effects.append(.record(PodRecord(.warning, "Failed", "Error: \(text)", container: name)))
    }

    /// The event that tells why an image cannot be had, by the waiting reason (reference §13.3).
    private static let imageEvents = [
        "ErrImageNeverPull": "ErrImageNeverPull", "ErrImagePull": "Failed",
        "InvalidImageName": "InspectFailed",
        "ImageInspectError": "InspectFailed",
    ]

    /// Those that wait for an image need not wait any longer.
    private mutating func retryImages() {
        for index in containers.indices {
            guard let reason = containers[index].waiting?.reason, Self.imageEvents[reason] != nil else {
                continue
            }
            containers[index].retryAt = nil
        }
    }

    /// A process was born and could not become the program: an instance that ended with code 128 (reference §3.6).
    private mutating func notStarted(
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

    private mutating func ended(
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
        termination.isInterrupted = shutdownGrace != nil && record.stop != nil
        // One that ended before its start was told has been, all the same.
        record.commitStart(at: now.tick(of: begun ?? finishedAt), lifecycle.backoff)
        record.state = .ended(termination)
        record.waiting = nil
        record.stop = nil
        record.notBefore = nil
        record.retryAt = nil
        if restarts(record, after: termination), !termination.isInterrupted {
            record.notBefore = record.backoff.earliestStart(afterExitAt: now.tick(of: finishedAt))
        }
        containers[index] = record
    }

    /// Init containers run again only after a failure, and not under `Never` (reference §4.1).
    func restarts(_ record: ContainerRecord, after end: Termination) -> Bool {
        if record.isInit {
            return (end.exitCode != 0 || end.isInterrupted) && lifecycle.restartPolicy != .never
        }
        return lifecycle.restartPolicy.restarts(after: end)
    }

    private mutating func delete(grace: Duration?, at now: Moment) {
        let wanted = grace ?? lifecycle.terminationGracePeriod
        guard case .deleting(let earlier, let since) = ending else {
            ending = .deleting(grace: wanted, since: now.tick)
            cleanedUp = false  // a finished Pod kept its logs
            // A node that goes down may have begun to stop it, with more time.
            return shortenStops(to: wanted, at: now)
        }
        guard wanted < earlier else { return }
        ending = .deleting(grace: wanted, since: since)
        shortenStops(to: wanted, at: now)
    }

    private mutating func shortenStops(to grace: Duration, at now: Moment) {
        for index in containers.indices {
            guard let stop = containers[index].stop else { continue }
            containers[index].stop?.killAt = min(stop.killAt, now.tick + Self.stopTime(grace))
        }
    }

    /// A stop gets at least two seconds, as from the kubelet; zero is taken at its word: at once.
    static func stopTime(_ grace: Duration) -> Duration { grace <= .zero ? .zero : max(grace, .seconds(2)) }
}

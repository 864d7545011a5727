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
            // It has been active from now on only.
            startTime = now.wall
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
        case .imageWanted(let run):
            imageWanted(run)
        case .imageAnswered(let number, let answer):
            imageAnswered(number, answer, at: now, &effects)
        case .imagesChanged:
            retryImages()
        case .hookEnded(let run, let kind, let failure):
            hookEnded(run, kind, failure, at: now, &effects)
        case .probed(let run, let kind, let isYes):
            probed(run, kind, isYes, at: now, &effects)
        case .redefined(let lifecycle, let superseded):
            abandonPulls(of: superseded, &effects)
            redefine(lifecycle, superseding: superseded)
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
}

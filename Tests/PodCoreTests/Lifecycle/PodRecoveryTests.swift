import Testing

@testable import PodCore

/// podagent is killed and comes back: what it remembers meets what the shim says.
@Suite struct PodRecoveryTests {
    private func running() -> MachineDriver {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        return pod
    }

    private func seen(_ state: SandboxObservation.Run.State, run: UInt64 = 1, count: Int = 0)
        -> SandboxObservation
    {
        let run = SandboxObservation.Run(run: RunID(run), container: "web", restartCount: count, state: state)
        return SandboxObservation(attempt: 0, pauseIsAlive: true, runs: [run])
    }

    @Test("A container that still runs is left alone and keeps its start time")
    func leftAlone() {
        var pod = running()
        let before = pod.machine
        #expect(pod.machine.recover(seen(.running(startedAt: pod.now.wall)), at: pod.now) == [])
        #expect(pod.machine == before)
    }

    @Test("An exit that happened meanwhile is taken in with its true code and time")
    func missedExit() {
        var pod = running()
        let finished = pod.now.wall + .seconds(3)
        let exit = SandboxObservation.Run.State.exited(
            ExitStatus(waitStatus: 7 << 8),
            startedAt: pod.now.wall,
            finishedAt: finished
        )
        pod.now = Moment(tick: pod.now.tick + .seconds(60), wall: pod.now.wall + .seconds(60))
        let effects = pod.sift(pod.machine.recover(seen(exit), at: pod.now))
        #expect(effects == [.startContainer(name: "web", run: RunID(2), restartCount: 1)])
        #expect(pod.record("web")?.lastTermination?.exitCode == 7)
        #expect(pod.record("web")?.lastTermination?.finishedAt == finished)
    }

    @Test("An OOM kill that happened meanwhile is told as one")
    func missedOOMKill() {
        var pod = running()
        var status = ExitStatus(waitStatus: 9)
        status.hasOOMKill = true
        let exit = SandboxObservation.Run.State.exited(
            status,
            startedAt: pod.now.wall,
            finishedAt: pod.now.wall
        )
        _ = pod.machine.recover(seen(exit), at: pod.now)
        #expect(pod.record("web")?.newestTermination?.reason == "OOMKilled")
    }

    @Test("A start that never reached the shim is made again, with the same restart count")
    func lostStart() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        let effects = pod.sift(
            pod.machine.recover(SandboxObservation(attempt: 0, pauseIsAlive: true, runs: []), at: pod.now)
        )
        #expect(effects == [.startContainer(name: "web", run: RunID(2), restartCount: 0)])
    }

    @Test("A start whose record was lost is adopted, not made twice")
    func lostRecord() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.prepared)
        let effects = pod.sift(
            pod.machine.recover(seen(.running(startedAt: pod.now.wall), run: 5), at: pod.now)
        )
        #expect(effects == [])
        #expect(pod.record("web")?.liveRun == RunID(5))
    }

    @Test("Without a shim the containers are lost: 137, and the sandbox is made anew")
    func noShim() {
        var pod = running()
        #expect(pod.sift(pod.machine.recover(nil, at: pod.now)) == [.removeSandbox(attempt: 0)])
        #expect(pod.record("web")?.newestTermination?.exitCode == 137)
        #expect(pod.tell(.sandboxRemoved(attempt: 0), after: 1) == [.prepare])
        #expect(pod.tell(.prepared) == [.createSandbox(attempt: 1)])
    }

    @Test("Volumes are made again where no sandbox stands on them: an unrecorded deletion may have begun")
    func volumesMayBeGone() {
        let alive = SandboxObservation(attempt: 0, pauseIsAlive: true, runs: [])
        var standing = running()
        _ = standing.sift(standing.machine.recover(alive, at: standing.now))
        #expect(standing.machine.preparation == .done)
        var gone = running()
        _ = gone.sift(gone.machine.recover(nil, at: gone.now))
        #expect(gone.machine.preparation != .done)
    }

    @Test("A kill that was recorded may not have been sent: it is sent again, and nothing is asked twice")
    func killIsSentAgain() {
        var pod = running()
        #expect(pod.tell(.delete(grace: .seconds(5))) == [.terminate(RunID(1))])
        #expect(pod.tell(.alarm, after: 5) == [.kill(RunID(1))])
        pod.machine = pod.machine.recorded
        _ = pod.machine.resume(at: pod.now)
        let began = pod.now.wall
        #expect(
            pod.tell(.sandboxAnswered(attempt: 0, seen(.running(startedAt: began)))) == [.kill(RunID(1))]
        )
    }

    @Test("A half-made sandbox is removed and made anew")
    func halfMade() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.prepared)
        #expect(pod.sift(pod.machine.recover(nil, at: pod.now)) == [.removeSandbox(attempt: 0), .prepare])
    }

    @Test("Preparation and clean-up that were under way are begun again")
    func slowWork() {
        var pod = MachineDriver(policy: .never)
        _ = pod.tell(.alarm)
        #expect(pod.machine.recover(nil, at: pod.now) == [.removeSandbox(attempt: 0), .prepare])
        _ = pod.tell(.sandboxRemoved(attempt: 0))
        _ = pod.tell(.prepared)
        _ = pod.tell(.sandboxStarted(attempt: 1))
        _ = pod.start(1)
        _ = pod.exit(1, 0)
        #expect(pod.tell(.sandboxRemoved(attempt: 1)) == [.cleanUp(.volumes)])
        #expect(pod.machine.recover(nil, at: pod.now) == [.removeSandbox(attempt: 1)])
        #expect(pod.tell(.sandboxRemoved(attempt: 1)) == [.cleanUp(.volumes)])
        _ = pod.tell(.cleanedUp(.volumes))
        #expect(pod.machine.recover(nil, at: pod.now) == [])
    }

    @Test(
        "A restart of which nothing is recorded is found with the end before it, in whatever order they are told"
    )
    func missedRestart() {
        var pod = running()
        let end = SandboxObservation.Run.State.exited(
            ExitStatus(code: 7),
            startedAt: pod.now.wall,
            finishedAt: pod.now.wall
        )
        let observation = SandboxObservation(
            attempt: 0,
            pauseIsAlive: true,
            runs: [
                .init(
                    run: RunID(2),
                    container: "web",
                    restartCount: 1,
                    state: .running(startedAt: pod.now.wall)
                ),
                .init(run: RunID(1), container: "web", restartCount: 0, state: end),
            ]
        )
        #expect(pod.sift(pod.machine.recover(observation, at: pod.now)) == [])
        #expect(pod.record("web")?.liveRun == RunID(2))
        #expect(pod.record("web")?.restartCount == 1)
        #expect(pod.record("web")?.lastTermination?.exitCode == 7)
        // The restart has taken its step of the back-off, although nobody was there.
        #expect(pod.exit(2, 1) == [])
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(10))
    }

    @Test("A container that stayed up for ten minutes, and ended while nobody looked, starts afresh")
    func missedReset() {
        var pod = running()
        _ = pod.exit(1, 1)
        _ = pod.start(2)
        let end = SandboxObservation.Run.State.exited(
            ExitStatus(code: 1),
            startedAt: pod.now.wall,
            finishedAt: pod.now.wall + .seconds(601)
        )
        pod.now = Moment(tick: pod.now.tick + .seconds(605), wall: pod.now.wall + .seconds(605))
        let effects = pod.sift(pod.machine.recover(seen(end, run: 2, count: 1), at: pod.now))
        #expect(effects == [.startContainer(name: "web", run: RunID(3), restartCount: 2)])
    }

    @Test("A container that ended at once an hour ago does not start afresh because nobody looked")
    func missedCrash() {
        var pod = running()
        _ = pod.exit(1, 1)
        _ = pod.start(2)
        let end = SandboxObservation.Run.State.exited(
            ExitStatus(code: 1),
            startedAt: pod.now.wall,
            finishedAt: pod.now.wall + .seconds(1)
        )
        pod.now = Moment(tick: pod.now.tick + .seconds(3600), wall: pod.now.wall + .seconds(3600))
        let effects = pod.sift(pod.machine.recover(seen(end, run: 2, count: 1), at: pod.now))
        #expect(effects == [.startContainer(name: "web", run: RunID(3), restartCount: 2)])
        _ = pod.start(3)
        _ = pod.exit(3, 1)
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(20))
    }

    @Test("A running container that the shim does not know is lost")
    func missingRun() {
        var pod = running()
        let nothing = SandboxObservation(attempt: 0, pauseIsAlive: true, runs: [])
        let effects = pod.sift(pod.machine.recover(nothing, at: pod.now))
        #expect(pod.record("web")?.lastTermination?.reason == "ContainerStatusUnknown")
        #expect(effects == [.startContainer(name: "web", run: RunID(2), restartCount: 1)])
    }

    @Test("A sandbox that is recorded as on its way out may be the next one already, which is kept")
    func nextSandbox() {
        var pod = running()
        _ = pod.tell(.sandboxEnded(attempt: 0))
        #expect(pod.exit(1, 137) == [.removeSandbox(attempt: 0)])
        var observation = seen(.running(startedAt: pod.now.wall), run: 2, count: 1)
        observation.attempt = 1
        #expect(pod.sift(pod.machine.recover(observation, at: pod.now)) == [])
        #expect(pod.machine.sandbox == .ready)
        #expect(pod.machine.attempt == 1)
        #expect(pod.record("web")?.liveRun == RunID(2))
    }

    @Test("A record from an earlier sandbox than the one that stands is history: what ran in it is lost")
    func oldRecord() {
        var pod = MachineDriver(init: ["set-up"])
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.exit(1, 0) == [.startContainer(name: "web", run: RunID(2), restartCount: 0)])
        _ = pod.start(2)
        // Nothing could be written since; meanwhile there was a reboot, and the init container runs again.
        pod.machine.forgetTicks()
        var observation = seen(.running(startedAt: pod.now.wall), run: 3, count: 1)
        observation.attempt = 2
        observation.runs[0].container = "set-up"
        #expect(pod.sift(pod.machine.recover(observation, at: pod.now)) == [.prepare])
        #expect(pod.machine.attempt == 2)
        #expect(pod.record("web")?.newestTermination?.reason == "ContainerStatusUnknown")
        #expect(!pod.machine.isInitialized)
        _ = pod.tell(.prepared)
        #expect(pod.exit(3, 0) == [.startContainer(name: "web", run: RunID(4), restartCount: 1)])
    }

    @Test("A sandbox that is recorded as on its way out, and has nothing new, is removed again")
    func removedAgain() {
        var pod = running()
        _ = pod.tell(.sandboxEnded(attempt: 0))
        #expect(pod.exit(1, 137) == [.removeSandbox(attempt: 0)])
        let nothing = SandboxObservation(attempt: 0, pauseIsAlive: false, runs: [])
        let effects = pod.sift(pod.machine.recover(nothing, at: pod.now))
        #expect(effects == [.removeSandbox(attempt: 0), .prepare])
    }

    @Test(
        "When pause is dead before it was recorded that it stood, the ends of the containers are waited for"
    )
    func deadBeforeRecorded() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.prepared)
        var observation = seen(.running(startedAt: pod.now.wall), run: 1)
        observation.pauseIsAlive = false
        #expect(pod.sift(pod.machine.recover(observation, at: pod.now)) == [.kill(RunID(1))])
        #expect(pod.exit(1, 137) == [.removeSandbox(attempt: 0)])
        #expect(pod.record("web")?.newestTermination?.exitCode == 137)
    }

    @Test("A kill that was recorded and perhaps not sent is sent by the next podagent")
    func killedAgain() {
        var pod = running()
        #expect(pod.tell(.delete(grace: .zero)) == [.kill(RunID(1))])
        #expect(pod.machine.resume(at: pod.now) == [.inquire(attempt: 0)])
        let seen = seen(.running(startedAt: pod.now.wall))
        #expect(pod.tell(.sandboxAnswered(attempt: 0, seen)) == [.kill(RunID(1))])
    }

    @Test("Retries of volumes go on where they were, and their delay is not begun anew")
    func retriesGoOn() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.preparationFailed(message: "no"))
        #expect(pod.tell(.alarm, after: 0.5) == [.prepare])
        #expect(pod.sift(pod.machine.recover(nil, at: pod.now)) == [.removeSandbox(attempt: 0), .prepare])
        _ = pod.tell(.preparationFailed(message: "no"))
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(1))
    }

    @Test(
        "After a reboot volumes and sandbox are made again, and a container that was backing off begins at once"
    )
    func reboot() {
        var pod = running()
        _ = pod.exit(1, 1)
        _ = pod.start(2)
        _ = pod.exit(2, 1, after: 3600)
        _ = pod.start(3)
        #expect(pod.exit(3, 1) == [])
        pod.now = Moment(tick: Tick(nanoseconds: 5_000_000_000), wall: pod.now.wall + .seconds(90))
        pod.machine.forgetTicks()
        #expect(pod.sift(pod.machine.recover(nil, at: pod.now)) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.prepare])
        #expect(pod.tell(.prepared) == [.createSandbox(attempt: 1)])
        let again = PodEffect.startContainer(name: "web", run: RunID(4), restartCount: 3)
        #expect(pod.tell(.sandboxStarted(attempt: 1)) == [again])
        #expect(pod.record("web")?.lastTermination?.exitCode == 1)
        _ = pod.start(4)
        #expect(pod.exit(4, 1) == [])
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(10))
    }
}

/// A boot, for a Pod that is to start after others.
@Suite struct PodHoldAfterBootTests {
    private static func pod(after: String?) -> Pod {
        var pod = Pod()
        pod.metadata.namespace = "default"
        pod.metadata.name = "web-node1"
        pod.metadata.annotations[PodAnnotation.after] = after
        return pod
    }

    /// A machine whose container ran when the power was cut, in the next boot.
    private static func rebooted(_ policy: RestartRule, after: String?) -> (MachineDriver, [PodEffect]) {
        var driver = MachineDriver(policy: policy)
        _ = driver.bringUp()
        _ = driver.start(1)
        driver.machine = driver.machine.recorded
        driver.machine.forgetTicks()
        driver.machine.holdAgain(pod(after: after))
        _ = driver.sift(driver.machine.resume(at: driver.now))
        var effects = driver.tell(.sandboxLost(attempt: 0), after: 1)
        effects += driver.tell(.sandboxRemoved(attempt: 0), after: 1)
        return (driver, effects)
    }

    @Test("What has begun before the boot waits for the others again, then goes on")
    func waits() {
        var (driver, effects) = Self.rebooted(.always, after: "db")
        #expect(effects == [.removeSandbox(attempt: 0)])
        #expect(driver.machine.hold?.reason == "WaitingForPods")
        let released = driver.tell(.released, after: 1)
        #expect(released == [.prepare])
        effects = driver.tell(.prepared)
        #expect(effects == [.createSandbox(attempt: 1)])
    }

    @Test("A Pod that names nobody does not wait")
    func doesNotWait() {
        let (driver, effects) = Self.rebooted(.always, after: nil)
        #expect(driver.machine.hold == nil && effects.contains(.prepare))
    }

    @Test("One that may not run again has come to its end, whoever it waits for")
    func ends() {
        let (driver, effects) = Self.rebooted(.never, after: "db")
        #expect(driver.machine.phase(isStatic: true) == .failed)
        #expect(effects.contains(.cleanUp(.volumes)))
    }
}

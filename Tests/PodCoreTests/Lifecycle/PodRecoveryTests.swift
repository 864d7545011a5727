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
        return SandboxObservation(pauseIsAlive: true, runs: [run])
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

    @Test("A start that never reached the shim is made again, with the same restart count")
    func lostStart() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        let effects = pod.sift(
            pod.machine.recover(SandboxObservation(pauseIsAlive: true, runs: []), at: pod.now)
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
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.createSandbox(attempt: 1)])
    }

    @Test("A half-made sandbox is removed and made anew")
    func halfMade() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.prepared)
        #expect(pod.sift(pod.machine.recover(nil, at: pod.now)) == [.removeSandbox(attempt: 0)])
    }

    @Test("Preparation and clean-up that were under way are begun again")
    func slowWork() {
        var pod = MachineDriver(policy: .never)
        _ = pod.tell(.alarm)
        #expect(pod.machine.recover(nil, at: pod.now) == [.prepare])
        _ = pod.tell(.prepared)
        _ = pod.tell(.sandboxStarted(attempt: 0))
        _ = pod.start(1)
        _ = pod.exit(1, 0)
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.volumes)])
        #expect(pod.machine.recover(nil, at: pod.now) == [.cleanUp(.volumes)])
    }
}

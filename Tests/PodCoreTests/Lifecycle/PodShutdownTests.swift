import Testing

@testable import PodCore

/// The node goes down in order, and comes back.
@Suite struct PodShutdownTests {
    private func running(_ policy: RestartRule = .always, grace: Int = 30) -> MachineDriver {
        var pod = MachineDriver(policy: policy, grace: grace)
        _ = pod.bringUp()
        _ = pod.start(1)
        return pod
    }

    /// The next boot: nothing of the sandbox is left, and the clock has begun again.
    private func boot(_ pod: inout MachineDriver) -> [PodEffect] {
        pod.machine = pod.machine.recorded
        pod.now.tick = Tick(nanoseconds: 5_000_000_000)
        pod.machine.forgetTicks()
        _ = pod.machine.resume(at: pod.now)
        return pod.tell(.sandboxLost(attempt: 0))
    }

    @Test("What runs is asked to end and its sandbox removed; nothing is started, and nothing cleaned up")
    func ends() {
        var pod = running()
        #expect(pod.tell(.nodeShutdown(grace: .seconds(60))) == [.terminate(RunID(1))])
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(30))
        #expect(!pod.machine.isShutDown)
        #expect(pod.exit(1, 9) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [])
        #expect(pod.machine.isShutDown)
        #expect(pod.machine.nextAlarm == nil)
        #expect(pod.tell(.alarm, after: 3600) == [])
        #expect(pod.machine.phase(isStatic: true) == .running)
    }

    @Test("A deletion at once does not wait for the time that a shutdown has given")
    func deletedMeanwhile() {
        var pod = running()
        #expect(pod.tell(.nodeShutdown(grace: .seconds(60))) == [.terminate(RunID(1))])
        #expect(pod.tell(.delete(grace: .zero), after: 1) == [.kill(RunID(1))])
    }

    @Test(
        "The shutdown's time wins over a longer grace period",
        arguments: [(30, 5, 5), (3, 5, 3), (30, 0, 0)]
    )
    func grace(own: Int, shutdown: Int, expected: Int) {
        var pod = running(grace: own)
        let effects = pod.tell(.nodeShutdown(grace: .seconds(shutdown)))
        if expected == 0 {
            #expect(effects == [.kill(RunID(1))])
        } else {
            #expect(effects == [.terminate(RunID(1))])
            #expect(pod.machine.containers[0].stop?.killAt == pod.now.tick + .seconds(expected))
        }
    }

    @Test("A deletion under way is not given more time, and goes on to its end")
    func deletion() {
        var pod = running()
        _ = pod.tell(.delete(grace: nil))
        _ = pod.tell(.nodeShutdown(grace: .seconds(4)))
        #expect(pod.machine.containers[0].stop?.killAt == pod.now.tick + .seconds(4))
        #expect(pod.exit(1, 0) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.everything)])
        #expect(pod.tell(.cleanedUp(.everything)) == [.finished])
    }

    @Test(
        "After the next boot it runs again, also what ended with 0 as it was asked to",
        arguments: [RestartRule.always, .onFailure],
        [Int32(0), 9]
    )
    func comesBack(policy: RestartRule, code: Int32) {
        var pod = running(policy)
        _ = pod.tell(.nodeShutdown(grace: .seconds(60)))
        _ = pod.exit(1, code)
        _ = pod.tell(.sandboxRemoved(attempt: 0))
        #expect(boot(&pod) == [.removeSandbox(attempt: 1), .prepare])
        _ = pod.tell(.sandboxRemoved(attempt: 1))
        #expect(pod.tell(.prepared) == [.createSandbox(attempt: 2)])
        #expect(
            pod.tell(.sandboxStarted(attempt: 2)) == [
                .startContainer(name: "web", run: RunID(2), restartCount: 1)
            ]
        )
        #expect(pod.record("web")?.lastTermination?.exitCode == code)
    }

    @Test("A Pod that may not run twice has failed, with the kubelet's words", arguments: [Int32(0), 9])
    func never(code: Int32) {
        var pod = running(.never)
        _ = pod.tell(.nodeShutdown(grace: .seconds(60)))
        #expect(pod.exit(1, code) == [.removeSandbox(attempt: 0)])
        #expect(pod.machine.phase(isStatic: true) == .failed)
        #expect(pod.machine.failure?.reason == "Terminated")
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.volumes)])
        #expect(!pod.machine.isShutDown)
        #expect(pod.tell(.cleanedUp(.volumes)) == [])
        #expect(pod.machine.isShutDown)
    }

    @Test("A start under way ends as soon as there is something to end")
    func starting() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        #expect(pod.tell(.nodeShutdown(grace: .seconds(60))) == [])
        #expect(!pod.machine.isShutDown)
        #expect(pod.start(1) == [.terminate(RunID(1))])
    }

    @Test("A Pod that has nothing running is shut down at once")
    func nothingRuns() {
        var pod = MachineDriver()
        #expect(pod.tell(.nodeShutdown(grace: .seconds(60))) == [])
        #expect(pod.machine.isShutDown)
        #expect(pod.tell(.alarm, after: 60) == [])
    }

    @Test("A restart of podagent calls the shutdown off, and a stop that was asked for is forgotten")
    func isCalledOff() {
        var pod = running()
        _ = pod.tell(.nodeShutdown(grace: .seconds(60)))
        pod.machine = pod.machine.recorded
        _ = pod.machine.resume(at: pod.now)
        let run = SandboxObservation.Run(
            run: RunID(1),
            container: "web",
            restartCount: 0,
            state: .running(startedAt: pod.now.wall)
        )
        let seen = SandboxObservation(attempt: 0, pauseIsAlive: true, runs: [run])
        #expect(pod.tell(.sandboxAnswered(attempt: 0, seen)) == [])
        #expect(pod.machine.containers[0].stop == nil)
        #expect(pod.exit(1, 9) == [.startContainer(name: "web", run: RunID(2), restartCount: 1)])
    }
}

import Testing

@testable import PodCore

/// When a container is started again: the rules of reference §4 beside the plain table, which `PodMachineTests` has.
@Suite struct RestartBackoffTests {
    private func start(_ name: String, _ run: UInt64, _ count: Int) -> PodEffect {
        .startContainer(name: name, run: RunID(run), restartCount: count)
    }

    /// A Pod whose container has crashed twice and is held back for ten seconds.
    private func backingOff() -> MachineDriver {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 1)
        _ = pod.start(2)
        _ = pod.exit(2, 1)
        return pod
    }

    @Test("A start of which nothing came takes no step of the back-off")
    func noStepWithoutInstance() {
        var pod = backingOff()
        #expect(pod.tell(.alarm, after: 10) == [start("web", 3, 2)])
        for run in UInt64(3)..<6 {
            _ = pod.tell(.containerNotCreated(RunID(run), Waiting("ErrImageNeverPull")))
            #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(10))
            #expect(pod.tell(.alarm, after: 10) == [start("web", run + 1, 2)])
        }
        _ = pod.start(6)
        _ = pod.exit(6, 1)
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(20))
    }

    @Test("A start of which nothing came leaves both earlier ends in their places")
    func endsAreKept() {
        var pod = backingOff()
        let before = pod.record("web")
        _ = pod.tell(.alarm, after: 10)
        _ = pod.tell(.containerNotCreated(RunID(3), Waiting("ErrImageNeverPull")))
        #expect(pod.record("web")?.state == before?.state)
        #expect(pod.record("web")?.lastTermination == before?.lastTermination)
        #expect(pod.record("web")?.restartCount == before?.restartCount)
    }

    @Test("A program that cannot be executed takes a step each time")
    func startErrorsTakeSteps() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.tell(.containerNotStarted(RunID(1), message: "no", at: pod.now.wall))
        for (index, delay) in [10, 20, 40].enumerated() {
            let run = RunID(UInt64(index) + 2)
            _ = pod.tell(.containerNotStarted(run, message: "no", at: pod.now.wall))
            #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(delay))
            _ = pod.tell(.alarm, after: Double(delay))
        }
    }

    @Test("The delay counts from the exit and not from when it was told")
    func fromTheExit() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 1)
        _ = pod.start(2)
        let exit = pod.now
        let event = PodEvent.containerExited(
            RunID(2),
            ExitStatus(code: 1),
            startedAt: nil,
            finishedAt: exit.wall
        )
        #expect(pod.tell(event, after: 4) == [])
        #expect(pod.machine.nextAlarm == exit.tick + .seconds(10))
    }

    @Test("A wall clock that was set forward cannot end a container before it began, nor reset its back-off")
    func clockSetForward() {
        var pod = backingOff()
        _ = pod.tell(.alarm, after: 10)
        _ = pod.start(3)
        let (born, died) = (pod.now.tick, pod.now.wall + .seconds(1))
        pod.now.wall = pod.now.wall + .seconds(86_400)
        let event = PodEvent.containerExited(
            RunID(3),
            ExitStatus(code: 1),
            startedAt: nil,
            finishedAt: died
        )
        #expect(pod.tell(event, after: 1) == [])
        #expect(pod.machine.nextAlarm == born + .seconds(20))
    }

    @Test("A wall clock that was set back makes an exit seem to come; it is taken for now")
    func clockSetBack() {
        var pod = backingOff()
        _ = pod.tell(.alarm, after: 10)
        _ = pod.start(3)
        let died = pod.now.wall
        pod.now.wall = pod.now.wall + .seconds(-86_400)
        let event = PodEvent.containerExited(
            RunID(3),
            ExitStatus(code: 1),
            startedAt: nil,
            finishedAt: died
        )
        _ = pod.tell(event, after: 1)
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(20))
    }

    @Test("The back-off of one container holds back no other")
    func perContainer() {
        var pod = MachineDriver(["web", "log"])
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.start(2)
        _ = pod.exit(1, 1)
        _ = pod.start(3)
        #expect(pod.exit(3, 1) == [])
        #expect(pod.exit(2, 1) == [start("log", 4, 1)])
    }

    @Test("While one container is being started no other is, however long one has been due")
    func oneStartAtATime() {
        var pod = MachineDriver(["web", "log"])
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.start(2)
        _ = pod.exit(1, 1)
        _ = pod.start(3)
        _ = pod.exit(3, 1)
        #expect(pod.exit(2, 1) == [start("log", 4, 1)])
        // A shim that takes its time is asked whether it is there.
        #expect(pod.tell(.alarm, after: 60) == [.inquire(attempt: 0)])
        #expect(pod.start(4) == [start("web", 5, 2)])
    }

    @Test("In a new sandbox a crashed container's back-off goes on")
    func backoffOutlivesSandbox() {
        var pod = backingOff()
        let due = pod.now.tick + .seconds(10)
        _ = pod.tell(.sandboxEnded(attempt: 0))
        _ = pod.tell(.sandboxRemoved(attempt: 0))
        #expect(pod.tell(.sandboxStarted(attempt: 1)) == [])
        #expect(pod.machine.nextAlarm == due)
        #expect(pod.record("web")?.waiting?.reason == "CrashLoopBackOff")
    }

    @Test("In a new sandbox a failing init container begins at once, and takes no step for it")
    func initBackoffIsForgotten() {
        var pod = MachineDriver(init: ["a"])
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 1)
        _ = pod.start(2)
        #expect(pod.exit(2, 1) == [])
        _ = pod.tell(.sandboxEnded(attempt: 0))
        _ = pod.tell(.sandboxRemoved(attempt: 0))
        #expect(pod.tell(.sandboxStarted(attempt: 1)) == [start("a", 3, 2)])
        _ = pod.start(3)
        _ = pod.exit(3, 1)
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(10))
    }

    @Test("While an init container runs, no alarm rings for a container whose back-off is over")
    func noAlarmBeforeInit() {
        var pod = MachineDriver(init: ["a"])
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 0)
        _ = pod.start(2)
        _ = pod.exit(2, 1)
        _ = pod.start(3)
        _ = pod.exit(3, 1)
        _ = pod.tell(.sandboxEnded(attempt: 0))
        _ = pod.tell(.sandboxRemoved(attempt: 0))
        #expect(pod.tell(.sandboxStarted(attempt: 1)) == [start("a", 4, 1)])
        _ = pod.start(4)
        #expect(pod.tell(.alarm, after: 60) == [])
        #expect(pod.machine.nextAlarm == nil)
    }

    @Test("Sandboxes that die as soon as they stand are made once a second")
    func sandboxPace() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        for attempt in 0..<3 {
            _ = pod.tell(.sandboxLost(attempt: attempt))
            #expect(pod.tell(.sandboxRemoved(attempt: attempt), after: 0.25) == [])
            #expect(pod.machine.nextAlarm == pod.now.tick + .milliseconds(750))
            #expect(pod.tell(.alarm, after: 0.75) == [.createSandbox(attempt: attempt + 1)])
            _ = pod.tell(.sandboxStarted(attempt: attempt + 1))
        }
    }

    @Test("A start that is under way when the shim dies counts for nothing and is made anew")
    func startUnderALostShim() {
        var pod = MachineDriver(policy: .never)
        _ = pod.bringUp()
        _ = pod.tell(.sandboxLost(attempt: 0))
        #expect(pod.record("web")?.state == .idle)
        #expect(pod.tell(.sandboxRemoved(attempt: 0), after: 1) == [.createSandbox(attempt: 1)])
        #expect(pod.tell(.sandboxStarted(attempt: 1)) == [start("web", 2, 0)])
    }

    @Test(
        "Durations are written as Go writes them",
        arguments: [
            (10, "10s"), (60, "1m0s"), (80, "1m20s"), (300, "5m0s"), (3600, "1h0m0s"), (3725, "1h2m5s"),
        ]
    )
    func goText(_ seconds: Int, _ text: String) {
        #expect(Duration.seconds(seconds).goText == text)
    }
}

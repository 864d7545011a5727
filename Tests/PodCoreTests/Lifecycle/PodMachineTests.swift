import Testing

@testable import PodCore

private func start(_ name: String, _ run: UInt64, _ count: Int = 0) -> PodEffect {
    .startContainer(name: name, run: RunID(run), restartCount: count)
}

@Suite struct PodMachineTests {
    @Test("Directories first, then the sandbox, then init containers one by one, then containers one by one")
    func startOrder() {
        var pod = MachineDriver(init: ["a", "b"], ["web", "log"])
        #expect(pod.tell(.alarm) == [.prepare])
        #expect(pod.tell(.prepared) == [.createSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxStarted(attempt: 0)) == [start("a", 1)])
        #expect(pod.start(1) == [])
        #expect(pod.exit(1, 0) == [start("b", 2)])
        #expect(pod.start(2) == [])
        #expect(pod.exit(2, 0) == [start("web", 3)])
        #expect(pod.start(3) == [start("log", 4)])
        #expect(pod.start(4) == [])
        #expect(pod.records.map(\.reason) == ["Started", "Started", "Started", "Started"])
    }

    @Test("The first restart is immediate, the next wait 10, 20, 40, 80, 160, 300, 300 seconds")
    func backoffTable() throws {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        var run: UInt64 = 1
        #expect(pod.exit(run, 1) == [start("web", 2, 1)])
        for (index, delay) in [10, 20, 40, 80, 160, 300, 300].enumerated() {
            run += 1
            _ = pod.start(run)
            #expect(pod.exit(run, 1) == [])
            #expect(pod.record("web")?.waiting?.reason == "CrashLoopBackOff")
            #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(delay))
            #expect(pod.tell(.alarm, after: Double(delay) - 0.001) == [])
            #expect(pod.tell(.alarm, after: 0.001) == [start("web", run + 1, index + 2)])
        }
        let waits = pod.records.filter { $0.reason == "BackOff" }
        #expect(waits.count == 7)
        #expect(
            waits.first?.message == "Back-off restarting failed container web in pod web-node1_default(1234)"
        )
    }

    @Test("A container that stayed up for more than ten minutes starts afresh")
    func backoffReset() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 1)
        _ = pod.start(2)
        #expect(pod.exit(2, 1, after: 601) == [start("web", 3, 2)])
        _ = pod.start(3)
        #expect(pod.exit(3, 1) == [])
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(10))
    }

    struct EndCase: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var policy: RestartRule
        var code: Int32
        var restarts: Bool
    }

    @Test(
        "Who is started again",
        arguments: [
            EndCase(testDescription: "Always after success", policy: .always, code: 0, restarts: true),
            EndCase(testDescription: "Always after failure", policy: .always, code: 3, restarts: true),
            EndCase(testDescription: "OnFailure after success", policy: .onFailure, code: 0, restarts: false),
            EndCase(testDescription: "OnFailure after failure", policy: .onFailure, code: 3, restarts: true),
            EndCase(testDescription: "Never after success", policy: .never, code: 0, restarts: false),
            EndCase(testDescription: "Never after failure", policy: .never, code: 3, restarts: false),
        ]
    )
    func restartPolicy(_ c: EndCase) {
        var pod = MachineDriver(policy: c.policy)
        _ = pod.bringUp()
        _ = pod.start(1)
        let effects = pod.exit(1, c.code)
        #expect(effects == (c.restarts ? [start("web", 2, 1)] : [.removeSandbox(attempt: 0)]))
    }

    @Test(
        "A Pod that ran to its end loses sandbox and volumes and keeps its logs; deletion then removes the rest"
    )
    func finishes() {
        var pod = MachineDriver(policy: .never)
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.exit(1, 0) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.volumes)])
        #expect(pod.tell(.cleanedUp(.volumes)) == [])
        #expect(pod.tell(.delete(grace: nil)) == [.cleanUp(.everything)])
        #expect(pod.tell(.cleanedUp(.everything)) == [.finished])
    }

    @Test("When pause dies, the sandbox is made anew, init containers run again and restart counts go on")
    func pauseDies() {
        var pod = MachineDriver(init: ["a"], ["web"])
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 0)
        _ = pod.start(2)
        #expect(pod.tell(.sandboxEnded(attempt: 0)) == [.kill(RunID(2))])
        #expect(pod.exit(2, 137) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.createSandbox(attempt: 1)])
        #expect(pod.tell(.sandboxStarted(attempt: 1)) == [start("a", 3, 1)])
        _ = pod.start(3)
        #expect(pod.exit(3, 0) == [start("web", 4, 1)])
        #expect(pod.record("web")?.lastTermination?.exitCode == 137)
        #expect(pod.records.filter { $0.reason == "SandboxChanged" }.count == 1)
    }

    @Test(
        "A restart that falls into a dying sandbox is made at once in the next one",
        arguments: [true, false]
    )
    func restartInDyingSandbox(pauseIsToldFirst: Bool) {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.exit(1, 137) == [start("web", 2, 1)])
        let events: [PodEvent] = [
            .sandboxEnded(attempt: 0),
            .containerNotCreated(RunID(2), Waiting("CreateContainerError", "no pause")),
        ]
        for event in pauseIsToldFirst ? events : events.reversed() { _ = pod.tell(event) }
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.createSandbox(attempt: 1)])
        #expect(pod.record("web")?.waiting == nil)
        #expect(pod.tell(.sandboxStarted(attempt: 1)) == [start("web", 3, 1)])
    }

    @Test("When the shim dies nobody knows how the containers ended: 137, ContainerStatusUnknown")
    func shimDies() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.tell(.sandboxLost(attempt: 0)) == [.removeSandbox(attempt: 0)])
        #expect(pod.record("web")?.newestTermination?.reason == "ContainerStatusUnknown")
        #expect(pod.record("web")?.newestTermination?.exitCode == 137)
    }

    @Test("Under Never a Pod whose sandbox died is not run again")
    func neverIsNotRunTwice() {
        var pod = MachineDriver(init: ["a"], ["web"], policy: .never)
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 0)
        _ = pod.tell(.containerNotCreated(RunID(2), Waiting("ErrImageNeverPull")))
        _ = pod.tell(.sandboxLost(attempt: 0))
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.volumes)])
        #expect(pod.machine.failure != nil)
    }

    @Test("An image that is missing is tried again after ten seconds and counts no restart")
    func missingImage() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        let waiting = Waiting(
            "ErrImageNeverPull",
            "Container image \"x\" is not present with pull policy of Never"
        )
        #expect(pod.tell(.containerNotCreated(RunID(1), waiting)) == [])
        #expect(pod.record("web")?.waiting == waiting)
        #expect(pod.tell(.alarm, after: 9) == [])
        #expect(pod.tell(.alarm, after: 1) == [start("web", 2, 0)])
        _ = pod.tell(.containerNotCreated(RunID(2), waiting))
        #expect(pod.tell(.imagesChanged) == [start("web", 3, 0)])
        #expect(
            pod.records.first == PodRecord(.warning, "ErrImageNeverPull", waiting.message, container: "web")
        )
        #expect(
            pod.records.contains(PodRecord(.warning, "Failed", "Error: ErrImageNeverPull", container: "web"))
        )
    }

    @Test("A program that cannot be executed is an instance that ended with 128, and is backed off from")
    func missingCommand() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        let effects = pod.tell(
            .containerNotStarted(RunID(1), message: "exec nope: No such file", at: pod.now.wall)
        )
        #expect(effects == [start("web", 2, 1)])
        _ = pod.tell(.containerNotStarted(RunID(2), message: "exec nope: No such file", at: pod.now.wall))
        #expect(pod.record("web")?.waiting?.reason == "RunContainerError")
        #expect(pod.record("web")?.newestTermination?.reason == "StartError")
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(10))
    }

    @Test("Volumes that fail are tried again after 0.5, 1, 2 seconds and so on")
    func preparationRetries() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        for delay in [0.5, 1, 2, 4] {
            #expect(pod.tell(.preparationFailed(message: "no")) == [])
            #expect(pod.tell(.alarm, after: delay - 0.001) == [])
            #expect(pod.tell(.alarm, after: 0.001) == [.prepare])
        }
        #expect(pod.tell(.prepared) == [.createSandbox(attempt: 0)])
    }

    @Test("A sandbox that fails is removed and tried again after ten seconds")
    func sandboxRetries() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.prepared)
        #expect(pod.tell(.sandboxFailed(attempt: 0, message: "no")) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [])
        #expect(pod.tell(.alarm, after: 10) == [.createSandbox(attempt: 1)])
    }

    @Test("An exit that is told before the start is taken in and the late start ignored")
    func exitBeforeStart() {
        var pod = MachineDriver(policy: .never)
        _ = pod.bringUp()
        #expect(pod.exit(1, 0) == [.removeSandbox(attempt: 0)])
        #expect(pod.start(1) == [])
    }

    @Test(
        "Late news of an earlier attempt changes nothing",
        arguments: [
            PodEvent.sandboxStarted(attempt: 0), .sandboxFailed(attempt: 0, message: "no"),
            .sandboxEnded(attempt: 0), .sandboxLost(attempt: 0), .sandboxRemoved(attempt: 0),
        ]
    )
    func lateNews(_ news: PodEvent) {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.tell(.sandboxLost(attempt: 0))
        let creating = pod.tell(.sandboxRemoved(attempt: 0), after: 1)
        #expect(creating == [.createSandbox(attempt: 1)])
        var before = pod.machine
        #expect(pod.tell(news) == [])
        #expect(pod.machine == before)
        _ = pod.tell(.sandboxStarted(attempt: 1))
        before = pod.machine
        #expect(pod.tell(news) == [])
        #expect(pod.machine == before)
        // Its own removal is not that of another one.
        _ = pod.tell(.sandboxLost(attempt: 1))
        #expect(pod.machine.sandbox == .removing)
        #expect(pod.tell(news) == [])
        #expect(pod.machine.sandbox == .removing)
    }
}

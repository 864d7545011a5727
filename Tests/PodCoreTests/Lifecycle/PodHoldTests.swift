import Testing

@testable import PodCore

/// A Pod that is held because it is to start after others.
@Suite struct PodHoldTests {
    private static let why = Waiting("WaitingForPods", "Waiting for db (Pending)")

    private func held() -> MachineDriver {
        var driver = MachineDriver(init: ["setup"])
        #expect(driver.tell(.held(Self.why)) == [])
        #expect(driver.tell(.alarm, after: 100) == [] && driver.tell(.imagesChanged) == [])
        #expect(driver.machine.nextAlarm == nil)
        return driver
    }

    @Test("Nothing of a held Pod is made; when it is released it begins")
    func begins() {
        var driver = held()
        #expect(driver.tell(.held(Waiting("WaitingForPods", "another reason"))) == [])
        #expect(driver.tell(.released, after: 1) == [.prepare])
        #expect(driver.machine.hold == nil)
    }

    @Test("A held Pod that is deleted has nothing to stop, and is gone at once")
    func deletion() {
        var driver = held()
        #expect(driver.tell(.delete(grace: nil)) == [.cleanUp(.everything)])
        #expect(driver.tell(.cleanedUp(.everything)) == [.finished])
    }

    @Test("A held Pod does not hold up the node's shutdown, and goes on waiting in the next agent")
    func shutdown() {
        var driver = held()
        #expect(driver.tell(.nodeShutdown(grace: .seconds(10))) == [])
        #expect(driver.machine.isShutDown)
        var next = driver
        next.machine = driver.machine.recorded
        #expect(next.machine.resume(at: next.now) == [.inquire(attempt: 0)])
        #expect(next.tell(.sandboxLost(attempt: 0)) == [.removeSandbox(attempt: 0)])
        #expect(next.tell(.sandboxRemoved(attempt: 0)) == [])
        #expect(next.machine.hold == Self.why)
        #expect(next.tell(.released) == [.prepare])
    }

    @Test("One whose record says that it is held and that has a sandbox has begun, and goes on")
    func begun() {
        var driver = held()
        _ = driver.machine.resume(at: driver.now)
        let observation = SandboxObservation(attempt: 0, pauseIsAlive: true, runs: [])
        #expect(driver.tell(.sandboxAnswered(attempt: 0, observation)) == [.prepare])
        #expect(driver.machine.hold == nil && driver.machine.sandbox == .ready)
    }

    @Test("It is shown as Pending with the reason and without containers, as one that is not scheduled")
    func status() {
        var driver = StatusDriver(init: ["setup"])
        _ = driver.driver.tell(.held(Self.why))
        let status = driver.status()
        #expect(
            status.phase == .pending && status.reason == Self.why.reason && status.message == Self.why.message
        )
        #expect(status.initContainerStatuses == [] && status.containerStatuses == [])
        let initialized = driver.condition(PodCondition.initialized)
        #expect(initialized?.status == .false)
        #expect(initialized?.message == "containers with incomplete status: [setup]")
        #expect(driver.condition(PodCondition.ready)?.status == .false)
        var pod = driver.pod
        pod.status = status
        #expect(PodSummary(pod).status == "WaitingForPods")
        _ = driver.driver.tell(.released)
        #expect(driver.status().reason == "" && driver.status().containerStatuses.count == 1)
    }
}

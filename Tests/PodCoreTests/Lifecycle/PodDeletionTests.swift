import Testing

@testable import PodCore

/// The end of a Pod that is asked to go: reference §6.3 and §6.5.
@Suite struct PodDeletionTests {
    @Test("Deletion asks, waits for the grace period, kills, and cleans up in order")
    func deletion() {
        var pod = MachineDriver(["web", "log"], grace: 5)
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.start(2)
        #expect(pod.tell(.delete(grace: nil)) == [.terminate(RunID(1)), .terminate(RunID(2))])
        #expect(pod.exit(1, 0) == [])
        #expect(pod.tell(.alarm, after: 3.9) == [])
        #expect(pod.tell(.alarm, after: 0.1) == [.kill(RunID(2))])
        #expect(pod.exit(2, 137) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.everything)])
        #expect(pod.tell(.cleanedUp(.everything)) == [.finished])
        #expect(
            pod.records.filter { $0.reason == "Killing" }.map(\.message) == [
                "Stopping container web", "Stopping container log",
            ]
        )
    }

    @Test("A second deletion may shorten the grace period and never lengthens it")
    func graceOnlyShrinks() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.tell(.delete(grace: nil))
        #expect(pod.tell(.delete(grace: .seconds(60)), after: 1) == [])
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(29))
        #expect(pod.tell(.delete(grace: .seconds(3))) == [])
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(3))
        #expect(pod.tell(.delete(grace: .zero)) == [.kill(RunID(1))])
    }

    @Test("A grace period of zero kills at once; one second is raised to two")
    func shortGrace() {
        for (grace, expected) in [(0, [PodEffect.kill(RunID(1))]), (1, [.terminate(RunID(1))])] {
            var pod = MachineDriver(grace: grace)
            _ = pod.bringUp()
            _ = pod.start(1)
            #expect(pod.tell(.delete(grace: nil)) == expected)
            if grace == 1 { #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(2)) }
        }
    }

    @Test("Deletion during the making of the sandbox waits for it and then removes it")
    func deletionDuringCreation() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.prepared)
        #expect(pod.tell(.delete(grace: nil)) == [])
        #expect(pod.tell(.sandboxStarted(attempt: 0)) == [.removeSandbox(attempt: 0)])
    }

    @Test("Deletion during the start of a container stops it as soon as it is there")
    func deletionDuringStart() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        #expect(pod.tell(.delete(grace: nil)) == [])
        #expect(pod.start(1) == [.terminate(RunID(1))])
    }

    @Test("Deletion during back-off ends the wait")
    func deletionDuringBackoff() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 1)
        _ = pod.start(2)
        #expect(pod.exit(2, 1) == [])
        #expect(pod.tell(.delete(grace: nil)) == [.removeSandbox(attempt: 0)])
    }

    @Test("A deletion that comes while only the volumes are going still has the rest to do")
    func deletionDuringFinishing() {
        var pod = MachineDriver(policy: .never)
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.exit(1, 0)
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.volumes)])
        #expect(pod.tell(.delete(grace: nil)) == [])
        #expect(pod.tell(.cleanedUp(.volumes)) == [.cleanUp(.everything)])
    }

    @Test("Deletion during the making of volumes waits for it, and then removes them")
    func deletionDuringPreparation() {
        for outcome in [PodEvent.prepared, .preparationFailed(message: "no")] {
            var pod = MachineDriver()
            _ = pod.tell(.alarm)
            #expect(pod.tell(.delete(grace: nil)) == [])
            #expect(pod.tell(outcome) == [.cleanUp(.everything)])
            #expect(pod.machine.nextAlarm == nil)
        }
    }

    @Test("Deletion ends the wait for another try at volumes or sandbox")
    func deletionDuringRetry() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.preparationFailed(message: "no"))
        #expect(pod.tell(.delete(grace: nil)) == [.cleanUp(.everything)])

        pod = MachineDriver()
        _ = pod.tell(.alarm)
        _ = pod.tell(.prepared)
        _ = pod.tell(.sandboxFailed(attempt: 0, message: "no"))
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [])
        #expect(pod.tell(.delete(grace: nil)) == [.cleanUp(.everything)])
        #expect(pod.machine.nextAlarm == nil)
    }

    @Test("Deletion while pause is dead makes no new sandbox and speaks of none")
    func deletionUnderDeadPause() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.tell(.sandboxEnded(attempt: 0))
        #expect(pod.tell(.delete(grace: nil)) == [.kill(RunID(1))])
        #expect(pod.exit(1, 137) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.everything)])
        #expect(!pod.records.contains { $0.reason == "SandboxChanged" })
    }

    @Test("When pause dies during the grace period, the rest is killed and no new sandbox is made")
    func pauseDiesDuringGrace() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.tell(.delete(grace: nil)) == [.terminate(RunID(1))])
        #expect(pod.tell(.sandboxEnded(attempt: 0)) == [.kill(RunID(1))])
        #expect(pod.exit(1, 137) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.cleanUp(.everything)])
    }

    @Test("What becomes a process after a second deletion gets the shorter grace period of that one")
    func shorterGraceForLateStart() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.tell(.delete(grace: nil))
        _ = pod.tell(.delete(grace: .seconds(5)))
        #expect(pod.start(1) == [.terminate(RunID(1))])
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(5))
    }

    @Test("A deletion with a grace period of its own goes by that and not by the spec")
    func ownGrace() {
        var pod = MachineDriver(grace: 30)
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.tell(.delete(grace: .seconds(90)))
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(90))
    }

    @Test("A container that obeys is not started again, whatever its exit code and the restart policy")
    func noRestartAfterDeletion() {
        for code in [Int32(0), 143] {
            var pod = MachineDriver(init: [], ["web", "log"])
            _ = pod.bringUp()
            _ = pod.start(1)
            _ = pod.start(2)
            _ = pod.tell(.delete(grace: nil))
            #expect(pod.exit(1, code) == [])
            #expect(pod.record("web")?.waiting == nil)
            #expect(pod.exit(2, code) == [.removeSandbox(attempt: 0)])
        }
    }

    @Test("An init container is stopped like any other, and what waits for it is not begun")
    func deletionDuringInit() {
        var pod = MachineDriver(init: ["a"], ["web"])
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.tell(.delete(grace: nil)) == [.terminate(RunID(1))])
        #expect(pod.exit(1, 0) == [.removeSandbox(attempt: 0)])
    }

    @Test("A start that fails after the deletion is waited for and not retried")
    func failedStartDuringDeletion() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.tell(.delete(grace: nil))
        let failed = PodEvent.containerNotCreated(RunID(1), Waiting("CreateContainerError", "no"))
        #expect(pod.tell(failed) == [.removeSandbox(attempt: 0)])
        #expect(pod.machine.nextAlarm == nil)
    }
}

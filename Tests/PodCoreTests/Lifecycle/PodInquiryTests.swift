import Testing

@testable import PodCore

/// A shim that does not answer any more, and one that is only slow.
@Suite struct PodInquiryTests {
    private let asked: [PodEffect] = [.inquire(attempt: 0)]

    /// A Pod whose container has been killed, and has not ended.
    private func killed() -> MachineDriver {
        var pod = MachineDriver(grace: 0)
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.tell(.delete(grace: nil)) == [.kill(RunID(1))])
        return pod
    }

    private func answer(_ pod: MachineDriver) -> PodEvent {
        let run = SandboxObservation.Run(
            run: RunID(1),
            container: "web",
            restartCount: 0,
            state: .running(startedAt: pod.now.wall)
        )
        return .sandboxAnswered(attempt: 0, SandboxObservation(attempt: 0, pauseIsAlive: true, runs: [run]))
    }

    @Test("A shim that owes nothing is never asked")
    func owesNothing() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.machine.nextAlarm == nil)
        #expect(pod.tell(.alarm, after: 86_400) == [])
    }

    @Test("A shim that has not told the end of what was killed is asked after five seconds")
    func isAsked() {
        var pod = killed()
        #expect(pod.machine.nextAlarm == pod.now.tick + .seconds(5))
        #expect(pod.tell(.alarm, after: 4.9) == [])
        #expect(pod.tell(.alarm, after: 0.1) == asked)
    }

    @Test(
        "One that does not answer for thirty seconds is killed with all of its Pod, and again if that does not help"
    )
    func isKilled() {
        var pod = killed()
        #expect(pod.tell(.alarm, after: 5) == asked)
        #expect(pod.tell(.alarm, after: 29.9) == [])
        #expect(pod.tell(.alarm, after: 0.1) == [.killSandbox(attempt: 0)])
        #expect(pod.records.last?.reason == "SandboxNotResponding")
        #expect(pod.tell(.alarm, after: 5) == asked)
        #expect(pod.tell(.alarm, after: 30) == [.killSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxLost(attempt: 0)) == [.removeSandbox(attempt: 0)])
        #expect(pod.record("web")?.newestTermination?.exitCode == 137)
        #expect(pod.machine.nextAlarm == nil)
    }

    @Test("One that answers is left alone while the kernel takes its time, and asked again")
    func answers() {
        var pod = killed()
        for _ in 0..<3 {
            #expect(pod.tell(.alarm, after: 5) == asked)
            #expect(pod.tell(answer(pod), after: 29) == [])
        }
        #expect(pod.exit(1, 137) == [.removeSandbox(attempt: 0)])
    }

    @Test("A sandbox that is still being made is its own answer")
    func isBeingMade() {
        var pod = MachineDriver()
        _ = pod.tell(.alarm)
        #expect(pod.tell(.prepared) == [.createSandbox(attempt: 0)])
        #expect(pod.tell(.alarm, after: 5) == asked)
        #expect(pod.tell(.sandboxAnswered(attempt: 0, nil)) == [])
        #expect(pod.tell(.alarm, after: 5) == asked)
    }

    @Test("A shim that hangs while podagent restarts is given up, and its Pod is made again")
    func hangsAcrossRestart() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.sift(pod.machine.resume(at: pod.now)) == asked)
        #expect(pod.tell(.alarm, after: 30) == [.killSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxLost(attempt: 0)) == [.removeSandbox(attempt: 0)])
        #expect(pod.tell(.sandboxRemoved(attempt: 0)) == [.prepare])
        #expect(pod.tell(.prepared) == [.createSandbox(attempt: 1)])
    }

    @Test("What is asked of a Pod while its shim has not answered yet is done when it has")
    func isDeletedMeanwhile() {
        var pod = MachineDriver()
        _ = pod.bringUp()
        _ = pod.start(1)
        _ = pod.machine.resume(at: pod.now)
        #expect(pod.tell(.delete(grace: nil)) == [])
        #expect(pod.tell(answer(pod)) == [.terminate(RunID(1))])
    }

    @Test("What the record of a machine leaves out is what the next podagent cannot use")
    func recorded() {
        var pod = killed()
        var same = pod
        #expect(pod.tell(.alarm, after: 5) == asked)
        _ = same.tell(.alarm, after: 1)
        #expect(pod.machine != same.machine)
        #expect(pod.machine.recorded == same.machine.recorded)
    }
}

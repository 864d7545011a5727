import Testing

@testable import PodCore

/// Which container is asked what in each state of the Pod, and what holds before it has answered: reference §5.2, §5.3,
/// §5.6.
@Suite struct ProbedStatesTests {
    private typealias Driver = PodProbesTests.Driver
    private static func web(_ kind: ProbeKind) -> PodProbes.Question { .init(RunID(1), "web", kind) }

    private static func answered(_ pod: inout Driver, _ kind: ProbeKind) -> ProbeMachine.Verdict? {
        pod.probes.take(.success, of: web(kind))
    }

    @Test("5.2.1: sidecars are asked, other init containers never")
    func initContainers() {
        var driver = MachineDriver(init: ["proxy", "setup"]) { lifecycle in
            lifecycle.initContainers[0].restartPolicy = .always
            for index in 0..<2 { lifecycle.initContainers[index].probes[.liveness] = ProbeSchedule() }
        }
        var probes = PodProbes(driver.machine.lifecycle, uid: "1234", agentStartedAt: driver.now.wall)
        _ = driver.bringUp()
        _ = driver.start(1)
        _ = driver.start(2)
        _ = probes.follow(driver.machine, at: driver.now)
        #expect(probes.begin(at: driver.now.tick) == [PodProbes.Question(RunID(1), "proxy", .liveness)])
    }

    @Test("5.2.5: what is done after the start comes before the startup probe")
    func startupAfterHook() {
        var pod = Driver([.startup], postStart: true)
        pod.run()
        let before = pod.asked(after: 1)
        _ = pod.driver.tell(.hookEnded(RunID(1), .postStart, failure: nil))
        let after = pod.asked()
        #expect(before == [] && after == [.startup])
    }

    @Test("5.3.8: after its yes the startup probe is not asked again, however long the container runs")
    func startupOnce() {
        var pod = Driver([.startup])
        pod.run()
        let first = pod.asked()
        #expect(first == [.startup])
        let verdict = Self.answered(&pod, .startup)
        #expect(verdict == .wait(nil, conclusion: true))
        _ = pod.driver.tell(.probed(RunID(1), .startup, true))
        let later = pod.asked(after: 60)
        #expect(later == [])
    }

    @Test("5.6.1: a Pod that ends before it has started is not asked anything")
    func startupWhileEnding() {
        var pod = Driver([.startup, .readiness])
        pod.run()
        _ = pod.asked()
        _ = Self.answered(&pod, .startup)
        _ = pod.driver.tell(.delete(grace: nil))
        let asked = pod.asked(after: 10)
        #expect(asked == [])
    }

    @Test("5.3.3: a container that a probe has begun to end is asked only whether it is ready")
    func stopped() {
        var pod = Driver([.liveness, .readiness])
        pod.run()
        _ = pod.asked()
        for kind in [ProbeKind.liveness, .readiness] { _ = Self.answered(&pod, kind) }
        _ = pod.driver.tell(.probed(RunID(1), .liveness, false))
        let asked = pod.asked(after: 10)
        #expect(asked == [.readiness])
    }

    @Test("5.3.1: a first yes is no news of liveness, and news of readiness")
    func firstAnswers() {
        var pod = Driver([.liveness, .readiness])
        pod.run()
        _ = pod.asked()
        let verdicts = [ProbeKind.liveness, .readiness].map { Self.answered(&pod, $0) }
        #expect(verdicts == [.wait(nil, conclusion: nil), .wait(nil, conclusion: true)])
    }

    @Test("Nothing is asked before the shim has said what became of the containers while podagent was away")
    func resuming() {
        var pod = Driver([.liveness])
        pod.run()
        pod.driver.machine = pod.driver.machine.recorded
        _ = pod.driver.machine.resume(at: pod.driver.now)
        let asked = pod.asked()
        #expect(asked == [] && pod.probes.nextAlarm == nil)
    }

    @Test("5.3.2: a container that was ready when podagent went is unready after three failures, not before")
    func readyBefore() {
        var pod = Driver([.readiness], startedAgain: true)
        pod.run()
        _ = pod.driver.tell(.probed(RunID(1), .readiness, true))
        let atOnce = pod.asked()
        #expect(atOnce == [])
        var conclusions: [Bool?] = []
        for _ in 0..<3 {
            let asked = pod.asked(after: 10)
            #expect(asked == [.readiness])
            let verdict = pod.probes.take(.failure("no"), of: Self.web(.readiness))
            guard case .wait(let record?, let conclusion) = verdict else {
                Issue.record("no event")
                return
            }
            // 5.5: each failed attempt is told, not only the last.
            #expect(record.message == "Readiness probe failed: no")
            conclusions.append(conclusion)
        }
        #expect(conclusions == [nil, nil, false])
    }

    @Test("5.2.5: a restarted container is another one: the initial delay and the counting begin anew")
    func restarted() {
        var pod = Driver([.liveness], delay: 5)
        pod.run()
        let first = pod.asked(after: 5)
        #expect(first == [.liveness])
        _ = pod.probes.take(.failure("no"), of: Self.web(.liveness))
        _ = pod.driver.exit(1, 1)
        _ = pod.driver.start(2)
        let early = pod.asked(after: 4.9)
        let due = pod.asked(after: 0.1)
        #expect(early == [] && due == [.liveness])
        var verdicts: [ProbeMachine.Verdict?] = []
        for _ in 0..<2 {
            let question = PodProbes.Question(RunID(2), "web", .liveness)
            verdicts.append(pod.probes.take(.failure("no"), of: question))
            _ = pod.asked(after: 10)
        }
        let record = PodRecord(.warning, "Unhealthy", "Liveness probe failed: no", container: "web")
        #expect(verdicts == [.wait(record, conclusion: nil), .wait(record, conclusion: nil)])
    }
}

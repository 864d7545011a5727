import Testing

@testable import PodCore

/// What is asked of which container when (reference §5.2, §5.6).
@Suite struct PodProbesTests {
    /// A Pod with a machine and its probes, at times.
    struct Driver {
        var driver: MachineDriver
        var probes: PodProbes

        init(_ kinds: [ProbeKind], delay: Int = 0, postStart: Bool = false, startedAgain: Bool = false) {
            driver = MachineDriver { lifecycle in
                for kind in kinds {
                    lifecycle.containers[0].probes[kind] = ProbeSchedule(
                        initialDelay: .seconds(delay),
                        period: .seconds(10)
                    )
                }
                lifecycle.containers[0].hasPostStart = postStart
            }
            let agentStartedAt = driver.now.wall + .seconds(startedAgain ? 1_000 : -1_000)
            probes = PodProbes(driver.machine.lifecycle, uid: "1234", agentStartedAt: agentStartedAt)
        }

        /// What is asked `after` seconds.
        mutating func asked(after seconds: Double = 0) -> Set<ProbeKind> {
            _ = driver.tell(.alarm, after: seconds)
            _ = probes.follow(driver.machine, at: driver.now)
            return Set(probes.begin(at: driver.now.tick).map(\.kind))
        }

        mutating func run() {
            _ = driver.bringUp()
            _ = driver.start(1)
        }
    }

    @Test("5.2.1: nothing is asked before the container runs, then all at once")
    func begin() {
        var pod = Driver([.liveness, .readiness])
        _ = pod.driver.bringUp()
        let asked1 = pod.asked()
        #expect(asked1 == [])
        _ = pod.driver.start(1)
        let asked2 = pod.asked()
        #expect(asked2 == [.liveness, .readiness])
    }

    @Test("5.1: the initial delay counts from the start of the container")
    func initialDelay() {
        var pod = Driver([.liveness], delay: 5)
        pod.run()
        let asked3 = pod.asked(after: 4.9)
        #expect(asked3 == [])
        let asked4 = pod.asked(after: 0.1)
        #expect(asked4 == [.liveness])
    }

    @Test("5.3.8: the startup probe gates the other two, and is not asked again after its yes")
    func startupGates() {
        var pod = Driver([.startup, .liveness, .readiness])
        pod.run()
        let asked5 = pod.asked()
        #expect(asked5 == [.startup])
        _ = pod.driver.tell(.probed(RunID(1), .startup, true))
        let asked6 = pod.asked()
        #expect(asked6 == [.liveness, .readiness])
        let asked7 = pod.asked(after: 9)
        #expect(asked7 == [])
    }

    @Test("What is done after the start comes before the first question")
    func hookGates() {
        var pod = Driver([.readiness], postStart: true)
        pod.run()
        let asked8 = pod.asked()
        #expect(asked8 == [])
        _ = pod.driver.tell(.hookEnded(RunID(1), .postStart, failure: nil))
        let asked9 = pod.asked()
        #expect(asked9 == [.readiness])
    }

    @Test("5.6.1: a Pod that ends is asked only whether it is ready")
    func ending() {
        var pod = Driver([.liveness, .readiness])
        pod.run()
        let asked10 = pod.asked()
        #expect(asked10 == [.liveness, .readiness])
        for question in [ProbeKind.liveness, .readiness] {
            _ = pod.probes.take(.success, of: .init(RunID(1), "web", question))
        }
        _ = pod.driver.tell(.delete(grace: nil))
        let asked11 = pod.asked(after: 10)
        #expect(asked11 == [.readiness])
    }

    @Test("5.6.3: what is under way when the container ends is moot")
    func moot() {
        var pod = Driver([.liveness])
        pod.run()
        let asked12 = pod.asked()
        #expect(asked12 == [.liveness])
        _ = pod.driver.exit(1, 1)
        let question = PodProbes.Question(RunID(1), "web", .liveness)
        let moot = pod.probes.follow(pod.driver.machine, at: pod.driver.now)
        let verdict = pod.probes.take(.success, of: question)
        #expect(moot == [question] && verdict == nil)
        #expect(pod.probes.nextAlarm == nil)
    }

    @Test("5.2.2: a restarted podagent begins somewhere in the period, and with the words of the last one")
    func restarted() throws {
        var pod = Driver([.liveness, .readiness], startedAgain: true)
        pod.run()
        let asked13 = pod.asked()
        #expect(asked13 == [])
        let first = try #require(pod.probes.nextAlarm)
        #expect(first - pod.driver.now.tick < .seconds(10))
        let asked14 = pod.asked(after: 10)
        #expect(asked14 == [.liveness, .readiness])
    }
}

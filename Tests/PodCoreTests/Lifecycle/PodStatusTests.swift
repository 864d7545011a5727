import Testing

@testable import PodCore

/// Phase, conditions and addresses, as reference §3.3 has them.
@Suite struct PodStatusTests {
    @Test("The conditions come in the kubelet's order")
    func conditionOrder() {
        var pod = StatusDriver()
        let types = [
            "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled",
        ]
        #expect(pod.status().conditions.map(\.type) == types)
    }

    @Test("A rejected Pod is Failed with the reason, has no containers and no conditions, and goes at once")
    func rejected() {
        var pod = StatusDriver()
        let effects = pod.driver.tell(.rejected(Rejection("NodePorts", "no free ports")))
        #expect(effects == [.cleanUp(.volumes)])
        #expect(pod.driver.records == [PodRecord(.warning, "NodePorts", "no free ports")])
        #expect(pod.driver.tell(.cleanedUp(.volumes)) == [])
        #expect(pod.driver.machine.nextAlarm == nil)
        let status = pod.status()
        #expect(status.phase == .failed)
        #expect(status.reason == "NodePorts")
        #expect(status.message == "Pod was rejected: no free ports")
        #expect(status.containerStatuses.isEmpty && status.initContainerStatuses.isEmpty)
        #expect(status.conditions.isEmpty)
        #expect(pod.driver.tell(.imagesChanged) == [])
        #expect(pod.driver.tell(.delete(grace: nil)) == [.cleanUp(.everything)])
        #expect(pod.status().phase == .failed)
        #expect(pod.driver.tell(.cleanedUp(.everything)) == [.finished])
    }

    @Test(
        "PodScheduled always holds; PodReadyToStartContainers holds while the sandbox stands and gives no reason"
    )
    func sandboxCondition() {
        var pod = StatusDriver()
        #expect(pod.condition("PodScheduled")?.status == .true)
        #expect(pod.condition("PodReadyToStartContainers")?.status == .false)
        #expect(pod.condition("PodReadyToStartContainers")?.reason == "")
        _ = pod.driver.bringUp()
        #expect(pod.condition("PodReadyToStartContainers")?.status == .true)
        _ = pod.driver.start(1)
        _ = pod.driver.tell(.sandboxEnded(attempt: 0))
        #expect(pod.condition("PodReadyToStartContainers")?.status == .false)
    }

    @Test("Initialized names the init containers that are not done, in the order of the spec")
    func initialized() {
        var pod = StatusDriver(init: ["z", "a"])
        #expect(pod.condition("Initialized")?.reason == "ContainersNotInitialized")
        #expect(pod.condition("Initialized")?.message == "containers with incomplete status: [z a]")
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        _ = pod.driver.exit(1, 0)
        #expect(pod.condition("Initialized")?.message == "containers with incomplete status: [a]")
        _ = pod.driver.start(2)
        _ = pod.driver.exit(2, 0)
        #expect(pod.condition("Initialized")?.status == .true)
        #expect(pod.condition("Initialized")?.reason == "")
    }

    @Test("Once a container has run, Initialized holds while the init containers run again in a new sandbox")
    func initializedStays() {
        var pod = StatusDriver(init: ["a"])
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        _ = pod.driver.exit(1, 0)
        _ = pod.driver.start(2)
        _ = pod.driver.tell(.sandboxEnded(attempt: 0))
        _ = pod.driver.exit(2, 137)
        _ = pod.driver.tell(.sandboxRemoved(attempt: 0))
        _ = pod.driver.tell(.sandboxStarted(attempt: 1))
        _ = pod.driver.start(3)
        #expect(pod.shown("a")?.state.running != nil)
        #expect(pod.condition("Initialized")?.status == .true)
    }

    @Test(
        "Ready copies ContainersReady, which names the containers that are not ready in the order of the spec"
    )
    func containersReady() {
        var pod = StatusDriver(["web", "log"])
        for type in ["Ready", "ContainersReady"] {
            #expect(pod.condition(type)?.reason == "ContainersNotReady")
            #expect(pod.condition(type)?.message == "containers with unready status: [web log]")
        }
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        #expect(pod.condition("Ready")?.message == "containers with unready status: [log]")
        _ = pod.driver.start(2)
        #expect(pod.condition("Ready")?.status == .true)
        #expect(pod.condition("Ready")?.message == "")
    }

    @Test(
        "A Pod at its end says so in its conditions",
        arguments: [(0, PodPhase.succeeded, "PodCompleted"), (3, .failed, "PodFailed")]
    )
    func terminalConditions(_ code: Int32, _ phase: PodPhase, _ reason: String) {
        var pod = StatusDriver(policy: .never)
        pod.crash(code, times: 1)
        #expect(pod.status().phase == phase)
        for type in ["Ready", "ContainersReady"] {
            #expect(pod.condition(type)?.status == .false)
            #expect(pod.condition(type)?.reason == reason)
        }
        #expect(pod.condition("Initialized")?.status == .true)
        #expect(pod.condition("Initialized")?.reason == (code == 0 ? "PodCompleted" : ""))
    }

    @Test("A condition's time is kept while its status is, whatever becomes of its message")
    func transitionTime() {
        var pod = StatusDriver(["web", "log"])
        let first = pod.driver.now.wall
        #expect(pod.condition("Ready")?.lastTransitionTime == first)
        _ = pod.driver.bringUp()
        _ = pod.driver.tell(.alarm, after: 5.4)
        _ = pod.driver.start(1)
        #expect(pod.condition("Ready")?.message == "containers with unready status: [log]")
        #expect(pod.condition("Ready")?.lastTransitionTime == first)
        _ = pod.driver.start(2)
        #expect(pod.condition("Ready")?.lastTransitionTime == first + .seconds(5))
    }

    @Test("The start time is that of the first status, in whole seconds, and is kept")
    func startTime() {
        var pod = StatusDriver()
        _ = pod.driver.tell(.alarm, after: 0.7)
        let first = pod.status().startTime
        #expect(first == Timestamp(seconds: 1_800_000_000))
        _ = pod.driver.tell(.alarm, after: 100)
        #expect(pod.status().startTime == first)
    }

    @Test("The generation is passed on to the status and to each condition")
    func observedGeneration() {
        var pod = StatusDriver()
        pod.pod.metadata.generation = 7
        #expect(pod.status().observedGeneration == 7)
        #expect(pod.status().conditions.allSatisfy { $0.observedGeneration == 7 })
    }

    @Test("The QoS class follows from the spec")
    func qosClass() {
        var pod = StatusDriver()
        #expect(pod.status().qosClass == .bestEffort)
        pod.pod.spec.containers[0].resources.requests["cpu"] = Quantity(1)
        #expect(pod.status().qosClass == .burstable)
    }

    @Test("The node's addresses are the host's, and the Pod's only when it shares the node's network")
    func addresses() {
        var pod = StatusDriver()
        #expect(pod.status().hostIP == "192.0.2.1")
        #expect(pod.status().hostIPs.map(\.ip) == ["192.0.2.1", "2001:db8::1"])
        #expect(pod.status().podIP == "")
        #expect(pod.status().podIPs.isEmpty)
        pod.pod.spec.hostNetwork = true
        #expect(pod.status().podIP == "192.0.2.1")
        #expect(pod.status().podIPs.map(\.ip) == ["192.0.2.1", "2001:db8::1"])
    }

    @Test("A terminal phase is never left, not even by deletion")
    func terminalPhaseIsKept() {
        var pod = StatusDriver(policy: .never)
        pod.crash(0, times: 1)
        #expect(pod.status().phase == .succeeded)
        _ = pod.driver.tell(.sandboxRemoved(attempt: 0))
        _ = pod.driver.tell(.delete(grace: nil))
        #expect(pod.status().phase == .succeeded)
    }

    @Test("Under Never a Pod whose sandbox died before it could run to its end has failed and says why")
    func failureMessage() {
        var pod = StatusDriver(init: ["a"], policy: .never)
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        _ = pod.driver.exit(1, 0)
        _ = pod.driver.tell(.containerNotCreated(RunID(2), Waiting("ErrImageNeverPull")))
        _ = pod.driver.tell(.sandboxLost(attempt: 0))
        _ = pod.driver.tell(.sandboxRemoved(attempt: 0))
        #expect(pod.status().phase == .failed)
        #expect(pod.status().message == "The pod's sandbox died and its restart policy is Never")
    }
}

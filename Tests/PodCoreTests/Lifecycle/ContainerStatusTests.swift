import Testing

@testable import PodCore

/// The states of containers, as reference §3.4 to §3.6 has them.
@Suite struct ContainerStatusTests {
    @Test("Init containers stand in the order of the spec, the others are sorted by name")
    func containerOrder() {
        var pod = StatusDriver(init: ["z", "a"], ["web", "log"])
        #expect(pod.status().initContainerStatuses.map(\.name) == ["z", "a"])
        #expect(pod.status().containerStatuses.map(\.name) == ["log", "web"])
    }

    @Test("Before it begins a container waits as ContainerCreating")
    func containerCreating() {
        var pod = StatusDriver()
        _ = pod.driver.bringUp()
        let web = pod.shown()
        #expect(web?.state.waiting?.reason == "ContainerCreating")
        #expect(web?.state.waiting?.message == "")
        #expect(web?.lastState == .empty)
        #expect(web?.containerID == "")
        #expect(web?.image == "image-of-web")
        #expect(web?.imageID == "")
        #expect(web?.started == false)
        #expect(web?.ready == false)
    }

    @Test("With init containers everything that has not begun waits as PodInitializing, to the last moment")
    func podInitializing() {
        var pod = StatusDriver(init: ["a"])
        _ = pod.driver.bringUp()
        #expect(pod.shown("a")?.state.waiting?.reason == "PodInitializing")
        #expect(pod.shown("web")?.state.waiting?.reason == "PodInitializing")
        _ = pod.driver.start(1)
        _ = pod.driver.exit(1, 0)
        #expect(pod.shown("web")?.state.waiting?.reason == "PodInitializing")
    }

    @Test(
        "A running container is started and ready; a running init container is not ready before it has succeeded"
    )
    func readiness() {
        var pod = StatusDriver(init: ["a"])
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        #expect(pod.shown("a")?.started == true)
        #expect(pod.shown("a")?.ready == false)
        _ = pod.driver.exit(1, 0)
        #expect(pod.shown("a")?.started == false)
        #expect(pod.shown("a")?.ready == true)
        #expect(pod.shown("a")?.state.terminated?.reason == "Completed")
        _ = pod.driver.start(2)
        #expect(pod.shown()?.started == true)
        #expect(pod.shown()?.ready == true)
        #expect(pod.shown()?.containerID == "podagent://1234-2")
        #expect(pod.shown()?.state.running?.startedAt == pod.driver.now.wall)
    }

    @Test("What a container asks for is what it has been given")
    func allocatedResources() {
        var pod = StatusDriver()
        #expect(pod.shown()?.allocatedResources == [:])
        pod.pod.spec.containers[0].resources.requests = ["cpu": Quantity(milli: 250)]
        #expect(pod.shown()?.allocatedResources == ["cpu": Quantity(milli: 250)])
    }

    struct EndCase: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var waitStatus: Int32
        var hasOOMKill = false
        var code: Int32
        var reason: String
    }

    @Test(
        "How a process ended becomes an exit code and a reason",
        arguments: [
            EndCase(testDescription: "exit 0", waitStatus: 0, code: 0, reason: "Completed"),
            EndCase(testDescription: "exit 7", waitStatus: 7 << 8, code: 7, reason: "Error"),
            EndCase(testDescription: "exit 255", waitStatus: 255 << 8, code: 255, reason: "Error"),
            EndCase(testDescription: "SIGKILL", waitStatus: 9, code: 137, reason: "Error"),
            EndCase(
                testDescription: "SIGKILL from the OOM killer",
                waitStatus: 9,
                hasOOMKill: true,
                code: 137,
                reason: "OOMKilled"
            ),
            EndCase(
                testDescription: "exit 137 after an OOM kill, as a shell reports it",
                waitStatus: 137 << 8,
                hasOOMKill: true,
                code: 137,
                reason: "OOMKilled"
            ),
            EndCase(
                testDescription: "exit 0 in spite of an OOM kill",
                waitStatus: 0,
                hasOOMKill: true,
                code: 0,
                reason: "Completed"
            ),
            EndCase(
                testDescription: "SIGTERM after an OOM kill",
                waitStatus: 15,
                hasOOMKill: true,
                code: 143,
                reason: "Error"
            ),
            EndCase(testDescription: "SIGTERM", waitStatus: 15, code: 143, reason: "Error"),
            EndCase(
                testDescription: "SIGSEGV with a core",
                waitStatus: 11 | 0x80,
                code: 139,
                reason: "Error"
            ),
        ]
    )
    func ends(_ c: EndCase) {
        var pod = StatusDriver(policy: .never)
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        let end = pod.driver.now.wall + .milliseconds(2500)
        var status = ExitStatus(waitStatus: c.waitStatus)
        status.hasOOMKill = c.hasOOMKill
        _ = pod.driver.tell(.containerExited(RunID(1), status, startedAt: nil, finishedAt: end), after: 3)
        let terminated = pod.shown()?.state.terminated
        #expect(terminated?.exitCode == c.code)
        #expect(terminated?.reason == c.reason)
        #expect(terminated?.signal == 0)
        #expect(terminated?.startedAt == Timestamp(seconds: 1_800_000_000))
        #expect(terminated?.finishedAt == Timestamp(seconds: 1_800_000_002))
        #expect(terminated?.containerID == "podagent://1234-1")
        #expect(pod.shown()?.containerID == "podagent://1234-1")
    }

    @Test("Until its first restart runs, a container stays terminated and counts no restart")
    func firstRestart() {
        var pod = StatusDriver()
        pod.crash(times: 1)
        #expect(pod.shown()?.state.terminated?.exitCode == 1)
        #expect(pod.shown()?.lastState == .empty)
        #expect(pod.shown()?.restartCount == 0)
        #expect(pod.shown()?.containerID == "podagent://1234-1")
        _ = pod.driver.start(2)
        #expect(pod.shown()?.state.running != nil)
        #expect(pod.shown()?.lastState.terminated?.exitCode == 1)
        #expect(pod.shown()?.restartCount == 1)
        #expect(pod.shown()?.containerID == "podagent://1234-2")
    }

    @Test(
        "The back-off says how long it is, and the termination moves to the last state",
        arguments: [(2, "10s"), (3, "20s"), (4, "40s"), (5, "1m20s"), (6, "2m40s"), (7, "5m0s"), (8, "5m0s")]
    )
    func crashLoop(_ crashes: Int, _ delay: String) {
        var pod = StatusDriver()
        pod.crash(times: crashes)
        let web = pod.shown()
        #expect(web?.state.waiting?.reason == "CrashLoopBackOff")
        #expect(
            web?.state.waiting?.message
                == "back-off \(delay) restarting failed container=web pod=web-node1_default(1234)"
        )
        #expect(web?.lastState.terminated?.exitCode == 1)
        #expect(web?.lastState.terminated?.containerID == "podagent://1234-\(crashes)")
        #expect(web?.restartCount == Int32(crashes - 1))
        #expect(pod.status().phase == .running)
    }

    @Test("A start that fails before there is a process shows its reason and counts no restart")
    func notCreated() {
        var pod = StatusDriver()
        pod.crash(times: 1)
        _ = pod.driver.tell(.containerNotCreated(RunID(2), Waiting("CreateContainerConfigError", "no user")))
        #expect(pod.shown()?.state.waiting?.reason == "CreateContainerConfigError")
        #expect(pod.shown()?.state.waiting?.message == "no user")
        #expect(pod.shown()?.lastState.terminated?.exitCode == 1)
        #expect(pod.shown()?.restartCount == 0)
        #expect(pod.shown()?.containerID == "podagent://1234-1")
    }

    @Test("A program that cannot be executed waits as RunContainerError; its last state is StartError, 128")
    func notStarted() {
        var pod = StatusDriver()
        _ = pod.driver.bringUp()
        _ = pod.driver.tell(.containerNotStarted(RunID(1), message: "exec: no", at: pod.driver.now.wall))
        let web = pod.shown()
        #expect(web?.state.waiting == Self.waiting("RunContainerError", "exec: no"))
        #expect(web?.lastState.terminated?.reason == "StartError")
        #expect(web?.lastState.terminated?.exitCode == 128)
        #expect(web?.lastState.terminated?.message == "exec: no")
        #expect(web?.lastState.terminated?.startedAt == nil)
    }

    private static func waiting(_ reason: String, _ message: String) -> ContainerStateWaiting {
        var waiting = ContainerStateWaiting()
        waiting.reason = reason
        waiting.message = message
        return waiting
    }

    @Test("A container whose end nobody saw is ContainerStatusUnknown, 137, and counts as restarted")
    func lost() {
        var pod = StatusDriver()
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        _ = pod.driver.tell(.sandboxLost(attempt: 0))
        let terminated = pod.shown()?.state.terminated
        #expect(terminated?.reason == "ContainerStatusUnknown")
        #expect(terminated?.exitCode == 137)
        #expect(terminated?.message == "The container could not be located when the pod was terminated")
        #expect(pod.shown()?.restartCount == 1)
        _ = pod.driver.tell(.sandboxRemoved(attempt: 0))
        _ = pod.driver.tell(.alarm, after: 1)
        _ = pod.driver.tell(.sandboxStarted(attempt: 1))
        _ = pod.driver.start(2)
        #expect(pod.shown()?.restartCount == 1)
    }

    @Test("While the sandbox is made anew a container stays terminated; the Pod goes on running")
    func sandboxMadeAnew() {
        var pod = StatusDriver()
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        _ = pod.driver.tell(.sandboxEnded(attempt: 0))
        _ = pod.driver.exit(1, 137)
        _ = pod.driver.tell(.sandboxRemoved(attempt: 0))
        _ = pod.driver.tell(.sandboxStarted(attempt: 1))
        #expect(pod.shown()?.state.terminated?.exitCode == 137)
        #expect(pod.status().phase == .running)
    }

    @Test("What succeeded before the sandbox was made anew counts as succeeded at the end")
    func succeededInEarlierSandbox() {
        var pod = StatusDriver(["once", "web"], policy: .onFailure)
        _ = pod.driver.bringUp()
        _ = pod.driver.start(1)
        _ = pod.driver.start(2)
        _ = pod.driver.exit(1, 0)
        _ = pod.driver.tell(.sandboxEnded(attempt: 0))
        _ = pod.driver.exit(2, 137)
        _ = pod.driver.tell(.sandboxRemoved(attempt: 0))
        let effects = pod.driver.tell(.sandboxStarted(attempt: 1))
        #expect(effects == [.startContainer(name: "web", run: RunID(3), restartCount: 1)])
        #expect(pod.shown("once")?.state.terminated?.reason == "Completed")
        _ = pod.driver.start(3)
        _ = pod.driver.exit(3, 0)
        #expect(pod.status().phase == .succeeded)
    }

    @Test("The messages of all containers share 12 KiB, and no character is cut in two")
    func messageLimit() {
        var pod = StatusDriver(["web", "log"])
        _ = pod.driver.bringUp()
        let message = "x" + String(repeating: "é", count: 10_000)
        _ = pod.driver.tell(.containerNotStarted(RunID(1), message: message, at: pod.driver.now.wall))
        let shown = pod.shown("web")?.lastState.terminated?.message ?? ""
        #expect(shown.utf8.count == 12 * 1024 / 2 - 1)
        #expect(message.hasPrefix(shown))
    }
}

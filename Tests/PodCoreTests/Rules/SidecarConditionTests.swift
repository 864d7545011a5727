import Testing

@testable import PodCore

/// Conditions and states where sidecars, gates and sandboxes have a part: reference §3.3 to §3.6, §6.8. What is plain of
/// them stands in `PodStatusTests` and `ContainerStatusTests`.
@Suite struct SidecarConditionTests {
    private static func sidecar(_ lifecycle: inout PodLifecycle) {
        lifecycle.initContainers[0].restartPolicy = .always
        lifecycle.initContainers[0].probes[.startup] = ProbeSchedule()
        lifecycle.initContainers[0].probes[.readiness] = ProbeSchedule()
        lifecycle.containers[0].probes[.readiness] = ProbeSchedule()
    }

    @Test(
        "3.3: sidecars have a part in Initialized and in ContainersReady",
        arguments: [
            Story(
                "3.3 Initialized: a sidecar must have started, any other init container have succeeded",
                init: ["proxy", "setup"],
                change: sidecar,
                .up("start proxy 1 ×0"),
                .started(1),
                .condition(
                    "Initialized",
                    false,
                    "ContainersNotInitialized",
                    "containers with incomplete status: [proxy setup]"
                ),
                .probed(1, .startup, true, "start setup 2 ×0"),
                .condition(
                    "Initialized",
                    false,
                    "ContainersNotInitialized",
                    "containers with incomplete status: [setup]"
                ),
                .started(2),
                .exits(2, 0, "start web 3 ×0"),
                .condition("Initialized", true),
                .started(3),
                .exits(1, 1, "start proxy 4 ×1"),
                .condition("Initialized", true)
            ),
            Story(
                "3.3 ContainersReady: sidecars count, init containers do not, and come before the regular ones",
                init: ["proxy", "setup"],
                change: sidecar,
                .up("start proxy 1 ×0"),
                .started(1),
                .probed(1, .startup, true, "start setup 2 ×0"),
                .started(2),
                .exits(2, 0, "start web 3 ×0"),
                .started(3),
                .condition(
                    "ContainersReady",
                    false,
                    "ContainersNotReady",
                    "containers with unready status: [proxy web]"
                ),
                .probed(3, .readiness, true),
                .condition("Ready", false, "ContainersNotReady", "containers with unready status: [proxy]"),
                .probed(1, .readiness, true),
                .condition("Ready", true)
            ),
            Story(
                "3.4.7: a sidecar is started and ready by its probes, as a regular container is",
                init: ["proxy", "setup"],
                change: sidecar,
                .up("start proxy 1 ×0"),
                .shows("proxy", "waiting PodInitializing ×0"),
                .started(1),
                .shows("proxy", "running ×0"),
                .probed(1, .startup, true, "start setup 2 ×0"),
                .shows("proxy", "running, started ×0"),
                .probed(1, .readiness, true),
                .shows("proxy", "running, started, ready ×0")
            ),
            Story(
                "3.5: RunContainerError is shown while the start that failed is to be made again, then the end alone",
                policy: .never,
                .up("start web 1 ×0"),
                .tell(
                    .containerNotStarted(
                        RunID(1),
                        message: "no such file",
                        at: Timestamp(seconds: 1_800_000_000)
                    ),
                    "Warning Failed web: Error: no such file",
                    "remove sandbox 0"
                ),
                .shows("web", "ended 128 StartError: no such file ×0"),
                .phase(.failed)
            ),
            Story(
                "3.6: an instance whose end nobody saw has 137, its reason and its words",
                init: ["proxy"],
                change: { $0.initContainers[0].restartPolicy = .always },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .tell(
                    .sandboxLost(attempt: 0),
                    "Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.",
                    "remove sandbox 0"
                ),
                .shows(
                    "proxy",
                    "ended 137 ContainerStatusUnknown: The container could not be located when the pod was terminated ×1"
                ),
                .condition("PodReadyToStartContainers", false),
                .condition("Initialized", true)
            ),
            Story(
                "6.8.3: under OnFailure what succeeded is not started again in another sandbox, the rest is",
                init: ["setup"],
                regular: ["web", "log"],
                policy: .onFailure,
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 0, "start web 2 ×0"),
                .started(2, "start log 3 ×0"),
                .started(3),
                .exits(2, 0),
                .tell(
                    .sandboxLost(attempt: 0),
                    "Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.",
                    "remove sandbox 0"
                ),
                .tell(.sandboxRemoved(attempt: 0), "create sandbox 1"),
                .tell(.sandboxStarted(attempt: 1), "start setup 4 ×1"),
                .started(4),
                .exits(4, 0, "start log 5 ×1"),
                .shows("web", "ended 0 Completed ×0")
            ),
            Story(
                "6.8.3: if what it had to do is done, no other sandbox is made",
                policy: .onFailure,
                .up("start web 1 ×0"),
                .started(1),
                .tell(.sandboxEnded(attempt: 0), "kill 1"),
                .exits(1, 0, "remove sandbox 0"),
                .tell(.sandboxRemoved(attempt: 0), "clean up volumes"),
                .phase(.succeeded)
            ),
        ]
    )
    func conditions(_ story: Story) { story.play() }

    struct Gates: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var types: [String]
        var reason = ""
        var message = ""
    }

    @Test(
        "3.3 Ready: the Pod's gates have their say once the containers are ready",
        arguments: [
            Gates(testDescription: "3.3 Ready: a gate whose condition holds", types: ["Initialized"]),
            Gates(
                testDescription: "3.3 Ready: gates whose conditions nobody has set",
                types: ["example.com/a", "Initialized", "example.com/b"],
                reason: "ReadinessGatesNotReady",
                message: "corresponding condition of pod readiness gate \"example.com/a\" does not exist., "
                    + "corresponding condition of pod readiness gate \"example.com/b\" does not exist."
            ),
            Gates(
                testDescription: "3.3 Ready: a gate whose condition does not hold",
                types: ["AllContainersRestarting"],
                reason: "ReadinessGatesNotReady",
                message:
                    "the status of pod readiness gate \"AllContainersRestarting\" is not \"True\", but False"
            ),
        ]
    )
    func gates(row: Gates) {
        var pod = StatusDriver { lifecycle in
            lifecycle.containers[0].restartRules = [.init(.restartAllContainers, codes: [42])]
        }
        pod.pod.spec.readinessGates = row.types.map { type in
            var gate = PodReadinessGate()
            gate.conditionType = type
            return gate
        }
        _ = pod.driver.bringUp()
        #expect(pod.condition("Ready")?.reason == "ContainersNotReady")
        _ = pod.driver.start(1)
        #expect(pod.condition("ContainersReady")?.status == .true)
        #expect(pod.condition("Ready")?.status == (row.reason.isEmpty ? .true : .false))
        #expect(pod.condition("Ready")?.reason == row.reason)
        #expect(pod.condition("Ready")?.message == row.message)
    }
}

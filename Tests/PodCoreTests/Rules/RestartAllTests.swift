import Testing

@testable import PodCore

/// The action RestartAllContainers: reference §3.7, KEP-5532.
@Suite struct RestartAllTests {
    private static func hooked(_ lifecycle: inout PodLifecycle) {
        lifecycle.makeRestartAll()
        lifecycle.containers[1].hasPreStop = true
    }

    @Test(
        "One exit restarts all of them, in the same sandbox",
        arguments: [
            Story(
                "3.7: everything is killed and removed, then the init sequence runs again, whatever the policy says",
                init: ["setup", "proxy"],
                regular: ["web", "log"],
                policy: .never,
                change: { $0.makeRestartAll() },
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 0, "start proxy 2 ×0"),
                .started(2, "start web 3 ×0"),
                .started(3, "start log 4 ×0"),
                .started(4),
                .condition("AllContainersRestarting", false),
                .exits(
                    3,
                    42,
                    "Normal Killing proxy: Stopping container proxy",
                    "Normal Killing log: Stopping container log",
                    "terminate 2",
                    "terminate 4"
                ),
                .condition(
                    "AllContainersRestarting",
                    true,
                    "RestartAllContainersStarted",
                    "container exited with restart policy rule"
                ),
                .condition("Initialized", true),
                .phase(.running),
                .exits(4, 0),
                .exits(2, 0, "start setup 5 ×1"),
                .condition("AllContainersRestarting", false),
                .isRemoved("setup", restarts: 1),
                .isRemoved("proxy", restarts: 1),
                .isRemoved("web", restarts: 1),
                .isRemoved("log", restarts: 1),
                .condition("Initialized", true),
                .condition("PodReadyToStartContainers", true),
                .phase(.running),
                .started(5),
                .exits(5, 0, "start proxy 6 ×1"),
                .started(6, "start web 7 ×1"),
                .started(7, "start log 8 ×1"),
                .started(8),
                .shows("web", "running, last ended 137 \(Step.removed), started, ready ×1"),
                .exits(7, 1),
                .exits(8, 0, "Normal Killing proxy: Stopping container proxy", "terminate 6"),
                .exits(6, 0, "remove sandbox 0"),
                .phase(.failed),
                .condition("AllContainersRestarting", false, "PodFailed")
            ),
            Story(
                "3.7: they have the shortest grace, no preStop hook, and are killed after it",
                regular: ["web", "log"],
                change: hooked,
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 42, "Normal Killing log: Stopping container log", "terminate 2"),
                .wakes(after: 2, "kill 2"),
                .exits(2, 137, "start web 3 ×1"),
                .started(3, "start log 4 ×1")
            ),
            Story(
                "3.7: what is only starting is waited for, and stopped then",
                regular: ["web", "log"],
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .exits(1, 42),
                .started(2, "Normal Killing log: Stopping container log", "terminate 2"),
                .exits(2, 0, "start web 3 ×1")
            ),
            Story(
                "3.7: another exit code restarts nothing but the container",
                regular: ["web", "log"],
                change: {
                    $0.makeRestartAll()
                    $0.containers[0].restartPolicy = .always
                },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 41, "start web 3 ×1"),
                .shows("log", "running, started, ready ×0")
            ),
            Story(
                "3.7: a container that waits for an image then goes on waiting, and counts no restart",
                regular: ["web", "log"],
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .tell(
                    .containerNotCreated(RunID(2), Waiting("CreateContainerError", "no")),
                    "Warning Failed log: Error: no"
                ),
                .exits(1, 42, "start web 3 ×1"),
                .shows("log", "waiting CreateContainerError: no ×0")
            ),
            Story(
                "3.7: one that has ended before and cannot be created again need not wait any longer",
                regular: ["web", "log"],
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(2, 1, "start log 3 ×1"),
                .tell(
                    .containerNotCreated(RunID(3), Waiting("CreateContainerError", "no")),
                    "Warning Failed log: Error: no"
                ),
                .exits(1, 42, "start web 4 ×1"),
                .started(4, "start log 5 ×1")
            ),
            Story(
                "3.7: a sidecar must have started again before what comes after it does",
                init: ["proxy"],
                change: {
                    $0.makeRestartAll()
                    $0.initContainers[0].probes[.startup] = ProbeSchedule()
                },
                .up("start proxy 1 ×0"),
                .started(1),
                .probed(1, .startup, true, "start web 2 ×0"),
                .started(2),
                .exits(2, 42, "Normal Killing proxy: Stopping container proxy", "terminate 1"),
                .exits(1, 0, "start proxy 3 ×1"),
                .started(3),
                .probed(3, .startup, true, "start web 4 ×1")
            ),
            Story(
                "3.7: the exit of a container that was told to end restarts nothing but itself",
                regular: ["web", "log"],
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .probed(
                    1,
                    .liveness,
                    false,
                    "Normal Killing web: Container web failed liveness probe",
                    "terminate 1"
                ),
                .exits(1, 42, "start web 3 ×1"),
                .condition("AllContainersRestarting", false)
            ),
            Story(
                "3.7: a Pod that is deleted meanwhile comes to its end",
                regular: ["web", "log"],
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 42, "Normal Killing log: Stopping container log", "terminate 2"),
                .deleted(),
                .exits(2, 0, "remove sandbox 0"),
                .tell(.sandboxRemoved(attempt: 0), "clean up everything")
            ),
            Story(
                "3.7: an exit after the deletion restarts nothing",
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .deleted(),
                .exits(1, 42, "remove sandbox 0"),
                .condition("AllContainersRestarting", false)
            ),
            Story(
                "3.7: nor does one while the node goes down",
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .tell(.nodeShutdown(grace: .seconds(20))),
                .exits(1, 42, "remove sandbox 0"),
                .condition("AllContainersRestarting", false)
            ),
            Story(
                "3.7: in a sandbox that dies it is an exit like any other, for all begins again anyway",
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1),
                .tell(.sandboxEnded(attempt: 0), "kill 1"),
                .exits(
                    1,
                    42,
                    "Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.",
                    "remove sandbox 0"
                ),
                .condition("AllContainersRestarting", false),
                .tell(.sandboxRemoved(attempt: 0), "create sandbox 1"),
                .tell(.sandboxStarted(attempt: 1), "start web 2 ×1"),
                .shows("web", "ended 42 Error ×0")
            ),
            Story(
                "3.7: when the sandbox dies meanwhile it all begins again in the next one",
                regular: ["web", "log"],
                policy: .never,
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 42, "Normal Killing log: Stopping container log", "terminate 2"),
                .tell(.sandboxEnded(attempt: 0), "kill 2"),
                .exits(
                    2,
                    137,
                    "Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.",
                    "remove sandbox 0"
                ),
                .tell(.sandboxRemoved(attempt: 0), "create sandbox 1"),
                .tell(.sandboxStarted(attempt: 1), "start web 3 ×1"),
                .started(3, "start log 4 ×1")
            ),
        ]
    )
    func restartsAll(_ story: Story) { story.play() }
}

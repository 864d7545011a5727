import Testing

@testable import PodCore

/// Init containers that are always restarted, as they begin: reference §6.1.
@Suite struct SidecarStartTests {
    private static func hooked(_ lifecycle: inout PodLifecycle) {
        lifecycle.makeSidecars()
        lifecycle.initContainers[0].hasPostStart = true
    }

    @Test(
        "Sidecars start in their turn and are restarted whatever the policy says",
        arguments: [
            Story(
                "6.1 init 1: a sidecar must have started, and need not end, before the next one begins",
                init: ["proxy", "setup"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start setup 2 ×0"),
                .started(2),
                .exits(2, 0, "start web 3 ×0"),
                .started(3),
                .shows("proxy", "running, started, ready ×0")
            ),
            Story(
                "6.1 init 1: a sidecar's startup probe gates the next one, its readiness does not",
                init: ["proxy"],
                change: { $0.makeProbedSidecars() },
                .up("start proxy 1 ×0"),
                .started(1),
                .shows("proxy", "running ×0"),
                .phase(.pending),
                .probed(1, .startup, true, "start web 2 ×0"),
                .shows("proxy", "running, started ×0"),
                .started(2),
                .condition(
                    "ContainersReady",
                    false,
                    "ContainersNotReady",
                    "containers with unready status: [proxy]"
                ),
                .probed(1, .readiness, true),
                .condition("ContainersReady", true)
            ),
            Story(
                "6.1 init 1: a sidecar's postStart hook gates the next one",
                init: ["proxy"],
                change: hooked,
                .up("start proxy 1 ×0"),
                .started(1, "run postStart 1"),
                .shows("proxy", "running ×0"),
                .hook(1, .postStart, after: 3, "start web 2 ×0"),
                .shows("proxy", "running, started, ready ×0")
            ),
            Story(
                "6.1 init 3: once a regular container runs only sidecars are started again",
                init: ["setup", "proxy"],
                policy: .never,
                change: { $0.makeSidecars() },
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 0, "start proxy 2 ×0"),
                .started(2, "start web 3 ×0"),
                .started(3),
                .exits(2, 0, "start proxy 4 ×1"),
                .shows("setup", "ended 0 Completed, ready ×0"),
                .phase(.running)
            ),
            Story(
                "6.1 init 4: a sidecar that fails to start holds back what comes after it before initialization",
                init: ["proxy"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .tell(
                    .containerNotCreated(RunID(1), Waiting("CreateContainerError", "no")),
                    "Warning Failed proxy: Error: no"
                ),
                .shows("proxy", "waiting CreateContainerError: no ×0"),
                .shows("web", "waiting PodInitializing ×0"),
                .wakes(after: 10, "start proxy 2 ×0")
            ),
            Story(
                "6.1 init 4: a sidecar that fails to start again holds nothing back after initialization",
                init: ["proxy"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .exits(1, 1, "start proxy 3 ×1"),
                .tell(
                    .containerNotCreated(RunID(3), Waiting("CreateContainerError", "no")),
                    "Warning Failed proxy: Error: no"
                ),
                .exits(2, 1, "start web 4 ×1"),
                .phase(.running)
            ),
            Story(
                "6.1 init 5: a sidecar that was passed is started again while a later init container runs",
                init: ["proxy", "setup"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start setup 2 ×0"),
                .started(2),
                .exits(1, 3, "start proxy 3 ×1"),
                .exits(2, 0),
                .started(3, "start web 4 ×0")
            ),
            Story(
                "4.1: sidecars are held back after crashes like any other container",
                init: ["proxy"],
                policy: .never,
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .exits(1, 0, "start proxy 3 ×1"),
                .started(3),
                .exits(
                    3,
                    0,
                    "Warning BackOff proxy: Back-off restarting failed container proxy in pod web-node1_default(1234)"
                ),
                .shows(
                    "proxy",
                    "waiting CrashLoopBackOff: back-off 10s restarting failed container=proxy "
                        + "pod=web-node1_default(1234), last ended 0 Completed ×1"
                ),
                .phase(.running),
                .wakes(after: 10, "start proxy 4 ×2")
            ),
            Story(
                "6.8.2: in a new sandbox a sidecar begins in its turn, and must have started again",
                init: ["proxy"],
                change: { $0.makeProbedSidecars() },
                .up("start proxy 1 ×0"),
                .started(1),
                .probed(1, .startup, true, "start web 2 ×0"),
                .started(2),
                .tell(.sandboxEnded(attempt: 0), "kill 1", "kill 2"),
                .exits(1, 137, "kill 2"),
                .exits(
                    2,
                    137,
                    "Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.",
                    "remove sandbox 0"
                ),
                .tell(.sandboxRemoved(attempt: 0), "create sandbox 1"),
                .tell(.sandboxStarted(attempt: 1), "start proxy 3 ×1"),
                .started(3),
                .probed(3, .startup, true, "start web 4 ×1")
            ),
        ]
    )
    func starts(_ story: Story) { story.play() }
}

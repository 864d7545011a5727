import Testing

@testable import PodCore

/// Init containers that are always restarted, as they end: reference §6.3.4, §6.5.5.
@Suite struct SidecarEndTests {
    @Test(
        "Sidecars end last, in reverse order",
        arguments: [
            Story(
                "6.3.4: a sidecar waits for all regular containers and every later sidecar",
                init: ["proxy-a", "proxy-b"],
                regular: ["web", "log"],
                change: { $0.makeSidecars() },
                .up("start proxy-a 1 ×0"),
                .started(1, "start proxy-b 2 ×0"),
                .started(2, "start web 3 ×0"),
                .started(3, "start log 4 ×0"),
                .started(4),
                .deleted(
                    nil,
                    "Normal Killing proxy-a: Stopping container proxy-a",
                    "Normal Killing proxy-b: Stopping container proxy-b",
                    "Normal Killing web: Stopping container web",
                    "Normal Killing log: Stopping container log",
                    "terminate 3",
                    "terminate 4"
                ),
                .exits(3, 0),
                .exits(4, 0, "terminate 2"),
                .exits(2, 0, "terminate 1"),
                .exits(1, 0, "remove sandbox 0")
            ),
            Story(
                "6.3.4: it waits no longer than the grace period, of which no less than 2 s are left to it",
                init: ["proxy"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .deleted(
                    5,
                    "Normal Killing proxy: Stopping container proxy",
                    "Normal Killing web: Stopping container web",
                    "terminate 2"
                ),
                .wakes(after: 5, "terminate 1", "kill 2"),
                .wakes(after: 2, "kill 1"),
                .exits(2, 137),
                .exits(1, 137, "remove sandbox 0")
            ),
            Story(
                "6.3.4: what the others leave of the grace period is the sidecar's",
                init: ["proxy"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .deleted(
                    10,
                    "Normal Killing proxy: Stopping container proxy",
                    "Normal Killing web: Stopping container web",
                    "terminate 2"
                ),
                .exits(2, 0, after: 4, "terminate 1"),
                .wakes(after: 6, "kill 1")
            ),
            Story(
                "6.3.4: a later sidecar that is only starting is waited for as well",
                init: ["proxy-a", "proxy-b"],
                change: { $0.makeSidecars() },
                .up("start proxy-a 1 ×0"),
                .started(1, "start proxy-b 2 ×0"),
                .deleted(nil, "Normal Killing proxy-a: Stopping container proxy-a"),
                .started(2, "Normal Killing proxy-b: Stopping container proxy-b", "terminate 2"),
                .exits(2, 0, "terminate 1")
            ),
            Story(
                "6.3.4: an init container that is no sidecar has no prerequisites, nor is it one",
                init: ["proxy", "setup"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start setup 2 ×0"),
                .started(2),
                .deleted(
                    nil,
                    "Normal Killing proxy: Stopping container proxy",
                    "Normal Killing setup: Stopping container setup",
                    "terminate 1",
                    "terminate 2"
                )
            ),
            Story(
                "6.3.4: when the node goes down it ends last as well",
                init: ["proxy"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .tell(
                    .nodeShutdown(grace: .seconds(20)),
                    "Normal Killing proxy: Stopping container proxy",
                    "Normal Killing web: Stopping container web",
                    "terminate 2"
                ),
                .exits(2, 0, "terminate 1")
            ),
            Story(
                "3.1.9: in a later sandbox too a Pod that fails while it initializes shows Pending to its end",
                init: ["proxy", "setup"],
                change: {
                    $0.makeSidecars()
                    $0.initContainers[1].restartPolicy = .never
                },
                .up("start proxy 1 ×0"),
                .started(1, "start setup 2 ×0"),
                .started(2),
                .exits(2, 0, "start web 3 ×0"),
                .started(3),
                .tell(
                    .sandboxLost(attempt: 0),
                    "Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.",
                    "remove sandbox 0"
                ),
                .tell(.sandboxRemoved(attempt: 0), "create sandbox 1"),
                .tell(.sandboxStarted(attempt: 1), "start proxy 4 ×1"),
                .started(4, "start setup 5 ×1"),
                .started(5),
                .phase(.pending),
                .exits(5, 1, "Normal Killing proxy: Stopping container proxy", "terminate 4"),
                .phase(.pending),
                .exits(4, 0, "remove sandbox 1"),
                .phase(.failed)
            ),
            Story(
                "6.3.4: a sidecar that is restarted by itself waits for nobody",
                init: ["proxy"],
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .probed(
                    1,
                    .liveness,
                    false,
                    "Normal Killing proxy: Init container proxy failed liveness probe",
                    "terminate 1"
                )
            ),
            Story(
                "6.5.5: when all regular containers are done for good the sidecars are ended, then the sandbox",
                init: ["proxy"],
                policy: .onFailure,
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .exits(2, 0, "Normal Killing proxy: Stopping container proxy", "terminate 1"),
                .phase(.running),
                .wakes(after: 30, "kill 1"),
                .exits(1, 137, "remove sandbox 0"),
                .phase(.succeeded),
                .condition("Initialized", true, "PodCompleted"),
                .condition("Ready", false, "PodCompleted"),
                .tell(.sandboxRemoved(attempt: 0), "clean up volumes")
            ),
            Story(
                "6.1 init 4: an init container that failed for good ends the sidecars; the Pod is Failed when they have ended",
                init: ["proxy", "setup"],
                policy: .never,
                change: { $0.makeSidecars() },
                .up("start proxy 1 ×0"),
                .started(1, "start setup 2 ×0"),
                .started(2),
                .exits(2, 1, "Normal Killing proxy: Stopping container proxy", "terminate 1"),
                .phase(.pending),
                .condition("Ready", false, "PodFailed"),
                .exits(1, 0, "remove sandbox 0"),
                .phase(.failed),
                .condition(
                    "Initialized",
                    false,
                    "ContainersNotInitialized",
                    "containers with incomplete status: [proxy setup]"
                )
            ),
        ]
    )
    func ends(_ story: Story) { story.play() }
}

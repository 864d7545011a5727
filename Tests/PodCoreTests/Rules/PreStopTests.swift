import Testing

@testable import PodCore

/// What is done before an end: reference §6.3.3, §6.4.3.
@Suite struct PreStopTests {
    private static func postStart(_ lifecycle: inout PodLifecycle) {
        lifecycle.containers[0].hasPostStart = true
    }
    private static func preStop(_ lifecycle: inout PodLifecycle) { lifecycle.containers[0].hasPreStop = true }
    private static func both(_ lifecycle: inout PodLifecycle) {
        postStart(&lifecycle)
        preStop(&lifecycle)
    }

    private static let postStartFailed = "Warning FailedPostStartHook web: PostStartHook failed"

    @Test(
        "preStop",
        arguments: [
            Story(
                "6.3.3: it runs first, and what it takes is taken off the grace period",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, "Normal Killing web: Stopping container web", "run preStop 1 within 30s"),
                .hook(1, .preStop, after: 12.5, "terminate 1"),
                .wakes(after: 17.5, "kill 1")
            ),
            Story(
                "6.3.3, 6.3.5: one that takes it all is ended, and 2 s are left for the container",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, "Normal Killing web: Stopping container web", "run preStop 1 within 30s"),
                .wakes(after: 30, "terminate 1"),
                .hook(1, .preStop, failure: "timed out"),
                .wakes(after: 2, "kill 1")
            ),
            Story(
                "6.4.3: its failure is told, and the end goes on",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, "Normal Killing web: Stopping container web", "run preStop 1 within 30s"),
                .hook(
                    1,
                    .preStop,
                    failure: "no such file",
                    after: 1,
                    "Warning FailedPreStopHook web: PreStopHook failed",
                    "terminate 1"
                ),
                .wakes(after: 29, "kill 1")
            ),
            Story(
                "6.3.3: it runs before a probe's kill",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .probed(
                    1,
                    .liveness,
                    false,
                    "Normal Killing web: Container web failed liveness probe, will be restarted",
                    "run preStop 1 within 30s"
                ),
                .hook(1, .preStop, "terminate 1")
            ),
            Story(
                "6.3.3: it runs before the kill that a failed postStart hook asks for",
                change: both,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .hook(
                    1,
                    .postStart,
                    failure: "x",
                    postStartFailed,
                    "Normal Killing web: FailedPostStartHook",
                    "run preStop 1 within 30s"
                )
            ),
            Story(
                "6.3.3: it does not run when the container has ended by itself",
                policy: .never,
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 0, "remove sandbox 0")
            ),
            Story(
                "6.3.3: it does not run without a grace period",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(0, "Normal Killing web: Stopping container web", "kill 1")
            ),
            Story(
                "6.5.2: a second deletion shortens what is left for it",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, "Normal Killing web: Stopping container web", "run preStop 1 within 30s"),
                .deleted(4, after: 1),
                .wakes(after: 4, "terminate 1"),
                .wakes(after: 2, "kill 1")
            ),
            Story(
                "6.5.2: a second deletion at once does not wait for it",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, "Normal Killing web: Stopping container web", "run preStop 1 within 30s"),
                .deleted(0, after: 1, "kill 1"),
                .hook(1, .preStop, failure: "x")
            ),
            Story(
                "6.3.3, 6.3.4: a sidecar's runs at once, and only then it waits",
                init: ["proxy"],
                change: {
                    $0.initContainers[0].restartPolicy = .always
                    $0.initContainers[0].hasPreStop = true
                },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .deleted(
                    nil,
                    "Normal Killing proxy: Stopping container proxy",
                    "Normal Killing web: Stopping container web",
                    "run preStop 1 within 30s",
                    "terminate 2"
                ),
                .hook(1, .preStop),
                .exits(2, 0, "terminate 1")
            ),
            Story(
                "6.3.3: a container that exits during its hook is done",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, "Normal Killing web: Stopping container web", "run preStop 1 within 30s"),
                .exits(1, 0, "remove sandbox 0"),
                .hook(1, .preStop, failure: "gone")
            ),
        ]
    )
    func beforeEnd(_ story: Story) { story.play() }
}

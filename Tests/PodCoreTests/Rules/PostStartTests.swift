import Testing

@testable import PodCore

/// What is done after a start: reference §6.4.1, §6.4.2.
@Suite struct PostStartTests {
    private static func postStart(_ lifecycle: inout PodLifecycle) {
        lifecycle.containers[0].hasPostStart = true
    }
    private static let postStartFailed = "Warning FailedPostStartHook web: PostStartHook failed"

    @Test(
        "postStart",
        arguments: [
            Story(
                "6.4.1: it runs beside the container, without a limit, and the next container waits for it",
                regular: ["web", "log"],
                change: postStart,
                .up("start web 1 ×0"),
                .tell(
                    .containerStarted(RunID(1), at: Timestamp(seconds: 1_800_000_000)),
                    "Normal Started web: Container started",
                    "run postStart 1"
                ),
                .shows("web", "running ×0"),
                .passes(600),
                .hook(1, .postStart, "start log 2 ×0"),
                .shows("web", "running, started, ready ×0")
            ),
            Story(
                "6.4.2: its failure kills the container, which is restarted with back-off",
                change: postStart,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .hook(
                    1,
                    .postStart,
                    failure: "no such file",
                    postStartFailed,
                    "Normal Killing web: FailedPostStartHook",
                    "terminate 1"
                ),
                .exits(1, 143, "start web 2 ×1"),
                .shows("web", "waiting PostStartHookError: no such file, last ended 143 Error ×0"),
                .started(2, "run postStart 2"),
                .shows("web", "running, last ended 143 Error ×1"),
                .hook(
                    2,
                    .postStart,
                    failure: "no such file",
                    postStartFailed,
                    "Normal Killing web: FailedPostStartHook",
                    "terminate 2"
                ),
                .exits(2, 143),
                .shows("web", "waiting PostStartHookError: no such file, last ended 143 Error ×1"),
                .phase(.running),
                .wakes(after: 10, "start web 3 ×2")
            ),
            Story(
                "6.4.2: under Never the failure is the end",
                policy: .never,
                change: postStart,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .hook(
                    1,
                    .postStart,
                    failure: "x",
                    postStartFailed,
                    "Normal Killing web: FailedPostStartHook",
                    "terminate 1"
                ),
                .exits(1, 143, "remove sandbox 0"),
                .shows("web", "ended 143 Error ×0"),
                .phase(.failed)
            ),
            Story(
                "6.1 regular 1: a container whose hook fails does not stop the following ones",
                regular: ["web", "log"],
                change: postStart,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .hook(
                    1,
                    .postStart,
                    failure: "x",
                    postStartFailed,
                    "Normal Killing web: FailedPostStartHook",
                    "start log 2 ×0",
                    "terminate 1"
                )
            ),
            Story(
                "6.4.1: a container that exits before its hook has ended is restarted, and what the hook says is moot",
                change: postStart,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .exits(1, 1, "start web 2 ×1"),
                .hook(1, .postStart, failure: "the container is gone"),
                .started(2, "run postStart 2"),
                .hook(1, .postStart),
                .shows("web", "running, last ended 1 Error ×1"),
                .hook(2, .postStart),
                .shows("web", "running, last ended 1 Error, started, ready ×1")
            ),
            Story(
                "6.5: a deletion does not wait for it, nor does its failure stop the container twice",
                change: postStart,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .deleted(nil, "Normal Killing web: Stopping container web", "terminate 1"),
                .hook(1, .postStart, failure: "x"),
                .exits(1, 143, "remove sandbox 0")
            ),
            Story(
                "6.5: of a container that becomes one after the deletion it is not run",
                change: postStart,
                .up("start web 1 ×0"),
                .deleted(),
                .started(1, "Normal Killing web: Stopping container web", "terminate 1")
            ),
            Story(
                "6.4.1: a hook that ends twice says nothing the second time",
                change: postStart,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .hook(1, .postStart),
                .hook(1, .postStart, failure: "x"),
                .shows("web", "running, started, ready ×0")
            ),
        ]
    )
    func afterStart(_ story: Story) { story.play() }
}

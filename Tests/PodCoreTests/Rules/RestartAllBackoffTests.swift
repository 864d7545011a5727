import Testing

@testable import PodCore

/// Who waits when all containers are restarted again and again: reference §3.7, §4.
@Suite struct RestartAllBackoffTests {
    private static func initRule(_ lifecycle: inout PodLifecycle) {
        lifecycle.initContainers[0].restartPolicy = .never
        lifecycle.initContainers[0].restartRules = [.init(.restartAllContainers, codes: [42])]
    }

    @Test(
        "Whoever has them all restarted again and again is held back, and nobody else",
        arguments: [
            Story(
                "3.7, 4.3: the second time within ten minutes waits, and takes what comes before it along",
                regular: ["web", "log"],
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 42, "Normal Killing log: Stopping container log", "terminate 2"),
                .exits(2, 0, "start web 3 ×1"),
                .started(3, "start log 4 ×1"),
                .started(4),
                .exits(3, 42, "Normal Killing log: Stopping container log", "terminate 4"),
                .exits(4, 0, after: 0, "start log 5 ×2"),
                .isRemoved("web", restarts: 2),
                .started(5),
                .wakes(after: 10, "start web 6 ×2")
            ),
            Story(
                "3.7, 4.8: whoever was ended with them has not crashed: its first crash is followed at once",
                regular: ["web", "log"],
                change: { $0.makeRestartAll() },
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 42, "Normal Killing log: Stopping container log", "terminate 2"),
                .exits(2, 0, "start web 3 ×1"),
                .started(3, "start log 4 ×1"),
                .started(4),
                .exits(4, 1, "start log 5 ×2")
            ),
            Story(
                "3.7, 4.8: nor has an init container that had succeeded",
                init: ["setup"],
                change: { $0.makeRestartAll() },
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 0, "start web 2 ×0"),
                .started(2),
                .exits(2, 42, "start setup 3 ×1"),
                .started(3),
                .exits(3, 1, "start setup 4 ×2")
            ),
            Story(
                "3.7, 4.1: an init container that has it all begin again and again is held back too",
                init: ["setup"],
                change: initRule,
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 42, "start setup 2 ×1"),
                .started(2),
                .exits(2, 42),
                .isRemoved("setup", restarts: 2),
                .wakes(after: 10, "start setup 3 ×2")
            ),
        ]
    )
    func heldBack(_ story: Story) { story.play() }
}

import Testing

@testable import PodCore

/// A Pod that may not be active for ever: reference §6.9.
@Suite struct ActiveDeadlineTests {
    private static let killing = "Normal Killing web: Stopping container web"
    private static let deadlineExceeded =
        "Normal DeadlineExceeded: Pod was active on the node longer than the specified deadline"

    @Test(
        "activeDeadlineSeconds",
        arguments: [
            Story(
                "6.9: a Pod that is active for too long is ended with its grace period and is Failed then",
                change: { $0.activeDeadline = .seconds(60) },
                .up("start web 1 ×0"),
                .started(1),
                .wakes(after: 60, deadlineExceeded, killing, "terminate 1"),
                .phase(.running),
                .condition("Ready", false, "PodFailed"),
                .wakes(after: 30, "kill 1"),
                .exits(1, 137, "remove sandbox 0"),
                .phase(
                    .failed,
                    "DeadlineExceeded",
                    "Pod was active on the node longer than the specified deadline"
                ),
                .tell(.sandboxRemoved(attempt: 0), "clean up volumes")
            ),
            Story(
                "6.9, 3.1.9: one that is still initializing shows Pending to its end",
                init: ["setup"],
                change: { $0.activeDeadline = .seconds(60) },
                .up("start setup 1 ×0"),
                .started(1),
                .wakes(
                    after: 60,
                    deadlineExceeded,
                    "Normal Killing setup: Stopping container setup",
                    "terminate 1"
                ),
                .phase(.pending),
                .exits(1, 0, "remove sandbox 0"),
                .phase(
                    .failed,
                    "DeadlineExceeded",
                    "Pod was active on the node longer than the specified deadline"
                )
            ),
            Story(
                "6.9: it ends the wait after a crash, and nothing is started again",
                change: { $0.activeDeadline = .seconds(5) },
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 1, "start web 2 ×1"),
                .started(2),
                .exits(
                    2,
                    1,
                    "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"
                ),
                .wakes(after: 3, deadlineExceeded, "remove sandbox 0"),
                .phase(
                    .failed,
                    "DeadlineExceeded",
                    "Pod was active on the node longer than the specified deadline"
                )
            ),
            Story(
                "6.9: it counts from the start of the Pod, also after a restart of podagent",
                change: { $0.activeDeadline = .seconds(60) },
                .up("start web 1 ×0"),
                .started(1),
                .restarted(after: 45),
                .wakes(after: 15, deadlineExceeded, killing, "terminate 1")
            ),
            Story(
                "6.9: one that passed while podagent was away ends the Pod when it is back",
                change: { $0.activeDeadline = .seconds(60) },
                .up("start web 1 ×0"),
                .started(1),
                .restarted(after: 75, deadlineExceeded, killing, "terminate 1")
            ),
            Story(
                "6.9, 6.7: a deadline that is changed in place counts from the start of the Pod",
                change: { $0.activeDeadline = .seconds(60) },
                .up("start web 1 ×0"),
                .started(1),
                .passes(10),
                .redefined(superseding: [], to: { $0.activeDeadline = .seconds(30) }),
                .wakes(after: 20, deadlineExceeded, killing, "terminate 1")
            ),
            Story(
                "6.9: a Pod that has succeeded before it stays so",
                policy: .never,
                change: { $0.activeDeadline = .seconds(60) },
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 0, "remove sandbox 0"),
                .tell(.sandboxRemoved(attempt: 0), "clean up volumes"),
                .tell(.cleanedUp(.volumes)),
                .passes(90),
                .phase(.succeeded)
            ),
        ]
    )
    func deadlines(_ story: Story) { story.play() }
}

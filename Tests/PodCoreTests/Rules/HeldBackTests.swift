import Testing

@testable import PodCore

/// How long an ended container is held back: reference §4, beside what `RestartBackoffTests` has.
@Suite struct HeldBackTests {
    private static func rule(
        _ policy: RestartRule,
        _ codes: [Int32],
        isNegated: Bool = false
    ) -> @Sendable (inout PodLifecycle) -> Void {
        { lifecycle in
            lifecycle.containers[0].restartPolicy = policy
            lifecycle.containers[0].restartRules = [.init(.restart, codes: codes, isNegated: isNegated)]
        }
    }

    @Test(
        "What is held back, and from when",
        arguments: [
            Story(
                "4.7: a clean exit under Always is held back like a crash",
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 0, "start web 2 ×1"),
                .started(2),
                .exits(
                    2,
                    0,
                    "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"
                ),
                .wakes(after: 10, "start web 3 ×2")
            ),
            Story(
                "4.1: a restart by rule is held back like any other",
                policy: .never,
                change: rule(.never, [42]),
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 42, "start web 2 ×1"),
                .started(2),
                .exits(
                    2,
                    42,
                    "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"
                ),
                .phase(.running),
                .wakes(after: 10, "start web 3 ×2")
            ),
            Story(
                "4.2: the ceiling holds, and is the first delay if that is longer",
                change: { $0.backoff = BackoffLimits(initial: .seconds(10), maximum: .seconds(3)) },
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 1, "start web 2 ×1"),
                .started(2),
                .exits(
                    2,
                    1,
                    "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"
                ),
                .shows(
                    "web",
                    "waiting CrashLoopBackOff: back-off 3s restarting failed container=web "
                        + "pod=web-node1_default(1234), last ended 1 Error ×1"
                ),
                .wakes(after: 3, "start web 3 ×2"),
                .started(3),
                .exits(
                    3,
                    1,
                    "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"
                ),
                .wakes(after: 3, "start web 4 ×3")
            ),
            Story(
                "4.5: ten minutes to the second are not long enough to start afresh",
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 1, "start web 2 ×1"),
                .started(2),
                .exits(
                    2,
                    1,
                    after: 600,
                    "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"
                ),
                .wakes(after: 10, "start web 3 ×2")
            ),
            Story(
                "3.4.6: a container with no restart ahead stays as it ended",
                regular: ["web", "log"],
                policy: .onFailure,
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 0),
                .shows("web", "ended 0 Completed ×0"),
                .phase(.running),
                .condition("Ready", false, "ContainersNotReady", "containers with unready status: [web]")
            ),
        ]
    )
    func backoff(_ story: Story) { story.play() }
}

import Testing

@testable import PodCore

/// How long who has to end, and what a deletion finds: reference §6.3, §6.5.
@Suite struct GracePeriodTests {
    private static let killing = "Normal Killing web: Stopping container web"

    @Test(
        "Grace periods",
        arguments: [
            Story(
                "6.3.1: without anything else it is the Pod's own",
                change: { $0.terminationGracePeriod = .seconds(7) },
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, killing, "terminate 1"),
                .wakes(after: 7, "kill 1"),
                .exits(1, 137, after: 0, "remove sandbox 0")
            ),
            Story(
                "6.3.1: a deletion's counts before the probe's, also for a container that the probe has begun to end",
                change: {
                    $0.containers[0].probes[.liveness] = ProbeSchedule(terminationGracePeriod: .seconds(60))
                },
                .up("start web 1 ×0"),
                .started(1),
                .probed(
                    1,
                    .liveness,
                    false,
                    "Normal Killing web: Container web failed liveness probe, will be restarted",
                    "terminate 1"
                ),
                .deleted(5, after: 1),
                .wakes(after: 5, "kill 1"),
                .exits(1, 137, after: 0, "remove sandbox 0")
            ),
            Story(
                "6.3.1: a deletion with more time than the probe gave gives the container none of it",
                change: {
                    $0.containers[0].probes[.liveness] = ProbeSchedule(terminationGracePeriod: .seconds(5))
                },
                .up("start web 1 ×0"),
                .started(1),
                .probed(
                    1,
                    .liveness,
                    false,
                    "Normal Killing web: Container web failed liveness probe, will be restarted",
                    "terminate 1"
                ),
                .deleted(60, after: 1),
                .wakes(after: 4, "kill 1")
            ),
            Story(
                "6.3.5: one second is raised to two",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(1, killing, "terminate 1"),
                .wakes(after: 2, "kill 1")
            ),
            Story(
                "6.5.2: a second deletion shortens the grace period from now on",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, killing, "terminate 1"),
                .deleted(3, after: 10),
                .wakes(after: 3, "kill 1")
            ),
            Story(
                "6.5.2: a second deletion with more time changes nothing",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(5, killing, "terminate 1"),
                .deleted(60, after: 1),
                .wakes(after: 4, "kill 1")
            ),
            Story(
                "6.5.2: a second deletion with more time than is left, but less than at first, gives no more",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(10, killing, "terminate 1"),
                .deleted(9, after: 8),
                .wakes(after: 2, "kill 1")
            ),
            Story(
                "6.5.2: zero kills at once, and whoever was killed is not killed again",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, killing, "terminate 1"),
                .deleted(0, after: 1, "kill 1"),
                .deleted(0),
                .passes(1)
            ),
            Story(
                "6.5.2: nor is one that its first grace period has killed",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(5, killing, "terminate 1"),
                .wakes(after: 5, "kill 1"),
                .deleted(0)
            ),
            Story(
                "6.3.5: a second deletion leaves no less than two seconds, unless it leaves none",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, killing, "terminate 1"),
                .deleted(1, after: 1),
                .wakes(after: 2, "kill 1")
            ),
            Story(
                "6.3: all regular containers are asked at the same time",
                regular: ["web", "log"],
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .deleted(
                    nil,
                    killing,
                    "Normal Killing log: Stopping container log",
                    "terminate 1",
                    "terminate 2"
                ),
                .wakes(after: 30, "kill 1", "kill 2")
            ),
            Story(
                "6.5.1: a Pod that finishes and is deleted then gives its sidecar no more than the deletion does",
                init: ["proxy"],
                policy: .never,
                change: { $0.initContainers[0].restartPolicy = .always },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .exits(2, 0, "Normal Killing proxy: Stopping container proxy", "terminate 1"),
                .deleted(3),
                .wakes(after: 3, "kill 1"),
                .exits(1, 137, after: 0, "remove sandbox 0"),
                .tell(.sandboxRemoved(attempt: 0), "clean up everything"),
                .phase(.succeeded)
            ),
        ]
    )
    func graces(_ story: Story) { story.play() }

    @Test(
        "A deletion finds the Pod anywhere",
        arguments: [
            Story(
                "6.5: during a start the container is stopped as soon as it is one, with the whole grace period",
                .up("start web 1 ×0"),
                .deleted(),
                .started(1, killing, "terminate 1"),
                .wakes(after: 30, "kill 1")
            ),
            Story(
                "6.5: during a start, at once: killed as soon as it is one",
                .up("start web 1 ×0"),
                .deleted(0),
                .started(1, killing, "kill 1")
            ),
            Story(
                "6.5: during back-off nothing is waited for",
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 1, "start web 2 ×1"),
                .started(2),
                .exits(
                    2,
                    1,
                    "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"
                ),
                .deleted(nil, "remove sandbox 0"),
                .tell(.sandboxRemoved(attempt: 0), "clean up everything"),
                .tell(.cleanedUp(.everything), "finished"),
                .phase(.running)
            ),
            Story(
                "6.5.3: what has been stopped is not started again, and a Pod never goes back",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, killing, "terminate 1"),
                .tell(.imagesChanged),
                .exits(1, 143, "remove sandbox 0"),
                .tell(.sandboxRemoved(attempt: 0), "clean up everything"),
                .tell(.cleanedUp(.everything), "finished")
            ),
            Story(
                "5.6.1: readiness can still fall during it, and liveness kills nobody",
                change: {
                    $0.containers[0].probes[.readiness] = ProbeSchedule()
                    $0.containers[0].probes[.liveness] = ProbeSchedule(terminationGracePeriod: .seconds(3))
                },
                .up("start web 1 ×0"),
                .started(1),
                .probed(1, .readiness, true),
                .deleted(nil, killing, "terminate 1"),
                .shows("web", "running, started, ready ×0"),
                .probed(1, .readiness, false),
                .shows("web", "running, started ×0"),
                .probed(1, .liveness, false),
                .wakes(after: 30, "kill 1")
            ),
        ]
    )
    func deletions(_ story: Story) { story.play() }
}

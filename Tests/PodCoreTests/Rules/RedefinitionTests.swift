import Testing

@testable import PodCore

/// A Pod whose manifest changes in place: reference §6.7, and what `docs/differences.md` says of it.
@Suite struct RedefinitionTests {
    private static let killing = "Normal Killing web: Container web definition changed, will be restarted"
    private static let backOff =
        "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"

    @Test(
        "Whose image changes is restarted, wherever it is",
        arguments: [
            Story(
                "6.7: a running container is ended and started again at once, whatever the policy says",
                regular: ["web", "log"],
                policy: .never,
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .redefined(superseding: ["web"], killing, "terminate 1"),
                .phase(.running),
                .exits(1, 0, "start web 3 ×1"),
                .started(3),
                .shows("web", "running, last ended 0 Completed, started, ready ×1"),
                .shows("log", "running, started, ready ×0"),
                .exits(3, 0),
                .exits(2, 0, "remove sandbox 0"),
                .phase(.succeeded)
            ),
            Story(
                "6.7: a sidecar is spoken of as an init container",
                init: ["proxy"],
                change: { $0.initContainers[0].restartPolicy = .always },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .redefined(
                    superseding: ["proxy"],
                    "Normal Killing proxy: Init container proxy definition changed",
                    "terminate 1"
                ),
                .exits(1, 0, "start proxy 3 ×1")
            ),
            Story(
                "6.3.3: its preStop hook runs, and its grace period is the Pod's",
                change: { $0.containers[0].hasPreStop = true },
                .up("start web 1 ×0"),
                .started(1),
                .redefined(superseding: ["web"], killing, "run preStop 1 within 30s"),
                .hook(1, .preStop, after: 10, "terminate 1"),
                .wakes(after: 20, "kill 1")
            ),
            Story(
                "4.6: it begins afresh: its first crash is followed at once, and the second is held back for 10 s",
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 1, "start web 2 ×1"),
                .started(2),
                .redefined(superseding: ["web"], killing, "terminate 2"),
                .exits(2, 143, "start web 3 ×2"),
                .started(3),
                .exits(3, 1, "start web 4 ×3"),
                .started(4),
                .exits(4, 1, backOff),
                .wakes(after: 10, "start web 5 ×4")
            ),
            Story(
                "4.6: one that is held back after a crash begins at once, and afresh",
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 1, "start web 2 ×1"),
                .started(2),
                .exits(2, 1, backOff),
                .redefined(superseding: ["web"], "start web 3 ×2"),
                .shows("web", "ended 1 Error, last ended 1 Error ×1"),
                .started(3),
                .exits(3, 1, "start web 4 ×3"),
                .started(4),
                .exits(4, 1, backOff),
                .wakes(after: 10, "start web 5 ×4")
            ),
            Story(
                "4.6: one that is being started again begins afresh once it is the other image",
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 1, "start web 2 ×1"),
                .redefined(superseding: ["web"]),
                .started(2, killing, "terminate 2"),
                .exits(2, 143, "start web 3 ×2"),
                .started(3),
                .exits(3, 1, "start web 4 ×3")
            ),
            Story(
                "6.4.1: what is to be replaced as soon as it runs has its postStart hook: the other image may be long in coming",
                hasImages: false,
                change: { $0.containers[0].hasPostStart = true },
                .up("start web 1 ×0"),
                .redefined(superseding: ["web"]),
                .started(1, "pull web 1", "run postStart 1"),
                .tell(.imageAnswered(number: 1, .here(id: "other")), killing, "terminate 1"),
                .exits(1, 0, "start web 2 ×1"),
                .started(2, "run postStart 2")
            ),
            Story(
                "6.7: one that waits for an image tries the other at once",
                .up("start web 1 ×0"),
                .tell(
                    .containerNotCreated(RunID(1), Waiting("ErrImageNeverPull", "no image")),
                    "Warning ErrImageNeverPull web: no image",
                    "Warning Failed web: Error: ErrImageNeverPull"
                ),
                .redefined(superseding: ["web"], "start web 2 ×0")
            ),
            Story(
                "6.7: one that is being started is stopped as soon as it runs",
                .up("start web 1 ×0"),
                .redefined(superseding: ["web"]),
                .started(1, killing, "terminate 1"),
                .exits(1, 0, "start web 2 ×1")
            ),
            Story(
                "6.7: a start of which nothing comes is made again, with the new image",
                .up("start web 1 ×0"),
                .redefined(superseding: ["web"]),
                .tell(
                    .containerNotCreated(RunID(1), Waiting("CreateContainerError", "no")),
                    "Warning Failed web: Error: no"
                ),
                .wakes(after: 10, "start web 2 ×0"),
                .started(2),
                .shows("web", "running, started, ready ×0")
            ),
            Story(
                "6.7: one that a probe has begun to end is ended once, and started again even under Never",
                policy: .never,
                .up("start web 1 ×0"),
                .started(1),
                .probed(
                    1,
                    .liveness,
                    false,
                    "Normal Killing web: Container web failed liveness probe",
                    "terminate 1"
                ),
                .redefined(superseding: ["web"]),
                .exits(1, 143, "start web 2 ×1")
            ),
            Story(
                "6.7: one that ends by itself before it could be asked to is started again at once",
                policy: .never,
                change: { $0.containers[0].hasPreStop = true },
                .up("start web 1 ×0"),
                .started(1),
                .redefined(superseding: ["web"], killing, "run preStop 1 within 30s"),
                .exits(1, 0, "start web 2 ×1"),
                .hook(1, .preStop, failure: "gone")
            ),
            Story(
                "6.7: one that has ended for good stays so",
                regular: ["web", "log"],
                policy: .never,
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 0),
                .redefined(superseding: ["web"]),
                .shows("web", "ended 0 Completed ×0")
            ),
            Story(
                "6.7: an init container that has succeeded does not run again; one that runs does",
                init: ["a", "b"],
                .up("start a 1 ×0"),
                .started(1),
                .exits(1, 0, "start b 2 ×0"),
                .started(2),
                .redefined(
                    superseding: ["a", "b"],
                    "Normal Killing b: Container b definition changed, will be restarted",
                    "terminate 2"
                ),
                .exits(2, 143, "start b 3 ×1")
            ),
            Story(
                "6.7: in a sandbox that dies it is not stopped, and is another one in the next",
                .up("start web 1 ×0"),
                .started(1),
                .tell(.sandboxEnded(attempt: 0), "kill 1"),
                .redefined(superseding: ["web"], "kill 1"),
                .exits(
                    1,
                    137,
                    "Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.",
                    "remove sandbox 0"
                ),
                .tell(.sandboxRemoved(attempt: 0), "create sandbox 1"),
                .tell(.sandboxStarted(attempt: 1), "start web 2 ×1"),
                .started(2),
                .shows("web", "running, last ended 137 Error, started, ready ×1")
            ),
            Story(
                "6.7: a Pod that has come to its end is not brought back",
                policy: .never,
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 0, "remove sandbox 0"),
                .tell(.sandboxRemoved(attempt: 0), "clean up volumes"),
                .tell(.cleanedUp(.volumes)),
                .redefined(superseding: ["web"]),
                .phase(.succeeded)
            ),
            Story(
                "6.7: a Pod that is deleted goes on with that",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, "Normal Killing web: Stopping container web", "terminate 1"),
                .redefined(superseding: ["web"]),
                .exits(1, 143, "remove sandbox 0")
            ),
            Story(
                "6.7: what restarts nothing is only told",
                .up("start web 1 ×0"),
                .started(1),
                .redefined(superseding: []),
                .shows("web", "running, started, ready ×0")
            ),
        ]
    )
    func images(_ story: Story) { story.play() }
}

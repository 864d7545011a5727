import Testing

@testable import PodCore

/// podagent dies in the middle of something and comes back: the machine as it is recorded, through JSON, meets what the
/// shim says. What of it is a rule of the reference is §4.12 and §17, both mended here: see `docs/differences.md`.
@Suite struct WorkRecoveryTests {
    private static let killing = "Normal Killing web: Stopping container web"
    private static let backOff =
        "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"

    private static func postStart(_ lifecycle: inout PodLifecycle) {
        lifecycle.containers[0].hasPostStart = true
    }
    private static func preStop(_ lifecycle: inout PodLifecycle) { lifecycle.containers[0].hasPreStop = true }
    private static func probed(_ lifecycle: inout PodLifecycle) {
        preStop(&lifecycle)
        for kind in ProbeKind.allCases { lifecycle.containers[0].probes[kind] = ProbeSchedule() }
    }
    private static func rule(_ lifecycle: inout PodLifecycle) {
        lifecycle.containers[0].restartPolicy = .never
        lifecycle.containers[0].restartRules = [.init(.restartAllContainers, codes: [42])]
    }

    @Test(
        "Work goes on where it was",
        arguments: [
            Story(
                "6.4.1: a postStart hook that was under way is run again, and the next container goes on waiting",
                regular: ["web", "log"],
                change: postStart,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .restarted("run postStart 1"),
                .shows("web", "running ×0"),
                .hook(1, .postStart, "start log 2 ×0")
            ),
            Story(
                "6.4.1: one that is done is not run again",
                change: postStart,
                .up("start web 1 ×0"),
                .started(1, "run postStart 1"),
                .hook(1, .postStart),
                .restarted(),
                .shows("web", "running, started, ready ×0")
            ),
            Story(
                "6.3.3: a preStop hook that was under way is run again, with what is left of the grace period",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, killing, "run preStop 1 within 30s"),
                .restarted(after: 10, "run preStop 1 within 20s"),
                .hook(1, .preStop, "terminate 1"),
                .wakes(after: 20, "kill 1")
            ),
            Story(
                "6.3.5: with nothing left of it the container is asked to end, and has 2 s",
                change: preStop,
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, killing, "run preStop 1 within 30s"),
                .restarted(after: 45, "terminate 1"),
                .wakes(after: 2, "kill 1")
            ),
            Story(
                "6.3.6: who was asked to end is not asked again, and is killed when the time has come",
                .up("start web 1 ×0"),
                .started(1),
                .deleted(nil, killing, "terminate 1"),
                .restarted(after: 10),
                .wakes(after: 20, "kill 1")
            ),
            Story(
                "6.3.4: a sidecar that waited for the others is asked when they are found to have ended",
                init: ["proxy"],
                change: { $0.initContainers[0].restartPolicy = .always },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .deleted(nil, "Normal Killing proxy: Stopping container proxy", killing, "terminate 2"),
                .restarted(ended: [2: 0], "terminate 1")
            ),
            Story(
                "5.3.6: a container that a probe had begun to end goes on ending, and is told of once",
                change: probed,
                .up("start web 1 ×0"),
                .started(1),
                .probed(1, .startup, true),
                .probed(
                    1,
                    .liveness,
                    false,
                    "Normal Killing web: Container web failed liveness probe, will be restarted",
                    "run preStop 1 within 30s"
                ),
                .restarted("run preStop 1 within 29s"),
                .probed(1, .liveness, false),
                .hook(1, .preStop, "terminate 1"),
                .exits(1, 143, "start web 2 ×1")
            ),
            Story(
                "5.3.2: what the probes have said holds until they say something else",
                change: probed,
                .up("start web 1 ×0"),
                .started(1),
                .probed(1, .startup, true),
                .probed(1, .readiness, true),
                .restarted(),
                .shows("web", "running, started, ready ×0")
            ),
            Story(
                "3.7: the restart of all goes on when the last of them is found to have ended",
                regular: ["web", "log"],
                change: rule,
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 42, "Normal Killing log: Stopping container log", "terminate 2"),
                .restarted(ended: [2: 143], "start web 3 ×1"),
                .started(3, "start log 4 ×1")
            ),
            Story(
                "3.7: and one whose occasion nobody saw begins",
                regular: ["web", "log"],
                change: rule,
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .restarted(ended: [1: 42], "Normal Killing log: Stopping container log", "terminate 2"),
                .exits(2, 143, "start web 3 ×1")
            ),
            Story(
                "6.7: a container of another image is found ended, and started again at once under Never",
                policy: .never,
                .up("start web 1 ×0"),
                .started(1),
                .redefined(
                    superseding: ["web"],
                    "Normal Killing web: Container web definition changed, will be restarted",
                    "terminate 1"
                ),
                .restarted(ended: [1: 0], "start web 2 ×1")
            ),
            Story(
                "4.12: the wait after a crash goes on",
                .up("start web 1 ×0"),
                .started(1),
                .exits(1, 1, "start web 2 ×1"),
                .started(2),
                .exits(2, 1, backOff),
                .restarted(after: 4),
                .wakes(after: 6, "start web 3 ×2"),
                .started(3),
                .exits(3, 1, backOff),
                .wakes(after: 20, "start web 4 ×3")
            ),
            Story(
                "6.9: a Pod that is over its deadline goes on to its end, and is told of once",
                change: { $0.activeDeadline = .seconds(60) },
                .up("start web 1 ×0"),
                .started(1),
                .wakes(
                    after: 60,
                    "Normal DeadlineExceeded: Pod was active on the node longer than the specified deadline",
                    killing,
                    "terminate 1"
                ),
                .restarted(after: 5),
                .wakes(after: 25, "kill 1")
            ),
            Story(
                "6.5.5: the sidecar of a Pod that is done goes on ending",
                init: ["proxy"],
                policy: .never,
                change: { $0.initContainers[0].restartPolicy = .always },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .restarted(ended: [2: 0], "Normal Killing proxy: Stopping container proxy", "terminate 1"),
                .restarted(after: 10),
                .wakes(after: 20, "kill 1"),
                .exits(1, 137, "remove sandbox 0"),
                .phase(.succeeded)
            ),
        ]
    )
    func goesOn(_ story: Story) { story.play() }

    @Test(
        "3.7: an exit that restarts all is taken for one also if the record does not know of the sandbox yet"
    )
    func olderRecord() {
        var pod = MachineDriver(["web", "log"], Self.rule)
        _ = pod.tell(.alarm)
        _ = pod.tell(.prepared)
        let now = pod.now.wall
        let runs: [SandboxObservation.Run] = [
            .init(
                run: RunID(1),
                container: "web",
                restartCount: 0,
                state: .exited(ExitStatus(code: 42), startedAt: now, finishedAt: now)
            ),
            .init(run: RunID(2), container: "log", restartCount: 0, state: .running(startedAt: now)),
        ]
        let seen = SandboxObservation(attempt: 0, pauseIsAlive: true, runs: runs)
        #expect(pod.sift(pod.machine.recover(seen, at: pod.now)) == [.terminate(RunID(2))])
        #expect(pod.machine.isRestartingAll)
    }
}

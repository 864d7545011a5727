import Testing

@testable import PodCore

/// What a probe's answer does to its container: reference §5.3, §5.6, §4.9.
@Suite struct ProbeKillTests {
    struct Words: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var pod = RestartRule.always
        var own: RestartRule?
        var rules: [ExitCodeRule] = []
        var kind = ProbeKind.liveness
        var message: String
    }

    @Test(
        "A container that is killed for its probe is told so in the kubelet's words",
        arguments: [
            Words(
                testDescription: "5.3.6: liveness",
                message: "Container web failed liveness probe, will be restarted"
            ),
            Words(
                testDescription: "5.3.6: startup",
                kind: .startup,
                message: "Container web failed startup probe, will be restarted"
            ),
            Words(
                testDescription: "5.3.6: OnFailure restarts what is killed",
                pod: .onFailure,
                message: "Container web failed liveness probe, will be restarted"
            ),
            Words(
                testDescription: "5.3.6: under Never there is no restart to speak of",
                pod: .never,
                message: "Container web failed liveness probe"
            ),
            Words(
                testDescription: "5.3.6: nor under the container's own Never",
                own: .never,
                message: "Container web failed liveness probe"
            ),
            Words(
                testDescription: "5.3.6: rules are not consulted for that",
                own: .never,
                rules: [.init(.restart, codes: [143])],
                message: "Container web failed liveness probe"
            ),
            Words(
                testDescription: "5.3.6: its own Always counts under the Pod's Never",
                pod: .never,
                own: .always,
                message: "Container web failed liveness probe, will be restarted"
            ),
        ]
    )
    func words(row: Words) {
        var pod = MachineDriver(policy: row.pod) { lifecycle in
            lifecycle.containers[0].restartPolicy = row.own
            lifecycle.containers[0].restartRules = row.rules
        }
        _ = pod.bringUp()
        _ = pod.start(1)
        #expect(pod.tell(.probed(RunID(1), row.kind, false)) == [.terminate(RunID(1))])
        #expect(pod.records.last == PodRecord(.normal, "Killing", row.message, container: "web"))
    }

    private static let killing = "Normal Killing web: Container web failed liveness probe, will be restarted"
    private static func startup(_ lifecycle: inout PodLifecycle) {
        lifecycle.containers[0].probes[.startup] = ProbeSchedule(terminationGracePeriod: .seconds(4))
    }

    @Test(
        "What a probe says becomes what the container is",
        arguments: [
            Story(
                "5.3.1: before readiness has said anything a container is not ready",
                change: { $0.containers[0].probes[.readiness] = ProbeSchedule() },
                .up("start web 1 ×0"),
                .started(1),
                .shows("web", "running, started ×0"),
                .condition("Ready", false, "ContainersNotReady", "containers with unready status: [web]"),
                .phase(.running),
                .probed(1, .readiness, true),
                .shows("web", "running, started, ready ×0"),
                .condition("Ready", true)
            ),
            Story(
                "5.3.7: a readiness probe that says no makes unready, and nothing else",
                change: { $0.containers[0].probes[.readiness] = ProbeSchedule() },
                .up("start web 1 ×0"),
                .started(1),
                .probed(1, .readiness, true),
                .probed(1, .readiness, false),
                .shows("web", "running, started ×0")
            ),
            Story(
                "5.3.1: readiness begins anew with each instance",
                change: { $0.containers[0].probes[.readiness] = ProbeSchedule() },
                .up("start web 1 ×0"),
                .started(1),
                .probed(1, .readiness, true),
                .exits(1, 1, "start web 2 ×1"),
                .probed(1, .readiness, true),
                .started(2),
                .probed(1, .readiness, true),
                .shows("web", "running, last ended 1 Error, started ×1")
            ),
            Story(
                "5.3.8: a container with a startup probe has not started before its yes",
                change: startup,
                .up("start web 1 ×0"),
                .started(1),
                .shows("web", "running ×0"),
                .phase(.running),
                .probed(1, .startup, true),
                .shows("web", "running, started, ready ×0")
            ),
            Story(
                "5.3.8, 6.1 regular 2: the next container does not wait for it",
                regular: ["web", "log"],
                change: startup,
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0")
            ),
            Story(
                "5.3.6, 4.9: a liveness probe that says no kills the container, which begins again; the second time it waits",
                .up("start web 1 ×0"),
                .started(1),
                .probed(1, .liveness, false, killing, "terminate 1"),
                .probed(1, .liveness, false),
                .wakes(after: 30, "kill 1"),
                .exits(1, 137, after: 0, "start web 2 ×1"),
                .started(2),
                .probed(2, .liveness, false, killing, "terminate 2"),
                .exits(
                    2,
                    143,
                    "Warning BackOff web: Back-off restarting failed container web in pod web-node1_default(1234)"
                ),
                .wakes(after: 10, "start web 3 ×2")
            ),
            Story(
                "5.3.6: under Never what it kills is not restarted",
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
                .exits(1, 143, "remove sandbox 0"),
                .phase(.failed)
            ),
            Story(
                "5.3.6: a clean exit that answers a probe's kill is one under OnFailure",
                policy: .onFailure,
                .up("start web 1 ×0"),
                .started(1),
                .probed(1, .liveness, false, killing, "terminate 1"),
                .exits(1, 0, "remove sandbox 0"),
                .phase(.succeeded)
            ),
            Story(
                "5.1, 6.3.1: the probe's own grace period counts for its kill",
                change: startup,
                .up("start web 1 ×0"),
                .started(1),
                .probed(
                    1,
                    .startup,
                    false,
                    "Normal Killing web: Container web failed startup probe, will be restarted",
                    "terminate 1"
                ),
                .wakes(after: 4, "kill 1")
            ),
            Story(
                "5.1, 6.3.1: that of another probe does not",
                change: startup,
                .up("start web 1 ×0"),
                .started(1),
                .probed(1, .liveness, false, killing, "terminate 1"),
                .wakes(after: 30, "kill 1")
            ),
            Story(
                "5.3.6: sidecars are spoken of as init containers",
                init: ["proxy"],
                change: { $0.initContainers[0].restartPolicy = .always },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .probed(
                    1,
                    .startup,
                    false,
                    "Normal Killing proxy: Init container proxy failed startup probe",
                    "terminate 1"
                ),
                .exits(1, 143, "start proxy 3 ×1")
            ),
            Story(
                "5.6.2: a Pod that comes to its end by itself is not probed to death either",
                init: ["proxy"],
                policy: .never,
                change: { $0.initContainers[0].restartPolicy = .always },
                .up("start proxy 1 ×0"),
                .started(1, "start web 2 ×0"),
                .started(2),
                .exits(2, 0, "Normal Killing proxy: Stopping container proxy", "terminate 1"),
                .probed(1, .liveness, false)
            ),
            Story(
                "5.6.2: nor while the node goes down",
                regular: ["web", "log"],
                change: { $0.containers[0].hasPreStop = true },
                .up("start web 1 ×0"),
                .tell(.nodeShutdown(grace: .seconds(20))),
                .started(1, "Normal Killing web: Stopping container web", "run preStop 1 within 20s"),
                .probed(1, .liveness, false),
                .hook(1, .preStop, "terminate 1"),
                .exits(1, 0, "remove sandbox 0")
            ),
        ]
    )
    func answers(_ story: Story) { story.play() }
}

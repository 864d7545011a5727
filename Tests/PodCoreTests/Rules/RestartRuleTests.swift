import Testing

@testable import PodCore

/// Which ended container runs again by its own policy and rules: reference §3.1, §4.1, KEP-5307.
@Suite struct RestartRuleTests {
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

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var pod = RestartRule.never
        var own: RestartRule?
        var rules: [ExitCodeRule] = []
        var code: Int32
        var restarts: Bool
    }

    @Test(
        "The first that hits decides: a rule, the container's policy, the Pod's policy",
        arguments: [
            Row(
                testDescription: "3.1.3: without a policy of its own the Pod's counts",
                pod: .always,
                code: 0,
                restarts: true
            ),
            Row(
                testDescription: "3.1.2: its own Never beats the Pod's Always",
                pod: .always,
                own: .never,
                code: 1,
                restarts: false
            ),
            Row(
                testDescription: "3.1.2: its own Always beats the Pod's Never",
                own: .always,
                code: 0,
                restarts: true
            ),
            Row(
                testDescription: "3.1.2: its own OnFailure after a failure",
                own: .onFailure,
                code: 1,
                restarts: true
            ),
            Row(
                testDescription: "3.1.2: its own OnFailure after a success",
                pod: .always,
                own: .onFailure,
                code: 0,
                restarts: false
            ),
            Row(
                testDescription: "3.1.1: a rule that names the code beats its policy",
                own: .never,
                rules: [.init(.restart, codes: [42])],
                code: 42,
                restarts: true
            ),
            Row(
                testDescription: "3.1.1: a rule that names other codes leaves it to the policy",
                own: .never,
                rules: [.init(.restart, codes: [42])],
                code: 43,
                restarts: false
            ),
            Row(
                testDescription: "3.1.1: NotIn hits every other code",
                own: .never,
                rules: [.init(.restart, codes: [0, 2], isNegated: true)],
                code: 1,
                restarts: true
            ),
            Row(
                testDescription: "3.1.1: NotIn does not hit the codes that it names",
                own: .never,
                rules: [.init(.restart, codes: [0, 2], isNegated: true)],
                code: 2,
                restarts: false
            ),
            Row(
                testDescription: "3.1.1: a death by signal is its 128+N code",
                own: .never,
                rules: [.init(.restart, codes: [137])],
                code: 137,
                restarts: true
            ),
            Row(
                testDescription: "3.1.1: the second rule counts where the first does not hit",
                own: .never,
                rules: [.init(.restart, codes: [1]), .init(.restart, codes: [2])],
                code: 2,
                restarts: true
            ),
        ]
    )
    func restarts(row: Row) {
        var pod = MachineDriver(policy: row.pod) { lifecycle in
            lifecycle.containers[0].restartPolicy = row.own
            lifecycle.containers[0].restartRules = row.rules
        }
        _ = pod.bringUp()
        _ = pod.start(1)
        let again = PodEffect.startContainer(name: "web", run: RunID(2), restartCount: 1)
        #expect(pod.exit(1, row.code) == [row.restarts ? again : .removeSandbox(attempt: 0)])
    }

    @Test(
        "Init containers go by the same rules, but for success",
        arguments: [
            Story(
                "4.1: a failing init container is started again under OnFailure, with back-off",
                init: ["setup"],
                policy: .onFailure,
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 1, "start setup 2 ×1"),
                .phase(.pending),
                .started(2),
                .exits(
                    2,
                    1,
                    "Warning BackOff setup: Back-off restarting failed container setup in pod web-node1_default(1234)"
                ),
                .wakes(after: 10, "start setup 3 ×2"),
                .started(3),
                .exits(3, 0, "start web 4 ×0")
            ),
            Story(
                "6.1 init 4: one that fails under Never fails the Pod, and nothing after it is started",
                init: ["setup"],
                policy: .never,
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 3, "remove sandbox 0"),
                .phase(.failed),
                .condition(
                    "Initialized",
                    false,
                    "ContainersNotInitialized",
                    "containers with incomplete status: [setup]"
                ),
                .condition("Ready", false, "PodFailed"),
                .shows("web", "waiting PodInitializing ×0")
            ),
            Story(
                "6.1 init 4: a rule saves one that fails under Never, and success is final whatever a rule says",
                init: ["setup"],
                policy: .never,
                change: {
                    $0.initContainers[0].restartPolicy = .never
                    $0.initContainers[0].restartRules = [.init(.restart, codes: [3])]
                },
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 3, "start setup 2 ×1"),
                .started(2),
                .exits(2, 0, "start web 3 ×0"),
                .started(3),
                .exits(3, 0, "remove sandbox 0"),
                .phase(.succeeded)
            ),
            Story(
                "3.1.2: an init container's own Never fails the Pod under Always",
                init: ["setup"],
                change: { $0.initContainers[0].restartPolicy = .never },
                .up("start setup 1 ×0"),
                .started(1),
                .exits(1, 1, "remove sandbox 0"),
                .phase(.failed)
            ),
            Story(
                "6.1 init 5: one init container after another, none twice",
                init: ["a", "b"],
                .up("start a 1 ×0"),
                .started(1),
                .exits(1, 0, "start b 2 ×0"),
                .started(2),
                .exits(2, 1, "start b 3 ×1"),
                .started(3),
                .exits(3, 0, "start web 4 ×0")
            ),
        ]
    )
    func initContainers(_ story: Story) { story.play() }
}

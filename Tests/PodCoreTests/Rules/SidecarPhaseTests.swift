import Testing

@testable import PodCore

/// The phase beside sidecars and by containers' own policies: reference §3.1, §3.2. The plain rows stand in
/// `PodPhaseTests`.
@Suite struct SidecarPhaseTests {
    /// A row of the table of reference §3.2: the sidecar, the regular container `a`, and the phases under Always,
    /// OnFailure and Never.
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var sidecar: ContainerShape?
        var sidecarHasStarted = true
        var a: ContainerShape
        var own: RestartRule?
        var rules: [ExitCodeRule] = []
        var phases: [PodPhase]

        func machine(_ policy: RestartRule) -> PodMachine {
            var driver = MachineDriver(init: sidecar == nil ? [] : ["proxy"], ["a"], policy: policy) {
                lifecycle in
                for index in lifecycle.initContainers.indices {
                    lifecycle.initContainers[index].restartPolicy = .always
                }
                lifecycle.containers[0].restartPolicy = own
                lifecycle.containers[0].restartRules = rules
            }
            var proxy = sidecar?.record("proxy", role: .sidecar)
            if case .running = sidecar {
                proxy?.progress = .init(postStart: .done, isStarted: sidecarHasStarted, isReady: true)
            }
            driver.machine.containers = [proxy].compactMap(\.self) + [a.record("a")]
            return driver.machine
        }
    }

    @Test(
        "3.2: the phase beside a sidecar, and by a container's own policy",
        arguments: [
            Row(
                testDescription: "3.2: a sidecar that has not started, a waiting",
                sidecar: .running,
                sidecarHasStarted: false,
                a: .waiting,
                phases: [.pending, .pending, .pending]
            ),
            Row(
                testDescription: "3.1 B: a sidecar that has never run, a waiting",
                sidecar: .waiting,
                a: .waiting,
                phases: [.pending, .pending, .pending]
            ),
            Row(
                testDescription: "3.1 B: a sidecar that has started, a waiting",
                sidecar: .running,
                a: .waiting,
                phases: [.pending, .pending, .pending]
            ),
            Row(
                testDescription: "3.2: a sidecar restarting after initialization, a running",
                sidecar: .backingOff(1),
                a: .running,
                phases: [.running, .running, .running]
            ),
            Row(
                testDescription: "3.1 B: a sidecar that runs and has not started again, a running",
                sidecar: .running,
                sidecarHasStarted: false,
                a: .running,
                phases: [.running, .running, .running]
            ),
            Row(
                testDescription: "3.2: a sidecar running, a exit 0",
                sidecar: .running,
                a: .exited(0),
                phases: [.running, .running, .running]
            ),
            Row(
                testDescription: "3.2: a sidecar exited 137, a exit 0",
                sidecar: .exited(137),
                a: .exited(0),
                phases: [.running, .succeeded, .succeeded]
            ),
            Row(
                testDescription: "3.2: a sidecar exited, a exit 1",
                sidecar: .exited(0),
                a: .exited(1),
                phases: [.running, .running, .failed]
            ),
            Row(
                testDescription: "3.1 B: a sidecar on its first start keeps it pending",
                sidecar: .starting,
                a: .running,
                phases: [.pending, .pending, .pending]
            ),
            Row(
                testDescription: "3.2: the container's own Never, exit 1",
                a: .exited(1),
                own: .never,
                phases: [.failed, .failed, .failed]
            ),
            Row(
                testDescription: "3.2: its own Never and a rule Restart In [42], exit 42",
                a: .exited(42),
                own: .never,
                rules: [.init(.restart, codes: [42])],
                phases: [.running, .running, .running]
            ),
            Row(
                testDescription: "3.1.1: RestartAllContainers counts as a restart",
                a: .exited(42),
                own: .never,
                rules: [.init(.restartAllContainers, codes: [42])],
                phases: [.running, .running, .running]
            ),
            Row(
                testDescription: "3.1 C: what is held back is never counted as succeeded",
                a: .backingOff(0),
                own: .never,
                phases: [.failed, .failed, .failed]
            ),
        ]
    )
    func phases(row: Row) {
        for (policy, phase) in zip([RestartRule.always, .onFailure, .never], row.phases) {
            #expect(row.machine(policy).phase(isStatic: true) == phase, "\(policy.rawValue)")
        }
    }
}

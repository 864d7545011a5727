import Testing

@testable import PodCore

/// What one container of a phase table is doing.
enum ContainerShape: Sendable {
    case waiting
    case starting
    case running
    case exited(Int32)
    /// Held back after an exit with that code.
    case backingOff(Int32)

    /// A record in that shape.
    func record(_ name: String, role: ContainerRecord.Role = .regular) -> ContainerRecord {
        var record = ContainerRecord(name: name, role: role)
        let start = Timestamp(seconds: 1_800_000_000)
        func end(_ code: Int32) -> Termination {
            Termination(
                exitCode: code,
                reason: code == 0 ? "Completed" : "Error",
                message: "",
                startedAt: start,
                finishedAt: start,
                run: RunID(1),
                restartCount: 0
            )
        }
        switch self {
        case .waiting: break
        case .starting: record.state = .starting(RunID(1))
        case .running: record.state = .running(RunID(1), startedAt: start)
        case .exited(let code): record.state = .ended(end(code))
        case .backingOff(let code):
            record.state = .ended(end(code))
            record.waiting = Waiting("CrashLoopBackOff")
        }
        return record
    }
}

@Suite struct PodPhaseTests {
    /// A row of the table of reference §3.2.
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var initContainer: ContainerShape?
        var containers: [ContainerShape]
        /// Under Always, OnFailure and Never.
        var phases: [PodPhase]

        init(
            _ description: String,
            _ containers: [ContainerShape],
            init initContainer: ContainerShape? = nil,
            _ phases: PodPhase...
        ) {
            testDescription = description
            self.initContainer = initContainer
            self.containers = containers
            self.phases = phases
        }

        func machine(_ policy: RestartRule) -> PodMachine {
            let names = containers.indices.map { "c\($0)" }
            var driver = MachineDriver(init: initContainer == nil ? [] : ["i"], names, policy: policy)
            let regular = zip(containers, names).map { $0.record($1) }
            driver.machine.containers =
                [initContainer?.record("i", role: .initialization)].compactMap(\.self) + regular
            return driver.machine
        }
    }

    private static let policies: [RestartRule] = [.always, .onFailure, .never]

    @Test(
        "The phase of a Pod follows from its containers and the restart policy",
        arguments: [
            Row("two that have not begun are pending", [.waiting, .waiting], .pending, .pending, .pending),
            Row("one that never ran keeps it pending", [.waiting, .running], .pending, .pending, .pending),
            Row(
                "one on its first start keeps it pending",
                [.starting, .running],
                .pending,
                .pending,
                .pending
            ),
            Row("both run", [.running, .running], .running, .running, .running),
            Row("one runs, one succeeded", [.running, .exited(0)], .running, .running, .running),
            Row("one runs, one failed", [.running, .exited(1)], .running, .running, .running),
            Row("both succeeded", [.exited(0), .exited(0)], .running, .succeeded, .succeeded),
            Row("one succeeded, one failed", [.exited(0), .exited(1)], .running, .running, .failed),
            Row("both failed", [.exited(1), .exited(1)], .running, .running, .failed),
            Row("one backs off, one runs", [.backingOff(1), .running], .running, .running, .running),
            Row("one backs off, one succeeded", [.backingOff(1), .exited(0)], .running, .running, .failed),
            Row("both back off", [.backingOff(1), .backingOff(1)], .running, .running, .failed),
            Row("the init container runs", [.waiting], init: .running, .pending, .pending, .pending),
            Row("the init container is done", [.waiting], init: .exited(0), .pending, .pending, .pending),
            Row("the init container failed", [.waiting], init: .exited(1), .pending, .pending, .failed),
            Row(
                "the init container backs off",
                [.waiting],
                init: .backingOff(1),
                .pending,
                .pending,
                .failed
            ),
            Row("the init container runs again", [.exited(1)], init: .running, .pending, .pending, .pending),
            Row("all is done", [.running], init: .exited(0), .running, .running, .running),
        ]
    )
    func phases(_ row: Row) {
        for (policy, phase) in zip(Self.policies, row.phases) {
            #expect(row.machine(policy).phase(isStatic: true) == phase, "\(policy.rawValue)")
            #expect(row.machine(policy).phase(isStatic: false) == phase, "\(policy.rawValue), not static")
        }
    }

    struct StoppedRow: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var container: ContainerShape
        var isStatic: Bool
        var phases: [PodPhase]
    }

    @Test(
        "A Pod that was stopped has failed unless it is static or had succeeded",
        arguments: [
            StoppedRow(
                testDescription: "killed, not static",
                container: .exited(137),
                isStatic: false,
                phases: [.failed, .failed, .failed]
            ),
            StoppedRow(
                testDescription: "killed, static",
                container: .exited(137),
                isStatic: true,
                phases: [.running, .running, .failed]
            ),
            StoppedRow(
                testDescription: "ended cleanly at SIGTERM, not static",
                container: .exited(0),
                isStatic: false,
                phases: [.succeeded, .succeeded, .succeeded]
            ),
        ]
    )
    func stopped(_ row: StoppedRow) {
        for (policy, phase) in zip(Self.policies, row.phases) {
            var machine = Row("", [row.container], .running).machine(policy)
            machine.ending = .deleting(grace: .seconds(30), since: Tick(nanoseconds: 0))
            #expect(machine.phase(isStatic: row.isStatic) == phase, "\(policy.rawValue)")
        }
    }
}

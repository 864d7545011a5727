import Testing

@testable import PodCore

/// Reference §5.1 to §5.3 in simulated time.
@Suite struct ProbeMachineTests {
    /// Asks at each time that is due and answers at once; what it concluded, and when.
    private static func conclusions(
        _ kind: ProbeKind,
        _ schedule: ProbeSchedule,
        from conclusion: Bool?,
        _ answers: [ProbeOutcome]
    ) -> [String] {
        var machine = ProbeMachine(kind, schedule, first: Tick(nanoseconds: 0), conclusion: conclusion)
        var told: [String] = []
        for answer in answers {
            guard let due = machine.dueAt, machine.begin(at: due) else { break }
            guard case .wait(_, let conclusion) = machine.take(answer, of: "c") else { continue }
            if let conclusion { told.append("\(due.nanoseconds / 1_000_000_000):\(conclusion)") }
        }
        return told
    }

    private static let yes = ProbeOutcome.success
    private static let no = ProbeOutcome.failure("no")

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var kind = ProbeKind.readiness
        var schedule = ProbeSchedule(period: .seconds(1))
        var before: Bool? = false
        var answers: [ProbeOutcome]
        var told: [String]
    }

    @Test(
        "Conclusions follow from answers in a row",
        arguments: [
            Row(
                testDescription: "5.3.3: one success makes ready",
                answers: [yes, yes],
                told: ["0:true"]
            ),
            Row(
                testDescription: "5.3.9: a ready container stays ready for two failures",
                before: true,
                answers: [no, no, yes, no, no, no, no],
                told: ["5:false"]
            ),
            Row(
                testDescription: "5.3.3: a different answer begins to count anew",
                schedule: ProbeSchedule(period: .seconds(1), successThreshold: 3),
                answers: [yes, yes, no, yes, yes, yes],
                told: ["5:true"]
            ),
            Row(
                testDescription: "5.3.6: a liveness probe says no once",
                kind: .liveness,
                schedule: ProbeSchedule(period: .seconds(2), failureThreshold: 2),
                before: true,
                answers: [no, no, no, no],
                told: ["2:false"]
            ),
            Row(
                testDescription: "5.3.1: liveness begins as a yes, which is no news",
                kind: .liveness,
                before: true,
                answers: [yes, yes],
                told: []
            ),
            Row(
                testDescription: "5.3.1: startup begins as neither",
                kind: .startup,
                before: nil,
                answers: [no, no, yes],
                told: ["2:true"]
            ),
            Row(
                testDescription: "5.3.6: a container that does not start in time is given up",
                kind: .startup,
                before: nil,
                answers: [no, no, no],
                told: ["2:false"]
            ),
            Row(
                testDescription: "5.4 HTTP 7: a warning is a yes",
                answers: [.warning("w")],
                told: ["0:true"]
            ),
        ]
    )
    func conclusions(row: Row) {
        #expect(Self.conclusions(row.kind, row.schedule, from: row.before, row.answers) == row.told)
    }

    @Test("5.3.5: a question that cannot be asked is put three times, then counts as nothing")
    func proberErrors() {
        var machine = ProbeMachine(.liveness, ProbeSchedule(), first: Tick(nanoseconds: 0), conclusion: true)
        let now = Tick(nanoseconds: 5)
        let isDue = machine.begin(at: now)
        let verdicts = (0..<3).map { _ in machine.take(.error("e"), of: "c") }
        #expect(isDue)
        let record = PodRecord(
            .warning,
            "Unhealthy",
            "Liveness probe errored and resulted in unknown state: e",
            container: "c"
        )
        #expect(verdicts == [.again, .again, .wait(record, conclusion: nil)])
        #expect(machine.dueAt == Tick(nanoseconds: 10_000_000_000))
    }

    @Test(
        "5.5: events have the kubelet's words",
        arguments: [
            (
                ProbeKind.readiness, ProbeOutcome.failure("HTTP probe failed with statuscode: 503"),
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503"
            ),
            (.startup, .failure("x"), "Unhealthy", "Startup probe failed: x"),
            (.liveness, .warning("x"), "ProbeWarning", "Liveness probe warning: x"),
        ]
    )
    func words(kind: ProbeKind, outcome: ProbeOutcome, reason: String, message: String) {
        var machine = ProbeMachine(kind, ProbeSchedule(), first: Tick(nanoseconds: 0), conclusion: nil)
        _ = machine.begin(at: Tick(nanoseconds: 0))
        guard case .wait(let record, _) = machine.take(outcome, of: "c") else {
            Issue.record("asked again")
            return
        }
        #expect(record == PodRecord(.warning, reason, message, container: "c"))
    }

    @Test("An answer longer than an event may be is cut")
    func longAnswers() {
        var machine = ProbeMachine(.liveness, ProbeSchedule(), first: Tick(nanoseconds: 0), conclusion: true)
        _ = machine.begin(at: Tick(nanoseconds: 0))
        let outcome = ProbeOutcome.failure(String(repeating: "é", count: 5_000))
        guard case .wait(let record?, _) = machine.take(outcome, of: "c") else {
            Issue.record("no event")
            return
        }
        #expect((1_000...1_024).contains(record.message.utf8.count))
    }

    @Test(
        "5.2.2: times are fixed, of those that were missed one is made up for, and answers do not put them off",
        arguments: [
            // Begun at, then due at: in seconds.
            (0.0, 1.0), (0.4, 1.0), (1.0, 2.0), (2.5, 3.0), (3.0, 4.0), (3.2, 4.0),
        ]
    )
    func pace(begun: Double, next: Double) {
        func tick(_ seconds: Double) -> Tick { Tick(nanoseconds: Int64((seconds * 1e9).rounded())) }
        var machine = ProbeMachine(
            .liveness,
            ProbeSchedule(period: .seconds(1)),
            first: tick(0),
            conclusion: true
        )
        let claims = [machine.begin(at: tick(begun)), machine.begin(at: tick(begun + 5))]
        #expect(claims == [true, false] && machine.dueAt == nil)
        let verdict = machine.take(.success, of: "c")
        #expect(verdict == .wait(nil, conclusion: nil))
        #expect(machine.dueAt == tick(next))
    }
}

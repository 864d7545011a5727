import Glibc
import PodCore
import Testing

@testable import PodAgent

/// What the manager hears, and when, of a node that the test makes up.
@Suite(.blocking)
struct ServiceReportTests {
    private let receiver: NotifyReceiver
    private let census = PodCensus()
    private let a = PodKey(namespace: "default", name: "a")
    private let b = PodKey(namespace: "default", name: "b")

    init() throws {
        receiver = try NotifyReceiver("@podagent-test-\(getpid())-\(UInt64.random(in: 0 ... .max))")
    }

    private func report(patience: Duration = .seconds(60)) async throws -> ServiceReport {
        let environment = ServiceEnvironment(["NOTIFY_SOCKET": receiver.name], processID: getpid())
        let manager = try #require(await ServiceManager(environment))
        return await ServiceReport(manager: manager, census: census, patience: patience)
    }

    @Test(
        "Ready is told when the last Pod of the earlier agent is whole or gone, not when it is merely shown"
    )
    func waits() async throws {
        let report = try await report()
        await census.expect([a, b])
        await census.show(.running, of: a, isWhole: false)
        await report.begin()
        #expect(receiver.next()?.lines == ["STATUS=waiting for podshim of 2 Pods"])
        await census.show(.running, of: b, isWhole: false)
        await census.show(.running, of: a, isWhole: true)
        #expect(receiver.next(within: 0.5) == nil)
        await census.remove(b)
        #expect(receiver.next()?.lines == ["READY=1", "STATUS=1 Pod: 1 running"])
    }

    @Test("A shim that never answers and cannot be given up delays that for a time, not for ever")
    func patience() async throws {
        let report = try await report(patience: .milliseconds(300))
        await census.expect([a])
        await report.begin()
        #expect(receiver.next()?.lines == ["STATUS=waiting for podshim of 1 Pod"])
        #expect(receiver.next()?.lines == ["READY=1", "STATUS=no Pods"])
        await census.show(.failed, of: a, isWhole: true)
        #expect(receiver.next()?.lines == ["STATUS=1 Pod: 1 failed"])
        #expect(receiver.next(within: 0.5) == nil, "ready is told once")
    }

    @Test("Status is told when it changes, and not again when it has changed back meanwhile")
    func changes() async throws {
        let report = try await report()
        await report.begin()
        #expect(receiver.next()?.lines == ["READY=1", "STATUS=no Pods"])
        await census.show([.pending, .running], of: a)
        #expect(receiver.next()?.lines == ["STATUS=1 Pod: 1 running"])
        await census.show([.failed, .running], of: a)
        #expect(receiver.next(within: 1) == nil)
    }

    @Test("A reload is told from its beginning to its end, but not while the agent starts or ends")
    func reloads() async throws {
        let report = try await report()
        await census.expect([a])
        await report.begin()
        await report.reloadBegins()
        await report.reloadEnds()
        #expect(receiver.next()?.lines == ["STATUS=waiting for podshim of 1 Pod"])
        #expect(receiver.next(within: 0.5) == nil)
        await census.show(.running, of: a, isWhole: true)
        #expect(receiver.next()?.lines == ["READY=1", "STATUS=1 Pod: 1 running"])
        await report.reloadBegins()
        #expect(receiver.next()?.lines.first == "RELOADING=1")
        // What changes meanwhile comes with the end.
        await census.show(.failed, of: a, isWhole: true)
        await report.reloadEnds()
        #expect(receiver.next()?.lines == ["READY=1", "STATUS=1 Pod: 1 failed"])
        await report.end()
        #expect(receiver.next()?.lines == ["STOPPING=1"])
        await report.reloadBegins()
        await report.reloadEnds()
        await census.remove(a)
        #expect(receiver.next(within: 0.5) == nil)
    }
}

extension PodCensus {
    /// One after the other within one turn of the actor: no timer fires in between, however busy the machine is.
    fileprivate func show(_ phases: [PodPhase], of pod: PodKey) {
        for phase in phases { show(phase, of: pod, isWhole: true) }
    }
}

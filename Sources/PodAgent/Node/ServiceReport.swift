import Dispatch
import PodCore

/// What the service manager hears of the agent's life:
///
///     starting ──▶ serving ◀──▶ reloading
///         └───────────┴─────────────┴──▶ ending
///
/// READY=1 is told when the socket answers and every Pod of the earlier agent has been taken up, or its shim given up:
/// who asks then, gets a whole answer. STATUS= says how many Pods there are.
@NodeActor
final class ServiceReport {
    private enum State {
        case starting, serving, reloading, ending
    }

    /// A shim that neither answers nor can be given up must not keep the unit from being started: systemd would end the
    /// agent at the end of its TimeoutStartSec=, 90 s, and start it again, for ever. Longer than ``PodMachine`` takes to
    /// give a shim up.
    static let patience = Duration.seconds(60)
    /// The least time between two lines of status. Pods come and go in crowds, and PID 1 has other work.
    static let statusInterval = Duration.milliseconds(250)

    private let manager: ServiceManager?
    private let census: PodCensus
    private let patience: Duration
    private var state = State.starting
    private var toldStatus = ""
    private var statusIsDue = false

    init(manager: ServiceManager?, census: PodCensus, patience: Duration = patience) {
        self.patience = patience
        self.manager = manager
        self.census = census
    }

    /// The socket answers, and the node has begun to take up what it found.
    func begin() {
        let awaited = census.awaited.count
        if awaited > 0 {
            manager?.tell(.status("waiting for podshim of \(awaited) \(awaited == 1 ? "Pod" : "Pods")"))
        }
        census.whenSettled { [weak self] in self?.ready() }
        after(patience) { $0.stopWaiting() }
    }

    /// The configuration is about to be read again.
    func reloadBegins() {
        guard state == .serving else { return }
        state = .reloading
        manager?.tell(.reloadingNow)
    }

    /// The configuration has been read, or refused.
    func reloadEnds() {
        guard state == .reloading else { return }
        serve()
    }

    /// The agent is about to end.
    func end() {
        state = .ending
        manager?.tell(.stopping)
    }

    private func ready() {
        guard state == .starting else { return }
        census.onChange = { [weak self] in self?.countsChanged() }
        serve()
    }

    private func serve() {
        state = .serving
        toldStatus = census.counts.summary
        manager?.tell(.ready, .status(toldStatus))
    }

    private func stopWaiting() {
        guard state == .starting else { return }
        let names = census.awaited.sorted().map(\.description).joined(separator: ", ")
        Log.warning(
            "no answer from podshim within \(patience.goText), so ready without these Pods: \(names)"
        )
        ready()
    }

    private func countsChanged() {
        guard manager != nil, !statusIsDue else { return }
        statusIsDue = true
        after(Self.statusInterval) { $0.tellStatus() }
    }

    private func tellStatus() {
        statusIsDue = false
        let status = census.counts.summary
        guard state == .serving, status != toldStatus else { return }
        toldStatus = status
        manager?.tell(.status(status))
    }

    private func after(_ delay: Duration, _ body: @escaping @NodeActor @Sendable (ServiceReport) -> Void) {
        NodeActor.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(delay.wholeNanoseconds))) {
            [weak self] in
            guard let self else { return }
            NodeActor.assumeIsolated { body(self) }
        }
    }
}

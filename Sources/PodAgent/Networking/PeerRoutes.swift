import Dispatch
import Glibc
import PodCore

/// Keeps the kernel's routes to the Pods of other nodes, and the VXLAN link if that is how they are reached, as the
/// configuration has them.
///
/// Nothing is looked at on a schedule. The kernel tells of links and routes (rtnetlink(7)); what may concern a peer begins
/// a pass, which looks at everything and does what is missing, on a queue of its own.
@NodeActor
final class PeerRoutes {
    /// At most one pass is under way, and between two there is a rest: when many things change at once, or somebody else
    /// undoes what we do each time, the agent does not do nothing else.
    private enum Work {
        case idle
        case underWay(again: Bool)
        case resting(again: Bool)
        case ended
    }

    private static let rest = DispatchTimeInterval.milliseconds(100)

    private let network: NodeNetwork
    private let report: PeerReport
    private let vxlan: VXLANParameters
    private let tunnelName: String
    private let socket: RouteSocket
    private let queue = DispatchQueue(label: "podagent.peers")
    private var plan: PeerPlan
    private var work = Work.idle
    private var news: RouteNews?
    private var underlay: Set<Int32> = []

    /// Brings the kernel to what the map wants, as far as it can be done now. The rest is told and waited for: this node's
    /// own Pods run in any case.
    init(map: PeerMap, vxlan: VXLANParameters, network: NodeNetwork, events: EventStore) throws {
        self.network = network
        self.vxlan = vxlan
        report = PeerReport(events: events)
        tunnelName = Tunnel.name(besideBridge: network.bridgeName)
        plan = PeerPlan(map, vxlan: vxlan)
        do throws(SystemFailure) {
            socket = try RouteSocket()
            // Before the first look, so that nothing that happens after it is missed.
            try listen()
        } catch {
            throw CommandFailure("cannot make routes to other nodes: \(error)")
        }
        // At the start the order matters more than a moment of the queue: Pods are to get the right size of packets.
        do throws(SystemFailure) { take(try pass(plan).run()) } catch { report.failed(error) }
    }

    /// The configuration has another map, of the same backend and the same networks of this node.
    func setMap(_ map: PeerMap) throws(SystemFailure) {
        plan = PeerPlan(map, vxlan: vxlan)
        report.planChanged()
        try listen()
        look()
    }

    /// The agent ends. What has been made stays, unless there is no Pod that could be using it.
    func stop(isUnused: Bool) {
        news = nil
        work = .ended
        guard isUnused else { return }
        let last = pass(PeerPlan(PeerMap(alone: network.subnets)))
        // After a pass that is under way, which would make again what is removed here. The agent does nothing else any more.
        queue.sync { _ = try? last.run() }
    }

    private func pass(_ plan: PeerPlan) -> PeerPass {
        PeerPass(plan: plan, tunnelName: tunnelName, socket: socket)
    }

    // MARK: News

    private func listen() throws(SystemFailure) {
        guard !plan.routes.isEmpty else { return news = nil }
        guard news == nil else { return }
        news = try RouteNews { [weak self] in self?.receive($0) }
    }

    /// Nil when some news were lost.
    private func receive(_ news: [NetlinkNews]?) {
        // What a pass that is under way has not seen cannot be judged by what is known from the one before.
        if case .underWay = work { return look() }
        let concerned = news.map { news in
            news.contains {
                plan.isConcerned(
                    by: $0,
                    tunnelName: tunnelName,
                    underlay: underlay,
                    isWaiting: report.isWaiting
                )
            }
        }
        if concerned ?? true { look() }
    }

    // MARK: Passes

    /// Has everything looked at, now or as soon as may be.
    private func look() {
        switch work {
        case .idle: begin()
        case .underWay: work = .underWay(again: true)
        case .resting: work = .resting(again: true)
        case .ended: break
        }
    }

    private func begin() {
        work = .underWay(again: false)
        let pass = pass(plan)
        queue.async {
            let result = Result { () throws(SystemFailure) in try pass.run() }
            NodeActor.queue.async {
                NodeActor.assumeIsolated { self.finish(result) }
            }
        }
    }

    private func finish(_ result: Result<PeerPass.Outcome, SystemFailure>) {
        guard case .underWay(let again) = work else { return }
        switch result {
        case .success(let outcome): take(outcome)
        case .failure(let failure): report.failed(failure)
        }
        work = .resting(again: again)
        NodeActor.queue.asyncAfter(deadline: .now() + Self.rest) { [weak self] in
            NodeActor.assumeIsolated { self?.endRest() }
        }
    }

    private func endRest() {
        guard case .resting(let again) = work else { return }
        work = .idle
        if again { look() }
    }

    private func take(_ outcome: PeerPass.Outcome) {
        underlay = outcome.underlay
        if let mtu = outcome.podMTU { network.podMTU = mtu }
        report.take(outcome, of: plan)
    }
}

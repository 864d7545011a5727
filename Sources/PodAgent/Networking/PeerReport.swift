import Glibc
import PodCore

/// Tells people how the peers are reached: once when something changes, and not again while it stays so. What happens to
/// many networks at once, as when a cable is pulled, is told as one.
@NodeActor
final class PeerReport {
    private let events: EventStore
    /// Peers' networks that are not reached.
    private var waiting: Set<Subnet> = []
    /// Networks that have had their route, so that making it again means that somebody has removed it.
    private var established: Set<Subnet> = []
    private var hasTunnel = false
    private var tunnelFails = false
    private var passFails = false

    init(events: EventStore) { self.events = events }

    /// Whether something is missing that may come.
    var isWaiting: Bool { !waiting.isEmpty || tunnelFails || passFails }

    /// Other routes are wanted from here on. What is made next is nobody's doing.
    func planChanged() {
        established = []
        waiting = []
    }

    /// The kernel would not even tell what it has.
    func failed(_ failure: SystemFailure) {
        if !passFails { warn("PeersUnwatched", "the routes to other nodes cannot be looked at: \(failure)") }
        passFails = true
    }

    /// A pass over what is wanted by `plan` has ended.
    func take(_ outcome: PeerPass.Outcome, of plan: PeerPlan) {
        passFails = false
        takeTunnel(outcome, plan)
        tellMade(outcome)
        tellFailures(outcome)
        let failed = Set(outcome.failures.map(\.route.destination))
        let wanted = Set(plan.routes.map(\.destination))
        waiting = failed
        established = outcome.tunnelFailure == nil ? wanted.subtracting(failed) : []
        for route in outcome.removed {
            Log.notice("removed the route to \(route.destination), which no peer has")
        }
        for failure in outcome.leftovers { warn("PeerRouteLeftOver", "\(failure)") }
    }

    private func takeTunnel(_ outcome: PeerPass.Outcome, _ plan: PeerPlan) {
        if let failure = outcome.tunnelFailure {
            if !tunnelFails { warn("TunnelLost", "the Pods of other nodes cannot be reached: \(failure)") }
            tunnelFails = true
            return
        }
        if outcome.madeTunnel, hasTunnel {
            warn(
                "TunnelRestored",
                "the VXLAN link to other nodes had been removed; made again, with its routes"
            )
            established = []
        }
        tunnelFails = false
        hasTunnel = plan.tunnel != nil
    }

    // MARK: Routes

    private func tellMade(_ outcome: PeerPass.Outcome) {
        let again = outcome.made.filter { waiting.contains($0.destination) }
        let restored = outcome.made.filter { established.contains($0.destination) }
        let new = outcome.made.filter { !again.contains($0) && !restored.contains($0) }
        if !new.isEmpty { Log.notice("there are routes to \(Self.names(new))") }
        if !again.isEmpty { Log.notice("there are routes again to \(Self.names(again))") }
        if !restored.isEmpty {
            warn(
                "PeerRouteRestored",
                "routes had been removed and are made again: to \(Self.names(restored))"
            )
        }
    }

    private func tellFailures(_ outcome: PeerPass.Outcome) {
        let new = outcome.failures.filter { !waiting.contains($0.route.destination) }
        for (code, failures) in Dictionary(grouping: new, by: \.failure.errno).sorted(by: { $0.key < $1.key })
        {
            let routes = failures.map(\.route)
            warn("PeerUnreachable", "no route to \(Self.names(routes)): \(Self.reason(code))")
        }
    }

    /// A line has room for so many.
    private static let namesMax = 4

    private static func names(_ routes: [PeerPlan.Route]) -> String {
        let names = routes.prefix(namesMax).map { "\($0.destination) of \($0.peer) by \($0.gateway)" }
        let more = routes.count > namesMax ? " and \(routes.count - namesMax) more" : ""
        return names.joined(separator: ", ") + more
    }

    private static func reason(_ code: Int32) -> String {
        switch code {
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN:
            "this node is not on the same network (\(errnoText(code))). It is tried again when links or routes change; "
                + "nodes that are to be further apart need --backend vxlan, on all of them"
        case EEXIST: "there is one that is not podagent's; remove it"
        case EINVAL:
            "the kernel refuses the next hop (\(errnoText(code))), as it does with an address of this node itself; correct "
                + "the entry in peers"
        default: errnoText(code)
        }
    }

    private func warn(_ reason: String, _ message: String) {
        events.recordNode(PodRecord(.warning, reason, message))
    }
}

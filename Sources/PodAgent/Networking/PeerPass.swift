import Glibc
import PodCore

/// One pass over what the kernel has for the peers: looks, works out what is missing, does it. Blocks for as long as the
/// kernel's lock on links and routes is held by somebody else, so it runs away from the node's queue.
struct PeerPass {
    /// What has come of it.
    struct Outcome: Sendable {
        /// Routes that were not there, and are.
        var made: [PeerPlan.Route] = []
        /// Routes of nobody any more.
        var removed: [NetlinkRoute] = []
        /// Routes that cannot be made, with the reason.
        var failures: [(route: PeerPlan.Route, failure: SystemFailure)] = []
        /// Why routes of nobody are still there.
        var leftovers: [SystemFailure] = []
        /// Whether the tunnel's link was not there, and is.
        var madeTunnel = false
        /// Why there is no tunnel.
        var tunnelFailure: TunnelFailure?
        /// By which links the peers are reached.
        var underlay: Set<Int32> = []
        /// The largest packet of a Pod; nil when it is not known which way packets go.
        var podMTU: UInt32?
    }

    /// Why there is no tunnel.
    enum TunnelFailure: Error, CustomStringConvertible {
        case taken(String)
        case system(SystemFailure)

        var description: String {
            switch self {
            case .taken(let name):
                "there is a network link \(name) that is not podagent's; remove it, or choose another name by --bridge"
            case .system(let failure) where failure.errno == EOPNOTSUPP:
                "this kernel has no VXLAN (\(failure)); load its module vxlan, or set --backend host-gw on all nodes"
            case .system(let failure) where failure.errno == EEXIST || failure.errno == EADDRINUSE:
                "\(failure): another link has the same VXLAN number and port; set --vxlan-vni or --vxlan-port, "
                    + "on all nodes"
            case .system(let failure): "\(failure)"
            }
        }
    }

    let plan: PeerPlan
    let tunnelName: String
    let socket: RouteSocket

    /// Throws when the kernel does not even tell what it has.
    func run() throws(SystemFailure) -> Outcome {
        var outcome = Outcome()
        let outgoing = try outgoingLinks()
        outcome.underlay = Set(outgoing.values)
        let underlayMTU = try smallestMTU(of: outcome.underlay)
        outcome.podMTU = underlayMTU.map(plan.podMTU)
        var tunnel: Int32?
        do throws(TunnelFailure) {
            tunnel = try bringTunnel(underlayMTU, &outcome)
        } catch {
            outcome.tunnelFailure = error
        }
        let routes =
            try socket.routes(.listRoutes(family: .v4(0))) + socket.routes(.listRoutes(family: .v6(0)))
        for change in plan.changes(from: routes, tunnel: tunnel, outgoing: outgoing) {
            carryOut(change, tunnel, &outcome)
        }
        return outcome
    }

    /// The link by which each peer is reached; a peer that is not is left out, and so is this node itself.
    private func outgoingLinks() throws(SystemFailure) -> [IPAddress: Int32] {
        var links: [IPAddress: Int32] = [:]
        for remote in plan.remotes {
            do throws(SystemFailure) {
                let route = try socket.routes(.findRoute(to: remote)).first
                if let link = route?.outgoing, link != Self.loopback { links[remote] = link }
            } catch  where [ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL].contains(error.errno) {
                continue  // the kernel's words for: there is no way, or none that may be used
            }
        }
        return links
    }

    /// The index of `lo`, the same in every network namespace (`LOOPBACK_IFINDEX`).
    private static let loopback: Int32 = 1

    private func smallestMTU(of links: Set<Int32>) throws(SystemFailure) -> UInt32? {
        var smallest: UInt32?
        for index in links {
            guard let link = try socket.link(.findLink(index: index)), link.mtu > 0 else { continue }
            smallest = min(smallest ?? link.mtu, link.mtu)
        }
        return smallest
    }

    // MARK: The tunnel

    /// The index of the tunnel's link, up and with all that it has to know; nil when none is wanted.
    private func bringTunnel(_ underlayMTU: UInt32?, _ outcome: inout Outcome) throws(TunnelFailure) -> Int32?
    {
        let link: NetlinkLink?
        do throws(SystemFailure) { link = try socket.link(.findLink(tunnelName)) } catch {
            throw .system(error)
        }
        // While no peer is reached, a link that is there stays as it is.
        let mtu = underlayMTU.map(plan.podMTU) ?? link?.mtu ?? plan.podMTU(onLinkOf: 1500)
        let change = plan.tunnelChange(from: link, mtu: mtu)
        if change == .refuse { throw .taken(tunnelName) }
        do throws(SystemFailure) {
            try carryOut(change, mtu, &outcome)
            guard plan.tunnel != nil, let index = try socket.link(.findLink(tunnelName))?.index else {
                return nil
            }
            try bringNeighbours(index)
            return index
        } catch {
            throw .system(error)
        }
    }

    private func carryOut(
        _ change: PeerPlan.TunnelChange,
        _ mtu: UInt32,
        _ outcome: inout Outcome
    ) throws(SystemFailure) {
        switch change {
        case .none, .refuse: break
        case .remove(let index): try socket.order(.deleteLink(index: index))
        case .adjust(let index): try socket.order(.adjust(link: index, mtu: mtu))
        case .make(let old):
            if let old { try socket.order(.deleteLink(index: old)) }
            try makeTunnel(mtu)
            outcome.madeTunnel = true
        }
    }

    private func makeTunnel(_ mtu: UInt32) throws(SystemFailure) {
        guard let tunnel = plan.tunnel else { return }
        try socket.order(.addTunnel(tunnel, name: tunnelName, mtu: mtu))
        guard let index = try socket.link(.findLink(tunnelName))?.index else { return }
        do throws(SystemFailure) {
            try socket.order(.adjust(link: index, mtu: mtu))
        } catch {
            // Its port is taken. One that is down would be in the way of whoever looks for the reason.
            try? socket.order(.deleteLink(index: index))
            throw error
        }
    }

    private func bringNeighbours(_ link: Int32) throws(SystemFailure) {
        var found = try socket.neighbours(.listNeighbours(of: link, family: nil))
        for family in [IPAddress.v4(0), .v6(0)] {
            found += try socket.neighbours(.listNeighbours(of: link, family: family))
        }
        let changes = plan.neighbourChanges(from: found, link: link)
        for neighbour in changes.remove {
            do throws(SystemFailure) {
                try socket.order(.deleteNeighbour(neighbour))
            } catch  where error.errno == ENOENT {
                continue  // somebody was faster
            }
        }
        for neighbour in changes.add { try socket.order(.addNeighbour(neighbour)) }
    }

    // MARK: Routes

    private func carryOut(_ change: PeerPlan.Change, _ tunnel: Int32?, _ outcome: inout Outcome) {
        switch change {
        case .make(let route): make(route, tunnel, replaces: false, &outcome)
        case .replace(let route): make(route, tunnel, replaces: true, &outcome)
        case .remove(let route):
            do throws(SystemFailure) {
                try socket.order(.deleteRoute(route))
                outcome.removed.append(route)
            } catch  where error.errno == ESRCH {
                // It has gone by itself.
            } catch {
                outcome.leftovers.append(error)
            }
        }
    }

    private func make(
        _ route: PeerPlan.Route,
        _ tunnel: Int32?,
        replaces: Bool,
        _ outcome: inout Outcome
    ) {
        // Without the tunnel there is one failure, and it is told once.
        if route.isTunnelled, tunnel == nil { return }
        do throws(SystemFailure) {
            try socket.order(.peerRoute(route, tunnel: tunnel, replaces: replaces))
            outcome.made.append(route)
        } catch {
            outcome.failures.append((route, error))
        }
    }
}

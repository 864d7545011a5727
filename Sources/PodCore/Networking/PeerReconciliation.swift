/// What has to be done so that the kernel has what the plan wants, from what it has.
extension PeerPlan {
    /// One thing to do.
    public enum Change: Hashable, Sendable {
        /// There is no such route.
        case make(Route)
        /// Ours leads elsewhere.
        case replace(Route)
        /// Ours is for nobody any more.
        case remove(NetlinkRoute)
    }

    /// What to do about routes, removals first.
    ///
    /// - Parameters:
    ///   - found: the routes that the kernel has; those that are not ours do not count.
    ///   - tunnel: the index of the tunnel's link, if there is one.
    ///   - outgoing: by which link each of ``remotes`` is reached, as far as it is.
    public func changes(
        from found: [NetlinkRoute],
        tunnel: Int32?,
        outgoing: [IPAddress: Int32]
    ) -> [Change] {
        var ours: [Subnet: [NetlinkRoute]] = [:]
        for route in found where isOurs(route) { ours[route.destination, default: []].append(route) }
        var wanted: [Change] = []
        for route in routes {
            let there = ours.removeValue(forKey: route.destination) ?? []
            let link = route.isTunnelled ? tunnel : outgoing[route.gateway]
            if there.contains(where: { route.matches($0, by: link) }) { continue }
            wanted.append(there.isEmpty ? .make(route) : .replace(route))
        }
        let stale = ours.values.flatMap(\.self).sorted { $0.destination.address < $1.destination.address }
        return stale.map(Change.remove) + wanted
    }

    /// Whether the kernel has a route from us, for the networks of this node's Pods.
    public func isOurs(_ route: NetlinkRoute) -> Bool {
        route.protocolNumber == NetlinkRoute.ourProtocol && route.table == NetlinkRoute.mainTable
            && route.source.map(gateways.contains) == true
    }

    /// What is to be done about the tunnel's link.
    public enum TunnelChange: Hashable, Sendable {
        /// It is as wanted, or nothing is wanted and nothing is there.
        case none
        /// It has to be made, after the one of this index has been removed.
        case make(removing: Int32?)
        /// It is ours, but not wanted any more.
        case remove(Int32)
        /// It is ours, but down or with packets of another size.
        case adjust(Int32)
        /// The name is taken by a link that is not ours.
        case refuse
    }

    /// - Parameters:
    ///   - link: what has the tunnel's name.
    ///   - mtu: the size of packets that it is to have.
    public func tunnelChange(from link: NetlinkLink?, mtu: UInt32) -> TunnelChange {
        guard let link else { return tunnel == nil ? .none : .make(removing: nil) }
        let isOurs = hardwareEnd.map { Tunnel.isOurs(link, end: $0) } ?? false
        guard let tunnel else { return isOurs ? .remove(link.index) : .none }
        guard isOurs else { return .refuse }
        guard tunnel.matches(link) else { return .make(removing: link.index) }
        return link.isUp && link.mtu == mtu ? .none : .adjust(link.index)
    }

    /// What the tunnel's link is to know of the peers, and of whom it knows for nothing.
    ///
    /// - Parameters:
    ///   - found: permanent entries of the kernel's, of any link.
    ///   - link: the index of the tunnel's link.
    public func neighbourChanges(
        from found: [NetlinkNeighbour],
        link: Int32
    ) -> (add: [NetlinkNeighbour], remove: [NetlinkNeighbour]) {
        let found = found.filter { $0.link == link }
        var wanted: [NetlinkNeighbour] = []
        for peer in tunnelPeers {
            for (address, isForwarding) in peer.gateways.map({ ($0, false) }) + [(peer.remote, true)] {
                wanted.append(
                    NetlinkNeighbour(
                        link: link,
                        isForwarding: isForwarding,
                        address: address,
                        hardware: peer.hardware
                    )
                )
            }
        }
        let (known, needed) = (Set(found), Set(wanted))
        // One that is replaced in place must not be removed afterwards, hence removals come first at the caller's too.
        return (wanted.filter { !known.contains($0) }, found.filter { !needed.contains($0) })
    }

    /// Whether the news may mean that something is to be done.
    ///
    /// - Parameters:
    ///   - tunnelName: what the tunnel's link is called.
    ///   - underlay: the indexes of the links by which the peers are reached.
    ///   - isWaiting: whether some peer cannot be reached, so that any new way may be one to it.
    public func isConcerned(
        by news: NetlinkNews,
        tunnelName: String,
        underlay: Set<Int32>,
        isWaiting: Bool
    ) -> Bool {
        switch news {
        case .link(let link), .linkGone(let link):
            isWaiting || link.name == tunnelName || underlay.contains(link.index)
        case .route(let route), .routeGone(let route):
            // The kernel takes the source off an IPv6 route when the address goes, so that the protocol has to do.
            route.table == NetlinkRoute.mainTable
                && (isWaiting || route.protocolNumber == NetlinkRoute.ourProtocol
                    || routes.contains { $0.destination == route.destination }
                    || remotes.contains { route.destination.contains($0) })
        case .neighbour, .failure, .other: false
        }
    }
}

extension PeerPlan.Route {
    /// Whether the kernel's route is this one and works. By which link a route goes whose next hop is not reached now
    /// stays as it is.
    fileprivate func matches(_ route: NetlinkRoute, by link: Int32?) -> Bool {
        route.gateway == gateway && route.source == source && !route.isDead
            && (link == nil && !isTunnelled || route.outgoing == link)
    }
}

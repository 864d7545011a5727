import CNamespaces
import Glibc
import PodCore

/// The node's side of the Pods' network: the bridge, and which Pod has which address on it.
///
/// A Pod's own end of its link is made by its pause process, see ``PodLink``; it goes with the Pod's network namespace,
/// and the node's end with it, whatever becomes of podagent. What else a Pod has here is the claim of its addresses, and
/// its place in the node's firewall.
@NodeActor
final class NodeNetwork {
    let firewall: NodeFirewall
    private let bridge: (name: String, index: Int32)
    private let linkGroup: UInt32
    private var pools: [AddressPool]
    private var watch: FirewallWatch?
    private var settingPeers: Task<Void, Never>?
    /// Bytes of the largest packet of a Pod whose link is made from here on.
    var podMTU: UInt32 = 1500

    /// The Pods' networks.
    var subnets: [Subnet] { pools.map(\.subnet) }
    /// The bridge that connects them.
    var bridgeName: String { bridge.name }

    /// Makes the bridge, or takes the one that an earlier podagent made. Fails with one line that says what to do.
    /// - Parameter peers: the networks of other nodes' Pods, to which Pods speak as themselves.
    /// - Parameter tunnelPort: the UDP port of the nodes' VXLAN network, if they have one.
    init(subnets: [Subnet], bridge name: String, peers: [Subnet], tunnelPort: UInt16?) throws {
        var pools: [AddressPool] = []
        for subnet in subnets {
            guard let pool = AddressPool(subnet) else {
                throw CommandFailure("\(subnet) has no room for Pods; choose a larger network by --pod-cidr")
            }
            pools.append(pool)
        }
        self.pools = pools
        let table = FirewallTable(bridge: name, subnets: subnets, peers: peers, tunnelPort: tunnelPort)
        linkGroup = table.linkGroup
        firewall = try NodeFirewall(table)
        try Self.checkRoutes(subnets, bridge: name)
        let socket = try Self.socket()
        let (index, isNew) = try Self.makeBridge(name, pools.map(\.gateway), socket)
        bridge = (name, index)
        do {
            try Self.furnish(name, index, pools, socket)
        } catch {
            if isNew { try? Self.send(.deleteLink(index: index), socket) }
            throw error
        }
    }

    private static func furnish(
        _ name: String,
        _ index: Int32,
        _ pools: [AddressPool],
        _ socket: SharedDescriptor
    ) throws {
        try quieten(name)
        do throws(SystemFailure) {
            try send(.harden(bridge: name), socket)
        } catch {
            throw CommandFailure("cannot set options of the bridge \(name): \(errnoText(error.errno))")
        }
        for pool in pools {
            let (gateway, length) = (pool.gateway, pool.subnet.prefixLength)
            try makeOnce(.addAddress(gateway, prefixLength: length, link: index), socket)
        }
    }

    /// Makes the node's rules, with what is known of the Pods of an earlier podagent, and keeps them. If that fails and
    /// none of them has an address, nothing is left of the network.
    func begin(events: EventStore, hasPods: Bool) throws {
        do {
            try firewall.make()
            for subnet in pools.map(\.subnet) {
                guard let changed = try Forwarding.enable(forFamilyOf: subnet.address) else { continue }
                Log.notice("\(changed) is on from now on, for Pods to reach the world beyond the node")
            }
            watch = try FirewallWatch(firewall, events: events)
        } catch {
            if !hasPods { removeBridge() }
            throw error
        }
    }

    /// The networks of other nodes' Pods are others from now on.
    func setPeers(_ peers: [Subnet]) {
        let (firewall, before) = (firewall, settingPeers)
        settingPeers = Task {
            // One after the other, so that the last word is the newest.
            await before?.value
            do {
                try await Worker.attempt { try firewall.setPeers(peers) }
            } catch {
                Log.error("Pods of new peers see those of this node under its own address: \(error)")
                watch?.makeAgain()
            }
        }
    }

    /// Two networks of one range cannot both be reached.
    private static func checkRoutes(_ subnets: [Subnet], bridge: String) throws {
        let routes =
            KernelRoute.parse4(readText("/proc/net/route"))
            + KernelRoute.parse6(readText("/proc/net/ipv6_route"))
        for subnet in subnets {
            guard let route = routes.first(where: { $0.link != bridge && $0.clashes(with: subnet) }) else {
                continue
            }
            throw CommandFailure(
                "the node has a route to \(route.destination) by \(route.link), which \(subnet) overlaps: choose another "
                    + "network by --pod-cidr"
            )
        }
    }

    private static func readText(_ path: String) -> String {
        // A kernel without IPv6 does not have the one for that.
        let raw = open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return "" }
        let text = try? readRegularFile(Descriptor(adopting: raw), subject: path, limit: .max)
        return String(decoding: text ?? [], as: UTF8.self)
    }

    /// The index of the bridge, and whether it was not there before.
    private static func makeBridge(
        _ name: String,
        _ gateways: [IPAddress],
        _ socket: SharedDescriptor
    ) throws -> (index: Int32, isNew: Bool) {
        // By which a bridge of ours can be told.
        let hardware = gateways.first.map { PodLink.hardwareAddress($0) } ?? []
        let isNew = try makeOnce(.addBridge(name, address: hardware), socket)
        guard try isNew || hardwareAddress(name) == hardware else {
            throw CommandFailure(
                "there is a network link \(name) that is not podagent's bridge for this --pod-cidr; remove it, or choose "
                    + "another name by --bridge"
            )
        }
        let index = if_nametoindex(name)
        guard index > 0 else { throw SystemFailure.current("if_nametoindex", name) }
        return (Int32(bitPattern: index), isNew)
    }

    /// Nobody else can have an address on the bridge, and there is no router. Without this the node could not ask for
    /// Pods' hardware addresses in the second in which it looks for others that have its own (RFC 4862 §5.4).
    private static func quieten(_ bridge: String) throws {
        for name in ["accept_dad", "accept_ra"] {
            do throws(SystemFailure) {
                try KernelSetting("net/ipv6/conf/\(bridge)/\(name)").set("0")
            } catch {
                // A kernel without IPv6.
                if error.errno != ENOENT { throw error }
            }
        }
    }

    /// False when it is there already.
    @discardableResult
    private static func makeOnce(_ message: NetlinkMessage, _ socket: SharedDescriptor) throws -> Bool {
        do throws(SystemFailure) {
            try send(message, socket)
            return true
        } catch {
            if error.errno == EEXIST { return false }
            throw CommandFailure("cannot \(message.summary) for Pods: \(errnoText(error.errno))")
        }
    }

    /// The link that the Pod is to have, with the addresses that it has or is given now.
    func link(for pod: Pod) throws(AddressPool.Failure) -> PodLink {
        var addresses: [PodLink.Address] = []
        for index in pools.indices {
            let address = try pools[index].claim(for: pod.metadata.uid)
            addresses.append(PodLink.Address(address, in: pools[index].subnet, by: pools[index].gateway))
        }
        return link(for: pod, addresses)
    }

    private func link(for pod: Pod, _ addresses: [PodLink.Address]) -> PodLink {
        PodLink(
            name: Self.linkName(pod),
            bridge: bridge.index,
            group: linkGroup,
            addresses: addresses,
            mtu: podMTU
        )
    }

    /// The addresses of a Pod, claimed for it if it has none yet; empty when there are none left.
    func addresses(for pod: Pod) -> [String] {
        (try? link(for: pod).addresses.map { "\($0.address)" }) ?? []
    }

    /// Remembers what a Pod of an earlier podagent has. That includes its place in the firewall: its record may be older than
    /// the sandbox that will be found, and a link without a place may not send at all.
    func reclaim(_ addresses: [String], for pod: Pod) {
        for address in addresses.compactMap({ IPAddress($0) }) {
            guard let index = pools.firstIndex(where: { $0.subnet.contains(address) }) else { continue }
            do throws(AddressPool.Failure) {
                try pools[index].reclaim(address, for: pod.metadata.uid)
            } catch {
                Log.warning("the address \(address) of Pod \(pod.metadata.name) cannot be kept: \(error)")
            }
        }
        let known = pools.compactMap { pool in
            pool.address(of: pod.metadata.uid).map { PodLink.Address($0, in: pool.subnet, by: pool.gateway) }
        }
        do {
            let elements = try link(for: pod, known).firewallElements(pod.spec.hostPorts)
            try firewall.set(elements, for: pod.metadata.uid)
        } catch {
            Log.warning("Pod \(pod.metadata.name): \(error)")
        }
    }

    /// Nothing of the Pod's sandbox is left: takes its link and its place in the firewall; blocks. The kernel would take
    /// the link too, but in its own time, and a new sandbox's has the same name.
    nonisolated func removeSandbox(of pod: Pod) throws {
        let socket = try Self.socket()
        do throws(SystemFailure) {
            try Self.send(.deleteLink(name: Self.linkName(pod)), socket)
        } catch {
            if error.errno != ENODEV { throw error }
        }
        CrashPoint.afterLinkRemoved.pass(pod.metadata.uid)
        try firewall.set([], for: pod.metadata.uid)
    }

    /// Nothing of the Pod is left.
    func release(_ pod: Pod) {
        for index in pools.indices { pools[index].release(pod.metadata.uid) }
    }

    /// The agent ends, and there is no Pod that could be using the bridge.
    func removeBridge() {
        watch?.stop()
        try? firewall.takeDown()
        guard let socket = try? Self.socket() else { return }
        try? Self.send(.deleteLink(index: bridge.index), socket)
    }

    /// The node's end of a Pod's link: 15 bytes at most, and the same for every sandbox of the Pod.
    nonisolated static func linkName(_ pod: Pod) -> String {
        "pod" + FNV1a64.hexadecimal(pod.metadata.uid, bits: 48)
    }

    /// A socket for the node's end of a link. One for each asker: the kernel's answers on it are for who asked.
    nonisolated static func socket() throws(SystemFailure) -> SharedDescriptor {
        SharedDescriptor(Descriptor(adopting: try check("socket", "netlink") { cns_netlink_open() }))
    }

    private nonisolated static func send(_ message: NetlinkMessage, _ socket: SharedDescriptor)
        throws(SystemFailure)
    {
        let bytes = message.bytes
        try check("netlink", message.summary) { cns_netlink(socket.raw, bytes, bytes.count) }
    }

    /// Of a link of that name, six bytes.
    private static func hardwareAddress(_ name: String) throws(SystemFailure) -> [UInt8] {
        var address = [UInt8](repeating: 0, count: 6)
        try check("ioctl SIOCGIFHWADDR", name) { cns_hardware_address(name, &address) }
        return address
    }
}

import CNamespaces
import Glibc
import PodCore

/// The node's side of the Pods' network: the bridge, and which Pod has which address on it.
///
/// A Pod's own end of its link is made by its pause process, see ``PodLink``; it goes with the Pod's network namespace,
/// and the node's end with it, so that nothing of a Pod can be left here but the claim of its addresses.
@NodeActor
final class NodeNetwork {
    private let bridge: (name: String, index: Int32)
    private var pools: [AddressPool]

    /// Makes the bridge, or takes the one that an earlier podagent made. Fails with one line that says what to do.
    init(subnets: [Subnet], bridge name: String) throws {
        var pools: [AddressPool] = []
        for subnet in subnets {
            guard let pool = AddressPool(subnet) else {
                throw CommandFailure("\(subnet) has no room for Pods; choose a larger network by --pod-cidr")
            }
            pools.append(pool)
        }
        self.pools = pools
        let socket = try Self.socket()
        bridge = (name, try Self.makeBridge(name, pools.map(\.gateway), socket))
        for pool in pools {
            let (gateway, length) = (pool.gateway, pool.subnet.prefixLength)
            try Self.makeOnce(.addAddress(gateway, prefixLength: length, link: bridge.index), socket)
        }
    }

    /// The index of the bridge.
    private static func makeBridge(
        _ name: String,
        _ gateways: [IPAddress],
        _ socket: SharedDescriptor
    ) throws -> Int32 {
        // By which a bridge of ours can be told.
        let hardware = gateways.first.map { PodLink.hardwareAddress($0) } ?? []
        let isNew = try makeOnce(.addBridge(name, address: hardware), socket)
        guard try isNew || hardwareAddress(name) == hardware else {
            throw CommandFailure(
                "there is a network link \(name) that is not podagent's bridge for this --pod-cidr; remove it, or choose "
                    + "another name by --bridge"
            )
        }
        return Int32(bitPattern: if_nametoindex(name))
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
        return PodLink(name: Self.linkName(pod), bridge: bridge.index, addresses: addresses)
    }

    /// The addresses of a Pod, claimed for it if it has none yet; empty when there are none left.
    func addresses(for pod: Pod) -> [String] {
        (try? link(for: pod).addresses.map { "\($0.address)" }) ?? []
    }

    /// Remembers what a Pod of an earlier podagent has.
    func reclaim(_ addresses: [String], for pod: Pod) {
        for address in addresses.compactMap({ IPAddress($0) }) {
            guard let index = pools.firstIndex(where: { $0.subnet.contains(address) }) else { continue }
            do throws(AddressPool.Failure) {
                try pools[index].reclaim(address, for: pod.metadata.uid)
            } catch {
                Log.warning("the address \(address) of Pod \(pod.metadata.name) cannot be kept: \(error)")
            }
        }
    }

    /// Nothing of the Pod is left.
    func release(_ pod: Pod) {
        for index in pools.indices { pools[index].release(pod.metadata.uid) }
    }

    /// The agent ends, and there is no Pod that could be using the bridge.
    func removeBridge() {
        guard let socket = try? Self.socket() else { return }
        try? Self.send(.deleteLink(index: bridge.index), socket)
    }

    /// The node's end of a Pod's link: 15 bytes at most, and the same for every sandbox of the Pod.
    private static func linkName(_ pod: Pod) -> String {
        "pod" + FNV1a64.hexadecimal(pod.metadata.uid, bits: 48)
    }

    /// A socket for the node's end of a link. One for each asker: the kernel's answers on it are for who asked.
    static func socket() throws(SystemFailure) -> SharedDescriptor {
        SharedDescriptor(Descriptor(adopting: try check("socket", "netlink") { cns_netlink_open() }))
    }

    private static func send(_ message: NetlinkMessage, _ socket: SharedDescriptor) throws(SystemFailure) {
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

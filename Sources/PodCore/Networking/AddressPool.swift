/// The addresses of one network, each given to at most one owner. Pure: what is given is remembered by whoever asks, in
/// the owner's own record, and claimed again after a restart.
///
/// The first host address is the gateway's. An address that was given back is the last to be given again: somebody may
/// still have it in a cache, or a connection to it open.
public struct AddressPool: Sendable {
    /// The network.
    public let subnet: Subnet
    /// What the node itself has in it.
    public let gateway: IPAddress
    private var owners: [IPAddress: String] = [:]
    private var addresses: [String: IPAddress] = [:]
    /// Where the search begins.
    private var next: UInt64 = 1
    /// Given back, the oldest first; not given again while there is one that never was.
    private var returned: [IPAddress] = []

    /// Why there is no address.
    public enum Failure: Error, Equatable, CustomStringConvertible {
        case exhausted(Subnet)
        case taken(IPAddress, by: String)
        case outside(IPAddress, Subnet)

        /// One sentence that says what to do.
        public var description: String {
            switch self {
            case .exhausted(let subnet):
                "no address is left in \(subnet): remove Pods, or give the node a larger --pod-cidr"
            case .taken(let address, let owner): "\(address) belongs to Pod \(owner)"
            case .outside(let address, let subnet): "\(address) is no host's address in \(subnet)"
            }
        }
    }

    /// A pool with all of its addresses free. Nil when the network has no room for the gateway and one Pod.
    public init?(_ subnet: Subnet) {
        guard subnet.hostCount >= 2 else { return nil }
        self.subnet = subnet
        gateway = subnet.host(0)
    }

    /// How many addresses are given.
    public var count: Int { owners.count }

    /// The address that `owner` has.
    public func address(of owner: String) -> IPAddress? { addresses[owner] }

    /// The address of `owner`: the one that it has, or a new one.
    public mutating func claim(for owner: String) throws(Failure) -> IPAddress {
        if let known = addresses[owner] { return known }
        guard let address = unused() else { throw .exhausted(subnet) }
        give(address, to: owner)
        return address
    }

    /// Gives `owner` the address that it is known to have had.
    public mutating func reclaim(_ address: IPAddress, for owner: String) throws(Failure) {
        guard let index = subnet.index(of: address), index > 0 else { throw .outside(address, subnet) }
        if let other = owners[address], other != owner { throw .taken(address, by: other) }
        release(owner)
        give(address, to: owner)
        // What comes after it is more likely to be unused.
        next = max(next, index + 1)
    }

    /// Takes back what `owner` has, if it has one.
    public mutating func release(_ owner: String) {
        guard let address = addresses.removeValue(forKey: owner) else { return }
        owners[address] = nil
        returned.append(address)
    }

    private mutating func give(_ address: IPAddress, to owner: String) {
        owners[address] = owner
        addresses[owner] = address
        returned.removeAll { $0 == address }
    }

    /// One that was never given, else the one that was given back first.
    private mutating func unused() -> IPAddress? {
        while next < subnet.hostCount {
            let address = subnet.host(next)
            next += 1
            if owners[address] == nil, !returned.contains(address) { return address }
        }
        if let oldest = returned.first { return oldest }
        // Skipped by a claim of a later one after a restart.
        return subnet.hostCount > UInt64(owners.count) + 1
            ? (1..<subnet.hostCount).lazy.map(subnet.host).first { owners[$0] == nil } : nil
    }
}

/// A port of the node that leads to a port of a Pod.
public struct HostPort: Hashable, Sendable {
    /// On which of the node's addresses.
    public enum Place: Hashable, Sendable {
        /// On all of them.
        case anywhere
        /// On all of one family: `0.0.0.0`, `::`.
        case family(of: IPAddress)
        /// On this one.
        case address(IPAddress)
    }

    /// TCP, UDP or SCTP.
    public var transport: PortProtocol
    /// On which of the node's addresses.
    public var place: Place
    /// The node's port.
    public var port: UInt16
    /// The Pod's port.
    public var containerPort: UInt16

    /// What a container asks for; nil if it asks for none, or for what ``Validation`` refuses.
    public init?(_ port: ContainerPort) {
        guard let hostPort = UInt16(exactly: port.hostPort), hostPort != 0,
            let containerPort = UInt16(exactly: port.containerPort), let place = Place(port.hostIP)
        else { return nil }
        (transport, self.place, self.port, self.containerPort) = (
            port.protocol, place, hostPort, containerPort
        )
    }

    /// Whether both cannot be had by one Pod: they are the same, or both are for more than one address and overlap.
    func isInTheWay(of other: HostPort) -> Bool {
        guard conflicts(with: other) else { return false }
        switch (place, other.place) {
        case (.address, .address): return true
        case (.address, _), (_, .address): return false
        default: return true
        }
    }

    /// Whether traffic to one address and port of the node would be for both.
    public func conflicts(with other: HostPort) -> Bool {
        transport == other.transport && port == other.port && place.overlaps(other.place)
    }
}

extension HostPort.Place {
    /// As `hostIP` has it: nothing at all, or an address; nil for anything else.
    public init?(_ hostIP: String) {
        if hostIP.isEmpty {
            self = .anywhere
            return
        }
        guard let address = IPAddress(hostIP) else { return nil }
        self = address.bits == 0 ? .family(of: address) : .address(address)
    }

    /// Whether something can come of it: `::1` is a node's too, but the kernel lets nothing out that comes from there.
    var isOfNode: Bool {
        switch self {
        case .anywhere, .family: true
        case .address(.v4(let bits)): bits >> 24 == 127 || IPAddress.v4(bits).isNodeAddress
        case .address(let address): address.isNodeAddress
        }
    }

    /// Whether there is an address that belongs to both.
    public func overlaps(_ other: Self) -> Bool {
        switch (self, other) {
        case (.anywhere, _), (_, .anywhere): true
        case (.address(let own), .address(let other)): own == other
        case (.family(let own), .family(let other)), (.family(let own), .address(let other)),
            (.address(let own), .family(let other)):
            own.width == other.width
        }
    }
}

extension PodSpec {
    /// Those ports of the node that lead to this Pod. The kubelet forwards none for init containers (reference §7.1);
    /// with `hostNetwork` these are the ports that the containers bind themselves.
    public var hostPorts: [HostPort] { containers.flatMap { $0.ports.compactMap(HostPort.init) } }
}

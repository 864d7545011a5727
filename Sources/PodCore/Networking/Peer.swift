/// Another node, as the configuration describes it: which networks its Pods have, and where the node itself is reached.
///
/// Written as `10.88.2.0/24 via 192.0.2.2`, with a comma between the networks, and between the addresses, of the two
/// families: `10.88.2.0/24,fd00:88:2::/64 via 192.0.2.2,2001:db8::2`.
public struct Peer: Hashable, Sendable {
    /// The node's name, in lower case.
    public let name: String
    /// The networks of its Pods, one of a family at most, IPv4 first.
    public let subnets: [Subnet]
    /// The node's own addresses, one of a family at most, IPv4 first.
    public let addresses: [IPAddress]

    /// Why a text is no peer.
    public enum Failure: Error, Equatable, CustomStringConvertible {
        case name(String)
        case form(String)
        case subnet(Subnet.Failure)
        case tooSmall(Subnet)
        case address(String)
        case familyTwice(String)
        case nodeTwice(String)

        /// One sentence.
        public var description: String {
            switch self {
            case .name(let text): "\(text.quoted) is no name of a node, such as node-2"
            case .form(let text): "\(text.quoted) must be like 10.88.2.0/24 via 192.0.2.2"
            case .subnet(let failure): "\(failure)"
            case .tooSmall(let subnet): "\(subnet) has no room for Pods"
            case .address(let text): "\(text.quoted) is no address that a node can be reached by"
            case .familyTwice(let text):
                "\(text.quoted) has two of one family; there can be one of IPv4 and one of IPv6"
            case .nodeTwice(let name): "the node \(name) stands there twice"
            }
        }
    }

    /// Reads the entry of a node.
    public init(name: String, parsing text: some StringProtocol) throws(Failure) {
        let name = name.lowercased()
        guard NameRules.subdomain(name).isEmpty else { throw .name(name) }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard let via = words.firstIndex(of: "via") else { throw .form(String(text)) }
        let (before, after) = (words[..<via].joined(), words[(via + 1)...].joined())
        guard !before.isEmpty, !after.isEmpty else { throw .form(String(text)) }
        self.name = name
        subnets = try Self.subnets(before)
        addresses = try Self.addresses(after)
    }

    private static func subnets(_ text: String) throws(Failure) -> [Subnet] {
        var subnets: [Subnet] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            do throws(Subnet.Failure) {
                subnets.append(try Subnet(parsing: String(part)))
            } catch {
                throw .subnet(error)
            }
        }
        if let small = subnets.first(where: { AddressPool($0) == nil || !$0.canBeForPods }) {
            throw .tooSmall(small)
        }
        guard Set(subnets.map(\.address.width)).count == subnets.count else { throw .familyTwice(text) }
        return subnets.sorted { $0.address < $1.address }
    }

    private static func addresses(_ text: String) throws(Failure) -> [IPAddress] {
        var addresses: [IPAddress] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let address = IPAddress(part), address.isNodeAddress else { throw .address(String(part)) }
            addresses.append(address)
        }
        guard Set(addresses.map(\.width)).count == addresses.count else { throw .familyTwice(text) }
        return addresses.sorted()
    }

    /// Reads `NAME=ENTRY;NAME=ENTRY`, as a flag has all of them. White space around a part does not count.
    public static func list(parsing text: String) throws(Failure) -> [Peer] {
        var peers: [Peer] = []
        for part in text.split(separator: ";") where !part.allSatisfy(\.isWhitespace) {
            guard let equals = part.firstIndex(of: "=") else { throw .form(String(part)) }
            let name = part[..<equals].split(whereSeparator: \.isWhitespace).joined(separator: " ")
            let peer = try Peer(name: name, parsing: part[part.index(after: equals)...])
            if peers.contains(where: { $0.name == peer.name }) { throw .nodeTwice(peer.name) }
            peers.append(peer)
        }
        return peers
    }
}

extension IPAddress {
    /// Whether it can be the address by which a node is reached from others: not unspecified, loopback, multicast,
    /// broadcast, nor IPv6 link-local, which means something only together with an interface.
    var isNodeAddress: Bool {
        switch self {
        case .v4(let bits): bits >> 24 != 0 && bits >> 24 != 127 && bits >> 28 < 0xe
        case .v6: bits >> 32 > 0xffff && bits >> 120 != 0xff && bits >> 118 != 0x3fa
        }
    }
}

/// What the last plugin of a chain has said of a Pod's attachment, as far as podagent looks into it. The whole of it is
/// for the plugins, which get it again as `prevResult`.
public struct CNIResult: Sendable, Equatable {
    /// As it was said.
    public let document: Document
    /// The addresses of the Pod's link: at least one, at most one of each family as `podIPs` has it, IPv4 first.
    public let addresses: [IPAddress]

    /// Why an answer is no result.
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// The form of versions before 0.3.0.
        case oldForm
        case malformed(String)
        case noAddress(interface: String)

        /// Half a sentence.
        public var description: String {
            switch self {
            case .oldForm: "its result has the form of versions before 0.3.0"
            case .malformed(let what): "its result is malformed: \(what)"
            case .noAddress(let interface): "its result has no address for \(interface) of the Pod"
            }
        }
    }

    /// Reads a result of 0.3.0 to 1.1.0; in those before 1.0.0 addresses have a `version` beside them, which says nothing
    /// that the address does not.
    ///
    /// - Parameter interface: the link inside the Pod whose addresses count. An address that names no interface is its.
    public init(_ document: Document, interface: String) throws(Failure) {
        if document["ip4"] != nil || document["ip6"] != nil { throw .oldForm }
        self.document = document
        var found: [IPAddress] = []
        for (index, entry) in try Self.list("ips", in: document).enumerated() {
            let text = entry["address"]?.string ?? ""
            guard let address = IPAddress(text.prefix { $0 != "/" }) else {
                throw .malformed("ips[\(index)].address is no address")
            }
            guard try Self.isOf(interface, entry, in: document) else { continue }
            if !found.contains(where: { $0.width == address.width }) { found.append(address) }
        }
        if found.isEmpty { throw .noAddress(interface: interface) }
        addresses = found.sorted()
    }

    /// An interface without a sandbox is the node's.
    private static func isOf(
        _ interface: String,
        _ entry: Document,
        in document: Document
    ) throws(Failure) -> Bool {
        guard let place = entry["interface"], !place.isNull else { return true }
        let interfaces = try list("interfaces", in: document)
        guard let index = place.integer, let known = interfaces[checked: index] else {
            throw .malformed("an address is of interface \(place.json()), of \(interfaces.count)")
        }
        return known["name"]?.string == interface && known["sandbox"]?.string?.isEmpty == false
    }

    private static func list(_ key: String, in document: Document) throws(Failure) -> [Document] {
        switch document[key]?.value {
        case nil, .null?: return []
        case .list(let items)?: return items
        default: throw .malformed("\(key) is \(document[key]?.kindDescription ?? ""), not a list")
        }
    }
}

extension [Document] {
    fileprivate subscript(checked index: Int64) -> Document? {
        index >= 0 && index < Int64(count) ? self[Int(index)] : nil
    }
}

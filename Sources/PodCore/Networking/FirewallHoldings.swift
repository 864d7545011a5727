/// Which Pod has which elements of the firewall's sets and maps. Of two Pods that want the same key the later one has it.
public struct FirewallHoldings: Sendable {
    private var held: [String: [FirewallElement]] = [:]
    private var owners: [FirewallElement.Slot: String] = [:]
    private var onLoopback: Set<String> = []

    /// Nobody has anything.
    public init() {}

    /// Every element that somebody has.
    public var all: some Sequence<FirewallElement> { held.values.joined() }

    /// Whether some Pod has a port that the node's own programs reach by 127.0.0.1.
    public var isReachedFromLoopback: Bool { !onLoopback.isEmpty }

    /// From now on a Pod has these, and no others. Returns what has to be taken away for that, from whomever, and what is new.
    public mutating func give(
        _ elements: [FirewallElement],
        to uid: String
    ) -> (gone: Set<FirewallElement>, new: Set<FirewallElement>) {
        let known = Set(held[uid] ?? [])
        var gone = known.subtracting(elements)
        let new = Set(elements).subtracting(known)
        for element in gone { forget(element) }
        for slot in new.flatMap(\.slots) {
            guard let other = owners[slot], other != uid else { continue }
            let lost = (held[other] ?? []).filter { $0.slots.contains(slot) }
            gone.formUnion(lost)
            for element in lost { forget(element) }
            replace(held[other]?.filter { !lost.contains($0) } ?? [], of: other)
        }
        for slot in new.flatMap(\.slots) { owners[slot] = uid }
        replace(elements, of: uid)
        return (gone, new)
    }

    private mutating func forget(_ element: FirewallElement) {
        for slot in element.slots { owners[slot] = nil }
    }

    private mutating func replace(_ elements: [FirewallElement], of uid: String) {
        held[uid] = elements.isEmpty ? nil : elements
        if elements.contains(where: \.isReachedFromLoopback) {
            onLoopback.insert(uid)
        } else {
            onLoopback.remove(uid)
        }
    }
}

extension FirewallElement {
    fileprivate var isReachedFromLoopback: Bool {
        guard case .forward(_, let place, _, .v4, _) = self else { return false }
        return place.map { $0.bytes[0] == 127 } ?? true
    }
}

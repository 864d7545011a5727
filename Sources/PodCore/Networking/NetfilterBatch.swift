/// Changes of the elements in the node's own table, as one transaction of nfnetlink: all of them, or none.
///
/// Written out here rather than asked of nft(8), which takes some milliseconds for each Pod, and more with each thousand
/// of elements. The table itself, which is made once, is nft's: see ``FirewallTable``.
///
/// Source: linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
public struct NetfilterBatch: Hashable, Sendable {
    /// Add, or take away.
    public enum Change: UInt16, Sendable {
        /// `NFT_MSG_NEWSETELEM`. What is there already stays, unless it has another value.
        case add = 12
        /// `NFT_MSG_DELSETELEM`. Fails with `ENOENT` for what is not there.
        case remove = 14
    }

    /// The messages, one behind the other.
    public private(set) var bytes: [UInt8] = []
    /// The sequence number of the message whose acknowledgement says that all is done; the first one's is 0, and
    /// the kernel answers that one when it cannot carry the transaction out as a whole.
    public let lastSequence: UInt32

    private static let begin: UInt16 = 16  // NFNL_MSG_BATCH_BEGIN
    private static let end: UInt16 = 17  // NFNL_MSG_BATCH_END
    private static let subsystem: UInt16 = 10  // NFNL_SUBSYS_NFTABLES
    private static let request: UInt16 = 1
    private static let acknowledge: UInt16 = 4
    private static let create: UInt16 = 0x400

    /// - Parameters:
    ///   - elements: at least one.
    ///   - table: the table's name in either family.
    public init(_ change: Change, _ elements: [FirewallElement], table: String) {
        let places = elements.flatMap { element in element.containers.map { (element, $0) } }
        lastSequence = UInt32(places.count)
        message(Self.begin, 0, flags: Self.request, family: 0, resource: Self.subsystem) { _ in }
        for (index, (element, container)) in places.enumerated() {
            let sequence = UInt32(index + 1)
            let acknowledge = sequence == lastSequence ? Self.acknowledge : 0
            let create = change == .add ? Self.create : 0
            let kind = Self.subsystem << 8 | change.rawValue
            let flags = Self.request | create | acknowledge
            message(kind, sequence, flags: flags, family: container.family.rawValue, resource: 0) { batch in
                batch.attribute(1, Array(table.utf8) + [0])  // NFTA_SET_ELEM_LIST_TABLE
                batch.attribute(2, Array(container.name.utf8) + [0])  // NFTA_SET_ELEM_LIST_SET
                batch.nested(3) { batch in  // NFTA_SET_ELEM_LIST_ELEMENTS
                    batch.nested(1) { batch in  // NFTA_LIST_ELEM
                        batch.nested(1) { $0.attribute(1, element.key) }  // NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE
                        guard change == .add, let value = element.value else { return }
                        batch.nested(2) { $0.attribute(1, value) }  // NFTA_SET_ELEM_DATA
                    }
                }
            }
        }
        message(Self.end, lastSequence + 1, flags: Self.request, family: 0, resource: Self.subsystem) { _ in }
    }

    /// `struct nlmsghdr`, `struct nfgenmsg`, and what is in the message.
    private mutating func message(
        _ kind: UInt16,
        _ sequence: UInt32,
        flags: UInt16,
        family: UInt8,
        resource: UInt16,
        _ content: (inout NetfilterBatch) -> Void
    ) {
        let start = bytes.count
        append(UInt32(0))
        append(kind)
        append(flags)
        append(sequence)
        append(UInt32(0))
        append(family)
        append(UInt8(0))
        append(resource.bigEndian)
        content(&self)
        withUnsafeBytes(of: UInt32(bytes.count - start)) {
            bytes.replaceSubrange(start..<start + 4, with: $0)
        }
    }

    private mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes += $0 }
    }

    private mutating func attribute(_ kind: UInt16, _ content: [UInt8]) {
        append(UInt16(4 + content.count))
        append(kind)
        bytes += content
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    private mutating func nested(_ kind: UInt16, _ content: (inout NetfilterBatch) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(kind | 0x8000)  // NLA_F_NESTED
        content(&self)
        withUnsafeBytes(of: UInt16(bytes.count - start)) {
            bytes.replaceSubrange(start..<start + 2, with: $0)
        }
    }
}

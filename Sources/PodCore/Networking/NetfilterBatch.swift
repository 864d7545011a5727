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
    public let bytes: [UInt8]
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
        var writer = NetlinkWriter()
        writer.message(Self.begin, flags: Self.request, family: 0, resource: Self.subsystem)
        for (index, (element, container)) in places.enumerated() {
            let sequence = UInt32(index + 1)
            let acknowledge = sequence == lastSequence ? Self.acknowledge : 0
            writer.message(
                Self.subsystem << 8 | change.rawValue,
                flags: Self.request | acknowledge | (change == .add ? Self.create : 0),
                sequence: sequence,
                family: container.family.rawValue
            ) { writer in
                writer.attribute(1, table)  // NFTA_SET_ELEM_LIST_TABLE
                writer.attribute(2, container.name)  // NFTA_SET_ELEM_LIST_SET
                writer.nested(3) { writer in  // NFTA_SET_ELEM_LIST_ELEMENTS
                    writer.nested(1) { writer in  // NFTA_LIST_ELEM
                        // NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE
                        writer.nested(1) { $0.attribute(1, element.key) }
                        guard change == .add, let value = element.value else { return }
                        writer.nested(2) { $0.attribute(1, value) }  // NFTA_SET_ELEM_DATA
                    }
                }
            }
        }
        let last = lastSequence + 1
        writer.message(Self.end, flags: Self.request, sequence: last, family: 0, resource: Self.subsystem)
        bytes = writer.bytes
    }
}

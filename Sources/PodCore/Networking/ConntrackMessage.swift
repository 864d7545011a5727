/// What is asked of the kernel's connection tracking, which goes on translating a flow as it was first decided: also when
/// the Pod that it leads to is gone, or when a Pod has come for whom it would have been. A client that keeps sending, as
/// with UDP, would keep it so for ever.
///
/// Source: linux/netfilter/nfnetlink_conntrack.h; that lists can be filtered, Linux 5.8.
public enum ConntrackMessage {
    /// Which flows.
    public enum Selection: Hashable, Sendable {
        /// Those that this address answers, whatever address they were for at first.
        case answered(by: IPAddress)
        /// Those of UDP to this port, of any address of the family.
        case datagrams(toPort: UInt16, familyOf: IPAddress)
    }

    private static let subsystem: UInt16 = 1 << 8  // NFNL_SUBSYS_CTNETLINK
    private static let get = subsystem | 1  // IPCTNL_MSG_CT_GET
    private static let delete = subsystem | 2  // IPCTNL_MSG_CT_DELETE
    private static let found = subsystem  // IPCTNL_MSG_CT_NEW
    private static let original: UInt16 = 1  // CTA_TUPLE_ORIG
    private static let reply: UInt16 = 2  // CTA_TUPLE_REPLY
    private static let identifier: UInt16 = 12  // CTA_ID
    private static let zone: UInt16 = 18  // CTA_ZONE

    /// Asks for a list.
    public static func list(_ selection: Selection) -> [UInt8] {
        var writer = NetlinkWriter()
        // NLM_F_REQUEST, NLM_F_DUMP
        writer.message(get, flags: 1 | 0x300, family: selection.family) { writer in
            switch selection {
            case .answered(let address):
                writer.nested(reply) { writer in
                    // CTA_TUPLE_IP; CTA_IP_V4_SRC, CTA_IP_V6_SRC
                    writer.nested(1) { $0.attribute(address.width == 32 ? 1 : 3, address.bytes) }
                }
                // CTA_FILTER; CTA_FILTER_REPLY_FLAGS, of which the first bit is the source
                writer.nested(25) { $0.attribute(2, UInt32(1)) }
            case .datagrams(let port, _):
                writer.nested(original) { writer in
                    writer.nested(2) { writer in  // CTA_TUPLE_PROTO
                        writer.attribute(1, [PortProtocol.udp.number])  // CTA_PROTO_NUM
                        // CTA_PROTO_DST_PORT
                        writer.attribute(3, [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)])
                    }
                }
                // CTA_FILTER; CTA_FILTER_ORIG_FLAGS: protocol and destination port
                writer.nested(25) { $0.attribute(1, UInt32(1 << 3 | 1 << 5)) }
            }
        }
        return writer.bytes
    }

    /// What a datagram of the kernel's answer brings.
    public struct Part: Hashable, Sendable {
        /// A message to delete each flow that it lists.
        public var deletions: [[UInt8]] = []
        /// Whether the list ends with it.
        public var isLast = false
        /// Why there is no list: an errno, or 0.
        public var errno: Int32 = 0

        /// One that brings nothing.
        public init() {}
    }

    /// Reads one datagram.
    public static func parse(_ datagram: [UInt8]) -> Part {
        var part = Part()
        for message in NetlinkBytes(datagram[...]).messages() {
            switch message.number(at: 4, UInt16.self) {
            case 2:  // NLMSG_ERROR
                part.isLast = true
                part.errno = message.number(at: 16, Int32.self).map { 0 &- $0 } ?? 0
            case 3: part.isLast = true  // NLMSG_DONE
            case found: if let deletion = deletion(of: message) { part.deletions.append(deletion) }
            default: break
            }
        }
        return part
    }

    /// By the flow's own tuple, and by its number, so that one that has taken its place meanwhile stays.
    private static func deletion(of message: NetlinkBytes) -> [UInt8]? {
        guard message.count >= 20, let family = message.byte(at: 16) else { return nil }
        let attributes = message.part(20..<message.count).attributes()
        guard attributes.contains(where: { $0.kind == original }) else { return nil }
        var writer = NetlinkWriter()
        writer.message(delete, flags: 1 | 4, family: family) { writer in  // NLM_F_REQUEST, NLM_F_ACK
            for (kind, content) in attributes {
                switch kind {
                case original: writer.attribute(kind | 0x8000, content.all)
                case identifier, zone: writer.attribute(kind, content.all)
                default: break
                }
            }
        }
        return writer.bytes
    }
}

extension ConntrackMessage.Selection {
    /// `AF_INET`, `AF_INET6`.
    fileprivate var family: UInt8 {
        switch self {
        case .answered(let address), .datagrams(_, let address): address.width == 32 ? 2 : 10
        }
    }
}

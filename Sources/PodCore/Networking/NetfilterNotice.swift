/// What the kernel tells of changes to nftables: one message of the group `NFNLGRP_NFTABLES`.
public struct NetfilterNotice: Hashable, Sendable {
    /// What it is about.
    public enum Subject: Hashable, Sendable {
        /// Something in the table of that name has come or gone, or the table itself.
        case table(String)
        /// The end of a transaction, which the program of that name has made.
        case transaction(by: String)
    }

    /// What it is about.
    public var subject: Subject
    /// The netlink port of who made the change; as a rule its process ID.
    public var port: UInt32

    /// Makes one.
    public init(subject: Subject, port: UInt32) {
        self.subject = subject
        self.port = port
    }

    /// The messages of one datagram. What is cut off or makes no sense is left out.
    public static func parse(_ datagram: [UInt8]) -> [NetfilterNotice] {
        NetlinkBytes(datagram[...]).messages().compactMap(NetfilterNotice.init)
    }

    private init?(_ message: NetlinkBytes) {
        // NFNL_SUBSYS_NFTABLES
        guard message.count >= 20, let kind = message.number(at: 4, UInt16.self), kind >> 8 == 10,
            let port = message.number(at: 12, UInt32.self)
        else { return nil }
        let attributes = message.part(20..<message.count).attributes()
        func text(_ kind: UInt16) -> String? { attributes.first { $0.kind == kind }?.content.text }
        self.port = port
        if kind & 0xff == 15 {  // NFT_MSG_NEWGEN
            guard let program = text(3) else { return nil }  // NFTA_GEN_PROC_NAME
            subject = .transaction(by: program)
        } else {
            // NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE and so on have the same number.
            guard let table = text(1) else { return nil }
            subject = .table(table)
        }
    }
}

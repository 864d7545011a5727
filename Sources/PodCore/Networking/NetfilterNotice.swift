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

    private static let headerSize = 20
    private static let newGeneration: UInt8 = 15  // NFT_MSG_NEWGEN

    /// The messages of one datagram. What is cut off or makes no sense is left out.
    public static func parse(_ datagram: [UInt8]) -> [NetfilterNotice] {
        var notices: [NetfilterNotice] = []
        var rest = datagram[...]
        while let length = rest.number(UInt32.self, at: 0).map({ Int($0) }), length >= headerSize,
            length <= rest.count
        {
            if let notice = NetfilterNotice(rest.prefix(length)) { notices.append(notice) }
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return notices
    }

    /// Makes one.
    public init(subject: Subject, port: UInt32) {
        self.subject = subject
        self.port = port
    }

    private init?(_ message: ArraySlice<UInt8>) {
        // NFNL_SUBSYS_NFTABLES
        guard let kind = message.number(UInt16.self, at: 4), kind >> 8 == 10,
            let port = message.number(UInt32.self, at: 12)
        else { return nil }
        self.port = port
        if UInt8(truncatingIfNeeded: kind) == Self.newGeneration {
            guard let program = Self.text(3, of: message) else { return nil }  // NFTA_GEN_PROC_NAME
            subject = .transaction(by: program)
        } else {
            // NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE and so on have the same number.
            guard let table = Self.text(1, of: message) else { return nil }
            subject = .table(table)
        }
    }

    private static func text(_ attribute: UInt16, of message: ArraySlice<UInt8>) -> String? {
        var rest = message.dropFirst(headerSize)
        while let length = rest.number(UInt16.self, at: 0).map({ Int($0) }), length >= 4, length <= rest.count
        {
            if rest.number(UInt16.self, at: 2).map({ $0 & 0x3fff }) == attribute {
                return String(decoding: rest.prefix(length).dropFirst(4).prefix { $0 != 0 }, as: UTF8.self)
            }
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return nil
    }
}

extension ArraySlice<UInt8> {
    /// A number in the order of this machine, from the slice's start; nil when it ends before.
    fileprivate func number<Number: FixedWidthInteger>(_: Number.Type, at offset: Int) -> Number? {
        let bytes = dropFirst(offset).prefix(MemoryLayout<Number>.size)
        guard bytes.count == MemoryLayout<Number>.size else { return nil }
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
    }
}

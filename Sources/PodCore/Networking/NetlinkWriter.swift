/// Bytes of netlink messages as they are written, in the order of this machine. See netlink(7), and `struct nlattr`.
struct NetlinkWriter: Hashable, Sendable {
    private(set) var bytes: [UInt8] = []

    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes += $0 }
    }

    /// Padded to four bytes.
    mutating func attribute(_ kind: UInt16, _ content: [UInt8]) {
        append(UInt16(4 + content.count))
        append(kind)
        bytes += content
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    mutating func attribute(_ kind: UInt16, _ text: String) { attribute(kind, Array(text.utf8) + [0]) }

    mutating func attribute(_ kind: UInt16, _ number: UInt32) {
        attribute(kind, withUnsafeBytes(of: number) { Array($0) })
    }

    /// Attributes in an attribute, which nfnetlink wants to be marked as such: `NLA_F_NESTED`.
    mutating func nested(_ kind: UInt16, _ content: (inout NetlinkWriter) -> Void) {
        let start = open(kind | 0x8000)
        content(&self)
        close(start)
    }

    /// Begins an attribute whose content follows; returns where.
    mutating func open(_ kind: UInt16) -> Int {
        defer {
            append(UInt16(0))
            append(kind)
        }
        return bytes.count
    }

    /// Ends the attribute that began there.
    mutating func close(_ start: Int) { setLength(at: start, UInt16(bytes.count - start)) }

    /// A message of nfnetlink: `struct nlmsghdr`, `struct nfgenmsg`, and what is in it.
    ///
    /// - Parameter kind: the subsystem in the upper half.
    mutating func message(
        _ kind: UInt16,
        flags: UInt16,
        sequence: UInt32 = 0,
        family: UInt8,
        resource: UInt16 = 0,
        _ content: (inout NetlinkWriter) -> Void = { _ in }
    ) {
        let start = bytes.count
        append(UInt32(0))
        append(kind)
        append(flags)
        append(sequence)
        append(UInt32(0))  // port: the kernel
        append(family)
        append(UInt8(0))  // NFNETLINK_V0
        append(resource.bigEndian)
        content(&self)
        setLength(at: start, UInt32(bytes.count - start))
    }

    mutating func setLength<Number: FixedWidthInteger>(at position: Int, _ length: Number) {
        withUnsafeBytes(of: length) { bytes.replaceSubrange(position..<position + $0.count, with: $0) }
    }
}

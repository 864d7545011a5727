/// Bytes that have come and have not been read.
struct HTTPInput {
    private var bytes: [UInt8] = []
    /// Where the unread bytes begin.
    private var start = 0
    /// How far the unread bytes have been searched for the end of a line.
    private var searched = 0

    var isEmpty: Bool { start == bytes.count }

    mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

    mutating func takeAll() -> [UInt8] { take(atMost: bytes.count - start) }

    mutating func take(atMost count: Int) -> [UInt8] {
        let end = min(bytes.count, start + count)
        let piece = Array(bytes[start..<end])
        advance(to: end)
        return piece
    }

    /// A line without its CR LF, or nil when its end has not come yet.
    ///
    /// A line of more than `max` bytes with its end is refused as soon as that many have come, wherever the pieces
    /// were cut. An LF alone, a CR alone and a NUL are refused.
    mutating func takeLine(atMost max: Int, tooLong: HTTPRefusal) throws(HTTPRefusal) -> [UInt8]? {
        let limit = min(bytes.count, start + max)
        while searched < limit {
            if bytes[searched] == 0x0A { return try takeLine(endingAt: searched) }
            searched += 1
        }
        guard bytes.count - start < max else { throw tooLong }
        return nil
    }

    private mutating func takeLine(endingAt newline: Int) throws(HTTPRefusal) -> [UInt8] {
        guard newline > start, bytes[newline - 1] == 0x0D else { throw .bad("line ends with LF alone") }
        let line = Array(bytes[start..<newline - 1])
        guard !line.contains(0x0D), !line.contains(0) else { throw .bad("CR or NUL within a line") }
        advance(to: newline + 1)
        return line
    }

    /// What is read is let go of when it is the larger part, so that each byte is moved once on average.
    private mutating func advance(to position: Int) {
        start = position
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 65_536)
            start = 0
        } else if start > 65_536, start > bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        searched = start
    }
}

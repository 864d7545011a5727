/// Cuts a stream of bytes that comes in pieces into lines, in bounded memory.
///
/// A line longer than ``lineMax`` is dropped as a whole. What stands after the last newline waits for the next piece.
public struct LineSplitter: Sendable {
    /// The longest line that is passed on. podshim cuts at 16 KiB of content, other writers of this format may cut
    /// later; beyond this it is not a log line.
    public static let lineMax = 262_144

    /// The line that has begun in earlier pieces.
    private var begun: [UInt8] = []
    private var isDropping = false

    /// Bytes that wait for the rest of their line.
    var bytesHeld: Int { begun.count }

    /// Makes one that is at the beginning of a line.
    public init() {}

    /// Forgets a line that has begun: the stream goes on elsewhere.
    public mutating func reset() {
        begun = []
        isDropping = false
    }

    /// Calls `body` with each line that ends in `piece`, without its newline, until `body` answers false.
    public mutating func feed(_ piece: [UInt8], _ body: (ArraySlice<UInt8>) -> Bool) {
        var rest = piece[...]
        while let newline = rest.firstIndex(of: 0x0A) {
            let end = rest[..<newline]
            rest = rest[(newline + 1)...]
            guard takeLine(endingWith: end, body) else { return }
        }
        if begun.count + rest.count > Self.lineMax {
            begun = []
            isDropping = true
        } else if !isDropping {
            begun += rest
        }
    }

    private mutating func takeLine(endingWith end: ArraySlice<UInt8>, _ body: (ArraySlice<UInt8>) -> Bool)
        -> Bool
    {
        defer { reset() }
        if isDropping || begun.count + end.count > Self.lineMax { return true }
        return begun.isEmpty ? body(end) : body(begun[...] + end)
    }
}

/// Finds where the last lines of a log begin, from the end and block by block.
public struct TailSearch: Sendable {
    /// Newlines still to be passed: one for each line, and the one before the first of them.
    private var newlinesLeft: Int64

    /// Looks for the last `lines` lines.
    public init(lines: Int64) { newlinesLeft = lines == .max ? .max : lines + 1 }

    /// Looks through a block that ends where the last one began (or at the end of the newest file).
    ///
    /// - Returns: The index in the block at which the wanted lines begin; nil when they begin in an earlier block.
    public mutating func search(_ block: [UInt8]) -> Int? {
        var index = block.count
        while index > 0 {
            index -= 1
            guard block[index] == 0x0A else { continue }
            newlinesLeft -= 1
            if newlinesLeft == 0 { return index + 1 }
        }
        return nil
    }

    /// Whether the file before, whose last line ends with its last newline, has to be looked through too. False when
    /// the files so far hold just the lines that are wanted.
    public var needsEarlierFile: Bool { newlinesLeft > 1 }
}

/// Aligns columns of text as Go's `text/tabwriter` does, which is what gives kubectl's output its shape.
///
/// A cell is text that a tab ends. Cells that stand in the same column of consecutive lines form a block and get the
/// width of the widest; a line that has no cell in that column ends the block. What follows the last tab of a line
/// belongs to no column.
struct TabWriter {
    private let minimumWidth: Int
    private let padding: Int
    private var lines: [[String]] = []

    /// - Parameters:
    ///   - minimumWidth: the least width of a cell, padding included.
    ///   - padding: blanks after the widest cell of a block.
    init(minimumWidth: Int = 0, padding: Int = 2) {
        self.minimumWidth = minimumWidth
        self.padding = padding
    }

    /// Adds a line of cells; the last one is not padded.
    mutating func line(_ cells: String...) { line(cells) }

    /// Adds a line of cells; the last one is not padded.
    mutating func line(_ cells: [String]) { lines.append(cells.map(Self.harmless)) }

    /// The cell without what would steer the terminal: much of what is printed was written by containers.
    static func harmless(_ cell: String) -> String {
        guard cell.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return cell }
        var text = ""
        for scalar in cell.unicodeScalars {
            switch scalar.value {
            case 0x1B: text += "^["
            case 0..<0x20, 0x7F: text += " "
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The aligned text. Each line ends in a newline.
    var text: String {
        var widths = lines.map { [Int](repeating: 0, count: $0.count) }
        Self.measure(lines, &widths, 0..<lines.count, column: 0) { max(minimumWidth, $0 + padding) }
        var text = ""
        for (line, widths) in zip(lines, widths) {
            for (cell, width) in zip(line.dropLast(), widths) {
                text += cell
                text += String(repeating: " ", count: max(0, width - Self.width(cell)))
            }
            text += line.last ?? ""
            text += "\n"
        }
        return text
    }

    /// Finds the blocks of one column within a range of lines, and within each block those of the next column.
    private static func measure(
        _ lines: [[String]],
        _ widths: inout [[Int]],
        _ range: Range<Int>,
        column: Int,
        _ padded: (Int) -> Int
    ) {
        var start = range.lowerBound
        while start < range.upperBound {
            // The last cell of a line is not one that a tab has ended.
            guard lines[start].count > column + 1 else {
                start += 1
                continue
            }
            var end = start
            var widest = 0
            while end < range.upperBound, lines[end].count > column + 1 {
                widest = max(widest, width(lines[end][column]))
                end += 1
            }
            for index in start..<end { widths[index][column] = padded(widest) }
            measure(lines, &widths, start..<end, column: column + 1, padded)
            start = end
        }
    }

    /// In characters, as terminals count most of them.
    private static func width(_ cell: String) -> Int { cell.unicodeScalars.count }
}

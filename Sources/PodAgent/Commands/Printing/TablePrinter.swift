import PodCore

/// Prints the agent's tables as kubectl does.
struct TablePrinter {
    /// Whether to show the columns that only `-o wide` shows.
    var isWide = false
    /// Whether to show in which namespace each object is.
    var withNamespace = false
    var withHeader = true
    /// Of the first table; those of a watch's later ones come without.
    private var columns: [(name: String, isWide: Bool)] = []
    /// The widest so far of each column, so that the rows of a watch stay under each other.
    private var widths: [Int] = []

    init(isWide: Bool = false, withNamespace: Bool = false, withHeader: Bool = true) {
        self.isWide = isWide
        self.withNamespace = withNamespace
        self.withHeader = withHeader
    }

    /// The rows of these tables as one text; the header goes before the first rows ever printed.
    mutating func text(_ tables: [Document]) -> String {
        let rows = tables.flatMap { Self.list($0["rows"]) }
        if columns.isEmpty {
            columns = Self.list(tables.first?["columnDefinitions"]).map { column in
                (column["name"]?.string ?? "", (column["priority"]?.integer ?? 0) > 0)
            }
        }
        guard !rows.isEmpty else { return "" }
        var lines = rows.map { cells($0) }
        if withHeader {
            let names = columns.filter { isWide || !$0.isWide }.map { $0.name.uppercased() }
            lines.insert(withNamespace ? ["NAMESPACE"] + names : names, at: 0)
            withHeader = false
        }
        for line in lines { widen(line) }
        return lines.map { aligned($0) }.joined()
    }

    private mutating func widen(_ line: [String]) {
        let more = line.map { max(6, $0.unicodeScalars.count + 3) }
        widths += more.dropFirst(widths.count)
        for (index, width) in more.enumerated() { widths[index] = max(widths[index], width) }
    }

    private func aligned(_ line: [String]) -> String {
        let padded = zip(line, widths).dropLast().map { cell, width in
            cell + String(repeating: " ", count: width - cell.unicodeScalars.count)
        }
        return padded.joined() + (line.last ?? "") + "\n"
    }

    private func cells(_ row: Document) -> [String] {
        let cells = zip(columns, Self.list(row["cells"])).filter { isWide || !$0.0.isWide }.map {
            Self.text($0.1)
        }
        guard withNamespace else { return cells }
        return [row["object"]?["metadata"]?["namespace"]?.string ?? ""] + cells
    }

    private static func list(_ document: Document?) -> [Document] {
        if case .list(let items)? = document?.value { items } else { [] }
    }

    /// A cell on one line: of several only the first is shown.
    private static func text(_ cell: Document) -> String { TabWriter.harmless(firstLine(cell)) }

    private static func firstLine(_ cell: Document) -> String {
        guard let text = cell.string else { return cell.isNull ? "" : cell.json() }
        guard let end = text.firstIndex(where: \.isNewline) else { return text }
        return text[..<end] + "..."
    }
}

extension Document {
    /// The document as YAML in block style, as `kubectl get -o yaml` writes it: two spaces per level, the dashes
    /// of a list in the column of its key, and quotes around every string that would otherwise be read as another
    /// type. Ends with a newline. Long lines are not folded.
    public func yaml() -> String {
        var writer = YAMLWriter()
        switch value {
        case .map(let entries) where !entries.isEmpty:
            writer.write(map: entries, indent: 0, firstInPlace: true)
        case .list(let items) where !items.isEmpty: writer.write(list: items, indent: 0, firstInPlace: true)
        default: writer.write(scalar: self, indent: 0)
        }
        return writer.text
    }
}

private struct YAMLWriter {
    var text = ""

    /// Writes a map. The cursor stands where the first key goes when `firstInPlace`, else at a line's start.
    mutating func write(map entries: [Document.Entry], indent: Int, firstInPlace: Bool) {
        for (index, entry) in entries.enumerated() {
            if index > 0 || !firstInPlace { pad(indent) }
            text += YAMLScalar(entry.key).inline
            text += ":"
            switch entry.value.value {
            case .map(let inner) where !inner.isEmpty:
                text += "\n"
                write(map: inner, indent: indent + 2, firstInPlace: false)
            case .list(let items) where !items.isEmpty:
                text += "\n"
                write(list: items, indent: indent, firstInPlace: false)
            default:
                text += " "
                write(scalar: entry.value, indent: indent)
            }
        }
    }

    /// Writes a list. The cursor stands where the first dash goes when `firstInPlace`, else at a line's start.
    mutating func write(list items: [Document], indent: Int, firstInPlace: Bool) {
        for (index, item) in items.enumerated() {
            if index > 0 || !firstInPlace { pad(indent) }
            text += "- "
            switch item.value {
            case .map(let entries) where !entries.isEmpty:
                write(map: entries, indent: indent + 2, firstInPlace: true)
            case .list(let inner) where !inner.isEmpty:
                write(list: inner, indent: indent + 2, firstInPlace: true)
            default:
                write(scalar: item, indent: indent)
            }
        }
    }

    /// Writes what fits behind a key or a dash, and the newline. `indent` is the column of that key or dash.
    mutating func write(scalar document: Document, indent: Int) {
        switch document.value {
        case .null: text += "null\n"
        case .bool(let flag): text += flag ? "true\n" : "false\n"
        case .integer(let number): text += "\(number)\n"
        case .number(let number): text += Self.spelling(of: number) + "\n"
        case .list: text += "[]\n"
        case .map: text += "{}\n"
        case .string(let string):
            let scalar = YAMLScalar(string)
            if scalar.mayBeBlock {
                write(block: string, indent: indent + 2)
            } else {
                text += scalar.inline + "\n"
            }
        }
    }

    /// A literal block (YAML 1.2 section 8.1.2). The chomping indicator keeps the number of newlines at the end:
    /// `-` for none, nothing for one, `+` for more.
    private mutating func write(block string: String, indent: Int) {
        var lines = string.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true {
            lines.removeLast()
            text += lines.last?.isEmpty == true ? "|+\n" : "|\n"
        } else {
            text += "|-\n"
        }
        for line in lines {
            if !line.isEmpty { pad(indent) }
            text += line
            text += "\n"
        }
    }

    private mutating func pad(_ columns: Int) {
        text += String(repeating: " ", count: columns)
    }

    private static func spelling(of number: Double) -> String {
        if number.isNaN { return ".nan" }
        if number.isInfinite { return number < 0 ? "-.inf" : ".inf" }
        return "\(number)"
    }
}

import PodCore

/// Reads a document from the short notation of the tests: JSON whose keys and simple texts need no quotes, with the
/// lines counted. Stops the test run on a slip in the notation.
func relaxed(_ text: String) -> Document {
    var reader = RelaxedReader(text)
    return reader.document()
}

private struct RelaxedReader {
    private var rest: Substring
    private var line = 1

    init(_ text: String) { rest = text[...] }

    mutating func document() -> Document {
        let value = value()
        skipBlanks()
        precondition(rest.isEmpty, "left over: \(rest)")
        return value
    }

    private mutating func skipBlanks() {
        while let character = rest.first, character.isWhitespace {
            if character.isNewline { line += 1 }
            rest.removeFirst()
        }
    }

    private mutating func value() -> Document {
        skipBlanks()
        let start = line
        switch rest.first {
        case "{":
            var entries: [Document.Entry] = []
            members(until: "}") { reader in
                let key = reader.text(until: [":"])
                reader.rest.removeFirst()
                entries.append(.init(key, reader.value()))
            }
            return Document(.map(entries), line: start)
        case "[":
            var items: [Document] = []
            members(until: "]") { items.append($0.value()) }
            return Document(.list(items), line: start)
        case "\"", "'":
            return Document(.string(text(until: [])), line: start)
        default:
            return Document(Self.scalar(text(until: [",", "]", "}", "\n"])), line: start)
        }
    }

    private mutating func members(until end: Character, _ member: (inout RelaxedReader) -> Void) {
        rest.removeFirst()
        skipBlanks()
        while rest.first != end {
            member(&self)
            skipBlanks()
            if rest.first == "," { rest.removeFirst() }
            skipBlanks()
        }
        rest.removeFirst()
    }

    private mutating func text(until ends: Set<Character>) -> String {
        if let quote = rest.first, quote == "\"" || quote == "'" {
            rest.removeFirst()
            let text = rest.prefix { $0 != quote }
            rest.removeFirst(text.count + 1)
            return String(text)
        }
        let text = rest.prefix { !ends.contains($0) }
        rest.removeFirst(text.count)
        return text.trimmed
    }

    private static func scalar(_ text: String) -> Document.Value {
        switch text {
        case "null": .null
        case "true": .bool(true)
        case "false": .bool(false)
        default: Int64(text).map { .integer($0) } ?? Double(text).map { .number($0) } ?? .string(text)
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}

extension Document {
    /// This map with the keys of `change` set; a null takes a key away.
    func changed(_ change: Document) -> Document {
        guard case .map(var entries) = value, case .map(let changes) = change.value else { return change }
        for change in changes {
            entries.removeAll { $0.key == change.key }
            if !change.value.isNull { entries.append(change) }
        }
        return Document(.map(entries), line: line)
    }
}

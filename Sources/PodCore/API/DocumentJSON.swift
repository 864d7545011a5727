extension Document {
    /// The document as JSON (RFC 8259).
    ///
    /// - Parameter indentation: spaces per level, each value on a line of its own as `kubectl -o json` prints it
    ///   with 4; nil for the compact form without any blanks, which is what goes over a socket.
    public func json(indentation: Int? = nil) -> String {
        var writer = JSONWriter(indentation: indentation)
        writer.write(self, depth: 0)
        return writer.text
    }

    /// `text` as a JSON string with its quotes.
    ///
    /// Only what RFC 8259 section 7 demands is escaped: quotation mark, backslash and the control characters.
    public static func jsonString(_ text: String) -> String {
        var writer = JSONWriter(indentation: nil)
        writer.write(string: text)
        return writer.text
    }
}

private struct JSONWriter {
    var text = ""
    let indentation: Int?

    init(indentation: Int?) { self.indentation = indentation }

    mutating func write(_ document: Document, depth: Int) {
        switch document.value {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += String(number)
        // JSON has no infinities; null is what JavaScript's own writer puts in their place.
        case .number(let number): text += number.isFinite ? "\(number)" : "null"
        case .string(let string): write(string: string)
        case .list(let items):
            group("[", "]", items, depth: depth) { writer, item in writer.write(item, depth: depth + 1) }
        case .map(let entries):
            group("{", "}", entries, depth: depth) { writer, entry in
                writer.write(string: entry.key)
                writer.text += writer.indentation == nil ? ":" : ": "
                writer.write(entry.value, depth: depth + 1)
            }
        }
    }

    private mutating func group<Element>(
        _ open: String,
        _ close: String,
        _ elements: [Element],
        depth: Int,
        _ writeElement: (inout JSONWriter, Element) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            breakLine(depth: depth + 1)
            writeElement(&self, element)
        }
        if !elements.isEmpty { breakLine(depth: depth) }
        text += close
    }

    private mutating func breakLine(depth: Int) {
        guard let indentation else { return }
        text += "\n"
        text += String(repeating: " ", count: indentation * depth)
    }

    mutating func write(string: String) {
        text += "\""
        if string.utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }) {
            for scalar in string.unicodeScalars { write(escaping: scalar) }
        } else {
            text += string
        }
        text += "\""
    }

    private mutating func write(escaping scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case "\u{8}": text += "\\b"
        case "\u{C}": text += "\\f"
        default:
            if scalar.value < 0x20 {
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }
}

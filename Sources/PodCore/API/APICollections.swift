extension Optional: APIValue where Wrapped: APIValue {
    /// Reads the value.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Self? {
        if document.isNull { return .some(.none) }
        return Wrapped.decode(document, at: path, report: &report).map { .some($0) }
    }

    /// The value as a document.
    public var document: Document { self?.document ?? Document(.null) }
    /// A pointer in Go: written whenever there is one, even to 0 or false.
    public func encoded() -> Document? { self?.document }
    /// As the value it wraps.
    public static var readsEmptyStringAsUnset: Bool { Wrapped.readsEmptyStringAsUnset }
    /// The empty value.
    public static var zero: Self? { .some(.none) }
    /// What it is called.
    public static var shape: ValueShape { Wrapped.shape }
}

extension Array: APIValue where Element: APIValue {
    /// Reads every element, so that the problems of all are reported; nil if any could not be read.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Self? {
        guard case .list(let items) = document.value else {
            report.wrongType(document, at: path, wanted: "a list")
            return nil
        }
        var elements: [Element] = []
        elements.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            // An element that cannot be read keeps its place, so that the paths of later problems stay right.
            let element = Element.decode(item, at: path[index], report: &report) ?? Element.zero
            if let element { elements.append(element) }
        }
        return elements
    }

    /// The value as a document.
    public var document: Document { Document(.list(map(\.document))) }
    /// The value as a document, unless it is empty.
    public func encoded() -> Document? { isEmpty ? nil : document }
    /// What it is called.
    public static var shape: ValueShape { .list(Element.shape) }
}

extension Dictionary: APIValue where Key == String, Value: APIValue {
    /// Reads the value.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Self? {
        guard case .map(let entries) = document.value else {
            report.wrongType(document, at: path, wanted: "a map")
            return nil
        }
        var result: Self = [:]
        result.reserveCapacity(entries.count)
        for entry in entries {
            if result[entry.key] != nil { report.warnDuplicate(entry, at: path[entry.key]) }
            if entry.value.isNull, let zero = Value.zero {
                result[entry.key] = zero
            } else if let value = Value.decode(entry.value, at: path[entry.key], report: &report) {
                result[entry.key] = value
            }
        }
        return result
    }

    /// The entries in the order of their keys, so that equal maps give equal texts.
    public var document: Document {
        Document(.map(sorted { $0.key < $1.key }.map { Document.Entry($0.key, $0.value.document) }))
    }
    /// The value as a document, unless it is empty.
    public func encoded() -> Document? { isEmpty ? nil : document }
    /// What it is called.
    public static var shape: ValueShape { .map(Value.shape) }
}

extension DecodeReport {
    /// Says that a key occurs again and that the later value counts.
    mutating func warnDuplicate(_ entry: Document.Entry, at path: FieldPath) {
        warnings.append(
            ManifestProblem(
                path: path,
                line: entry.value.line,
                message: "given twice, the last value is used"
            )
        )
    }
}

/// A value that a field of an API object can hold: it can be read from a ``Document`` and written to one.
public protocol APIValue: Sendable, Equatable {
    /// Reads the value. Whatever is wrong goes into the report with its path; nil when nothing could be read.
    static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Self?

    /// The value, also when it is empty.
    var document: Document { get }

    /// The value, or nil when it is empty and is left out of an object: what `omitempty` does in Go.
    func encoded() -> Document?

    /// What `""` means: nil when it is read like any other text, else the value that stands for "not given".
    static var readsEmptyStringAsUnset: Bool { get }

    /// What a null in a map or list stands for, if anything.
    static var zero: Self? { get }

    /// What the value looks like, for tables of all fields.
    static var shape: ValueShape { get }
}

extension APIValue {
    /// The value as a document, unless it is empty.
    public func encoded() -> Document? { document }
    /// As the value it wraps.
    public static var readsEmptyStringAsUnset: Bool { false }
    /// The empty value.
    public static var zero: Self? { nil }
}

/// What a value looks like.
public indirect enum ValueShape: Sendable {
    /// A text, number or boolean; the word is what people call it.
    case scalar(String)
    /// An object with fields of its own.
    case object(ObjectShape)
    /// A list of such values.
    case list(ValueShape)
    /// A map from names to such values.
    case map(ValueShape)
}

extension String: APIValue {
    /// Reads the value.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> String?
    {
        if case .string(let text) = document.value {
            // The kernel's strings end at a NUL, so what stands behind it would be lost without a word. What a node tells
            // of a Pod does not go there, and a container may have put one into its last words.
            if !report.checksSupport || !text.utf8.contains(0) { return text }
            report.refuse(.invalid(path, text, "must not contain a NUL character"), line: document.line)
            return nil
        }
        let hint =
            switch document.value {
            case .bool, .integer, .number: "write it in quotes"
            default: ""
            }
        report.wrongType(document, at: path, wanted: "a string", hint: hint)
        return nil
    }

    /// The value as a document.
    public var document: Document { Document(.string(self)) }
    /// The value as a document, unless it is empty.
    public func encoded() -> Document? { isEmpty ? nil : document }
    /// The empty value.
    public static var zero: String? { "" }
    /// What it is called.
    public static var shape: ValueShape { .scalar("string") }
}

extension Bool: APIValue {
    /// Reads the value.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Bool? {
        if case .bool(let flag) = document.value { return flag }
        let hint = document.string == nil ? "" : "write true or false, without quotes"
        report.wrongType(document, at: path, wanted: "a boolean", hint: hint)
        return nil
    }

    /// The value as a document.
    public var document: Document { Document(.bool(self)) }
    /// The value as a document, unless it is empty.
    public func encoded() -> Document? { self ? document : nil }
    /// What it is called.
    public static var shape: ValueShape { .scalar("boolean") }
}

extension Int64: APIValue {
    /// Reads the value.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Int64?
    {
        if case .integer(let number) = document.value { return number }
        report.wrongType(document, at: path, wanted: "an integer", hint: integerHint(document))
        return nil
    }

    /// The value as a document.
    public var document: Document { Document(.integer(self)) }
    /// The value as a document, unless it is empty.
    public func encoded() -> Document? { self == 0 ? nil : document }
    /// What it is called.
    public static var shape: ValueShape { .scalar("integer") }
}

extension Int32: APIValue {
    /// Reads the value.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Int32?
    {
        guard case .integer(let number) = document.value else {
            report.wrongType(document, at: path, wanted: "an integer", hint: integerHint(document))
            return nil
        }
        guard let narrow = Int32(exactly: number) else {
            report.refuse(.invalid(path, number, "must fit into 32 bits"), line: document.line)
            return nil
        }
        return narrow
    }

    /// The value as a document.
    public var document: Document { Document(.integer(Int64(self))) }
    /// The value as a document, unless it is empty.
    public func encoded() -> Document? { self == 0 ? nil : document }
    /// What it is called.
    public static var shape: ValueShape { .scalar("integer") }
}

private func integerHint(_ document: Document) -> String {
    switch document.value {
    case .string: "write the digits without quotes"
    case .number: "without a fraction"
    default: ""
    }
}

extension Timestamp: APIValue {
    /// Reads the value.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport)
        -> Timestamp?
    {
        guard let text = document.string else {
            report.wrongType(document, at: path, wanted: "a time such as \"2026-01-02T03:04:05Z\"")
            return nil
        }
        guard let time = Timestamp(rfc3339: text) else {
            report.refuse(
                .invalid(path, text, "must be an RFC 3339 time such as 2026-01-02T03:04:05Z"),
                line: document.line
            )
            return nil
        }
        return time
    }

    /// The value as a document.
    public var document: Document { Document(.string(rfc3339)) }
    /// What it is called.
    public static var shape: ValueShape { .scalar("time") }
}

/// A Kubernetes enumeration: a string of which only some values exist. Its cases stand in the order in which
/// Kubernetes lists the supported values.
public protocol APIEnum: APIValue, CaseIterable, RawRepresentable where RawValue == String {}

extension APIEnum {
    /// Reads one of the known values. Any other is reported as unsupported, with the list of those that exist.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Self? {
        guard let text = String.decode(document, at: path, report: &report) else { return nil }
        if let value = Self(rawValue: text) { return value }
        let supported = allCases.map(\.rawValue)
        report.refuse(.unsupported(path, text, supported: supported), line: document.line)
        return nil
    }

    /// The text.
    public var document: Document { Document(.string(rawValue)) }
    /// The text, or nil for the empty one.
    public func encoded() -> Document? { rawValue.isEmpty ? nil : document }
    /// True unless the empty text is one of the values.
    public static var readsEmptyStringAsUnset: Bool { Self(rawValue: "") == nil }
    /// A string.
    public static var shape: ValueShape { .scalar("string") }
}

/// A decoded JSON or YAML value: a tree that keeps the order of its keys and, where the parser knows it, the
/// line on which each value began.
///
/// Manifests and request bodies are parsed into this tree; API objects are decoded from it and encoded to it.
public struct Document: Sendable {
    /// What a value may be. JSON's one number type is split, because the API's integers are 64 bits wide and
    /// a `Double` cannot hold them all.
    public enum Value: Sendable, Equatable {
        case null
        case bool(Bool)
        case integer(Int64)
        case number(Double)
        case string(String)
        case list([Document])
        case map([Entry])
    }

    /// One key of a map, in the order of the text. A key may occur twice; whoever reads decides what that means.
    public struct Entry: Sendable, Equatable {
        /// The key.
        public var key: String
        /// The value under it.
        public var value: Document

        /// Pairs a key with a value.
        public init(_ key: String, _ value: Document) {
            self.key = key
            self.value = value
        }
    }

    /// The value.
    public var value: Value
    /// The line, counted from 1, on which the value began; nil when unknown (a tree made by encoding has none).
    public var line: Int?

    /// Makes a value.
    public init(_ value: Value, line: Int? = nil) {
        self.value = value
        self.line = line
    }

    /// The value under `key` if this is a map that has it. Of two equal keys the last one counts, as in
    /// Kubernetes' own decoders.
    public subscript(key: String) -> Document? {
        guard case .map(let entries) = value else { return nil }
        return entries.last { $0.key == key }?.value
    }

    /// The element at `index` if this is a list that has it.
    public subscript(index: Int) -> Document? {
        guard case .list(let items) = value, items.indices.contains(index) else { return nil }
        return items[index]
    }

    /// The text, if this is a string.
    public var string: String? {
        guard case .string(let text) = value else { return nil }
        return text
    }

    /// The truth value, if this is one.
    public var bool: Bool? {
        if case .bool(let value) = value { return value }
        return nil
    }

    /// The number, if this is an integer.
    public var integer: Int64? {
        guard case .integer(let number) = value else { return nil }
        return number
    }

    /// Null.
    public static let null = Document(.null)

    /// Whether this is `null`.
    public var isNull: Bool { value == .null }

    /// What a person would call the kind of value: `a string`, `a list` and so on.
    public var kindDescription: String {
        switch value {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .list: "a list"
        case .map: "a map"
        }
    }
}

extension Document: Equatable {
    /// Two documents are equal when their values are; where they stood in a file does not count.
    public static func == (a: Document, b: Document) -> Bool { a.value == b.value }
}

// Literals make documents readable where they are written by hand: in tests and in fixed answers. There is none
// for maps, because that protocol wants the name `Value` for something else, and none for null, because a `nil`
// that was meant for a `Document?` would become one.

extension Document {
    /// A map written by hand, keys in this order.
    public static func map(_ entries: KeyValuePairs<String, Document>) -> Document {
        Document(.map(entries.map { Entry($0.key, $0.value) }))
    }
}

extension Document: ExpressibleByStringLiteral {
    /// A string.
    public init(stringLiteral text: String) { self.init(.string(text)) }
}

extension Document: ExpressibleByIntegerLiteral {
    /// An integer.
    public init(integerLiteral number: Int64) { self.init(.integer(number)) }
}

extension Document: ExpressibleByFloatLiteral {
    /// A number with a fraction.
    public init(floatLiteral number: Double) { self.init(.number(number)) }
}

extension Document: ExpressibleByBooleanLiteral {
    /// A boolean.
    public init(booleanLiteral flag: Bool) { self.init(.bool(flag)) }
}

extension Document: ExpressibleByArrayLiteral {
    /// A list.
    public init(arrayLiteral items: Document...) { self.init(.list(items)) }
}

/// An object of the API. Its field table is the one place that says which fields it has, how they are spelt and
/// what podagent does with them; decoding, encoding and the support table all follow it.
///
/// A freshly made object carries Kubernetes' static defaults; those that depend on other fields are filled in by
/// ``Defaulting``.
public protocol APIObject: APIValue {
    /// Makes an object with every field unset or at its static default.
    init()
    /// The fields.
    static var fields: FieldTable<Self> { get }
}

/// One field of an object.
public struct Field<Root: Sendable>: Sendable {
    let name: String
    let level: SupportLevel
    let shape: @Sendable () -> ValueShape
    let decode: @Sendable (Document, FieldPath, inout Root, inout DecodeReport) -> Void
    let encode: @Sendable (Root) -> Document?
}

extension Field {
    /// A field kept in a property.
    ///
    /// - Parameters:
    ///   - name: The spelling in JSON.
    ///   - property: Where its value is kept.
    ///   - support: What podagent does with it.
    ///   - always: Whether it is written even when empty, as Kubernetes writes its required fields.
    static func field<Value: APIValue>(
        _ name: String,
        _ property: any WritableKeyPath<Root, Value> & Sendable,
        _ support: Support<Value> = .honoured,
        always: Bool = false
    ) -> Field<Root> {
        Field(
            name: name,
            level: support.level,
            shape: { Value.shape },
            decode: { document, path, root, report in
                if document.isNull || (document.value == .string("") && Value.readsEmptyStringAsUnset) {
                    return
                }
                guard let value = Value.decode(document, at: path, report: &report) else { return }
                if report.checksSupport {
                    support.check(value, at: path, line: document.line, report: &report)
                }
                root[keyPath: property] = value
            },
            encode: { root in
                let value = root[keyPath: property]
                return always ? value.document : value.encoded()
            }
        )
    }

    /// A field whose value the type of the object fixes: `kind` and `apiVersion`.
    static func constant(_ name: String, _ text: String) -> Field<Root> {
        Field(
            name: name,
            level: .honoured,
            shape: { .scalar("string") },
            decode: { document, path, _, report in
                guard document.value != .string(text), !document.isNull else { return }
                report.refuse(.invalid(path, document, "must be \(text)"), line: document.line)
            },
            encode: { _ in Document(.string(text)) }
        )
    }
}

/// The fields of one type of object, in alphabetical order, which is the order in which they are written.
public struct FieldTable<Root: Sendable>: Sendable {
    let fields: [Field<Root>]
    private let indexes: [String: Int]

    init(_ fields: [Field<Root>]) {
        self.fields = fields.sorted { $0.name < $1.name }
        // Two fields of one name would be a slip in a table, found by the first use of the type in any test.
        self.indexes = Dictionary(uniqueKeysWithValues: self.fields.enumerated().map { ($1.name, $0) })
    }

    func index(of name: String) -> Int? { indexes[name] }
}

/// The fields of a type of object, for tables of all fields.
public struct ObjectShape: Sendable {
    /// The Kubernetes name of the type: `Container`.
    public let typeName: String
    /// The fields with what podagent does with each. A function, because types refer to each other.
    public let fields: @Sendable () -> [(name: String, level: SupportLevel, shape: ValueShape)]
}

extension APIObject {
    /// Reads an object. Unknown fields and repeated keys are warnings, everything else that is wrong a problem;
    /// nil only when the document is no map.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport) -> Self? {
        guard case .map(let entries) = document.value else {
            report.wrongType(document, at: path, wanted: "a map")
            return nil
        }
        var object = Self()
        let table = fields
        // Where each field was given last; of a repeated key only the last value is read.
        var positions = [Int?](repeating: nil, count: table.fields.count)
        for (position, entry) in entries.enumerated() {
            let fieldPath = path.field(entry.key)
            guard let index = table.index(of: entry.key) else {
                let line = entry.value.line ?? document.line
                report.warnUnknown(entry.key, at: fieldPath, line: line, known: table.fields.map(\.name))
                continue
            }
            if positions[index] != nil { report.warnDuplicate(entry, at: fieldPath) }
            positions[index] = position
        }
        for (field, position) in zip(table.fields, positions) {
            guard let position else { continue }
            field.decode(entries[position].value, path.field(field.name), &object, &report)
        }
        return object
    }

    /// The object with its fields in alphabetical order, empty ones left out.
    public var document: Document {
        Document(
            .map(
                Self.fields.fields.compactMap { field in
                    field.encode(self).map { Document.Entry(field.name, $0) }
                }
            )
        )
    }

    /// An element that could not be read keeps its place in a list as an empty object.
    public static var zero: Self? { Self() }

    /// The type's name and fields.
    public static var shape: ValueShape {
        .object(
            ObjectShape(
                typeName: "\(Self.self)",
                fields: { Self.fields.fields.map { ($0.name, $0.level, $0.shape()) } }
            )
        )
    }
}

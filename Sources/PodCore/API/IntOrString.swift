/// A port by number or by name.
public enum IntOrString: Sendable, Hashable {
    /// By number.
    case int(Int32)
    /// By name.
    case string(String)
}

extension IntOrString: APIValue, CustomStringConvertible {
    /// Reads a number or a text.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport)
        -> IntOrString?
    {
        switch document.value {
        case .string(let text): return .string(text)
        case .integer: return Int32.decode(document, at: path, report: &report).map { .int($0) }
        default:
            report.wrongType(document, at: path, wanted: "a number or a name")
            return nil
        }
    }

    /// The number or the text.
    public var document: Document {
        switch self {
        case .int(let number): Document(.integer(Int64(number)))
        case .string(let text): Document(.string(text))
        }
    }

    /// Number or name.
    public static var shape: ValueShape { .scalar("integer or string") }

    /// The number or the name.
    public var description: String {
        switch self {
        case .int(let number): String(number)
        case .string(let text): text
        }
    }
}

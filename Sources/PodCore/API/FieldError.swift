/// One thing wrong with one field, worded as the Kubernetes API words it:
/// `<path>: <Type>[: <value>][: <detail>]`.
public struct FieldError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of mistake it is. The raw values are the texts that people see.
    public enum Kind: String, Sendable {
        case required = "Required value"
        case invalid = "Invalid value"
        case duplicate = "Duplicate value"
        case unsupported = "Unsupported value"
        case notFound = "Not found"
        case forbidden = "Forbidden"
        case tooLong = "Too long"
        case tooMany = "Too many"
        case internalError = "Internal error"

        /// The machine-readable reason in the `details.causes` of a Status.
        public var causeReason: String {
            switch self {
            case .required: "FieldValueRequired"
            case .invalid: "FieldValueInvalid"
            case .duplicate: "FieldValueDuplicate"
            case .unsupported: "FieldValueNotSupported"
            case .notFound: "FieldValueNotFound"
            case .forbidden: "FieldValueForbidden"
            case .tooLong: "FieldValueTooLong"
            case .tooMany: "FieldValueTooMany"
            case .internalError: "InternalError"
            }
        }
    }

    /// The field.
    public var path: FieldPath
    /// What kind of mistake it is.
    public var kind: Kind
    /// The offending value, already rendered; nil for the kinds that show none.
    public var value: String?
    /// The rule that was broken; may be empty.
    public var detail: String

    init(_ path: FieldPath, _ kind: Kind, value: String? = nil, detail: String) {
        self.path = path
        self.kind = kind
        self.value = value
        self.detail = detail
    }

    /// The error without its path, as the `message` of a Status cause has it.
    public var message: String {
        var text = kind.rawValue
        if let value { text += ": " + value }
        if !detail.isEmpty { text += ": " + detail }
        return text
    }

    /// The whole error on one line.
    public var description: String {
        let path = path.description
        return path.isEmpty ? message : path + ": " + message
    }
}

extension FieldError {
    /// A field that must be given is not.
    public static func required(_ path: FieldPath, _ detail: String = "") -> FieldError {
        FieldError(path, .required, detail: detail)
    }

    /// A value breaks the rule in `detail`.
    public static func invalid(_ path: FieldPath, _ value: some FieldErrorValue, _ detail: String)
        -> FieldError
    {
        FieldError(path, .invalid, value: value.fieldErrorText, detail: detail)
    }

    /// A value that must be unique occurs again.
    public static func duplicate(_ path: FieldPath, _ value: some FieldErrorValue) -> FieldError {
        FieldError(path, .duplicate, value: value.fieldErrorText, detail: "")
    }

    /// A value is none of those that exist.
    public static func unsupported(
        _ path: FieldPath,
        _ value: some FieldErrorValue,
        supported: [String]
    ) -> FieldError {
        let list = supported.map(\.quoted).joined(separator: ", ")
        return FieldError(
            path,
            .unsupported,
            value: value.fieldErrorText,
            detail: "supported values: " + list
        )
    }

    /// A value names something that is not there.
    public static func notFound(_ path: FieldPath, _ value: some FieldErrorValue) -> FieldError {
        FieldError(path, .notFound, value: value.fieldErrorText, detail: "")
    }

    /// A field may not be given here.
    public static func forbidden(_ path: FieldPath, _ detail: String) -> FieldError {
        FieldError(path, .forbidden, detail: detail)
    }

    /// A text has more bytes than it may.
    public static func tooLong(_ path: FieldPath, maximum: Int) -> FieldError {
        FieldError(path, .tooLong, detail: "may not be more than \(maximum) bytes")
    }

    /// A list has more items than it may.
    public static func tooMany(_ path: FieldPath, count: Int, maximum: Int) -> FieldError {
        FieldError(path, .tooMany, value: String(count), detail: "must have at most \(maximum) items")
    }
}

/// A value that a ``FieldError`` can show.
public protocol FieldErrorValue {
    /// Strings in quotes with escapes, numbers and booleans plain.
    var fieldErrorText: String { get }
}

extension String: FieldErrorValue {
    /// The text that an error shows.
    public var fieldErrorText: String { quoted }
}

extension Int: FieldErrorValue {
    /// The text that an error shows.
    public var fieldErrorText: String { String(self) }
}

extension Int32: FieldErrorValue {
    /// The text that an error shows.
    public var fieldErrorText: String { String(self) }
}

extension Int64: FieldErrorValue {
    /// The text that an error shows.
    public var fieldErrorText: String { String(self) }
}

extension Bool: FieldErrorValue {
    /// The text that an error shows.
    public var fieldErrorText: String { self ? "true" : "false" }
}

extension Document: FieldErrorValue {
    /// Compact JSON, cut where it would fill the screen.
    public var fieldErrorText: String {
        let text = json()
        return text.utf8.count <= 120 ? text : String(text.prefix(117)) + "..."
    }
}

/// One thing to say about a manifest or a request body: a mistake, a refusal, or a warning.
public struct ManifestProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The field; the root when it is about the whole document.
    public var path: FieldPath
    /// The line on which the field, or what lacks it, stands; nil when the parser did not know it.
    public var line: Int?
    /// What is wrong, without the path.
    public var message: String
    /// The kind, when it came from validation; a Status turns it into the reason of a cause.
    public var kind: FieldError.Kind?

    /// Makes a problem that is no field error, such as a missing kind.
    public init(path: FieldPath = .root, line: Int? = nil, message: String) {
        self.path = path
        self.line = line
        self.message = message
    }

    /// Makes a problem of a field error.
    public init(_ error: FieldError, line: Int?) {
        self.path = error.path
        self.line = line
        self.message = error.message
        self.kind = error.kind
    }

    /// `<path>: <message>`, without the line, as Kubernetes words it.
    public var text: String {
        let path = path.description
        return path.isEmpty ? message : path + ": " + message
    }

    /// The whole problem on one line: `line 7: spec.containers[0].image: Required value`.
    public var description: String {
        line.map { "line \($0): \(text)" } ?? text
    }
}

/// What decoding found, besides the object.
public struct DecodeReport: Sendable {
    /// Why the document cannot be accepted; all of it, not just the first.
    public var problems: [ManifestProblem] = []
    /// What is probably a mistake but stops nothing: unknown fields and keys that occur twice.
    public var warnings: [ManifestProblem] = []
    /// Fields that are accepted and have no effect here, with the reason.
    public var notes: [ManifestProblem] = []
    /// Whether fields that podagent does not honour are refused. They are in what users send; they are not when
    /// podagent reads back what it wrote itself.
    public var checksSupport: Bool

    /// Makes an empty report.
    public init(checksSupport: Bool = true) { self.checksSupport = checksSupport }

    mutating func refuse(_ error: FieldError, line: Int?) {
        problems.append(ManifestProblem(error, line: line))
    }

    mutating func wrongType(_ document: Document, at path: FieldPath, wanted: String, hint: String = "") {
        let detail = "must be \(wanted), not \(document.kindDescription)" + (hint.isEmpty ? "" : " (\(hint))")
        refuse(.invalid(path, document, detail), line: document.line)
    }
}

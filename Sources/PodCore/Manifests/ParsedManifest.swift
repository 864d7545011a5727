/// What a parser made of a manifest or a request body.
public struct ParsedManifest: Sendable, Equatable {
    /// The documents in the order of the text. Empty ones (nothing between two `---`) are left out.
    public var documents: [Document]
    /// Why the text cannot be accepted. A syntax error ends the reading, so it is the last of them.
    public var problems: [ManifestProblem]

    /// Pairs documents with problems.
    public init(documents: [Document] = [], problems: [ManifestProblem] = []) {
        self.documents = documents
        self.problems = problems
    }
}

/// How much a manifest may ask of its reader. A text within these bounds costs bounded time and memory, however
/// it was made: nesting is a recursion here, and aliases let a short YAML text stand for a huge tree.
public struct ManifestLimits: Sendable {
    /// The longest text in bytes: the kubelet's own limit for a manifest.
    public var bytes = 10 << 20
    /// The deepest nesting of lists and maps. A Pod needs about a dozen levels.
    public var depth = 100
    /// The most values in all documents together, those that aliases repeat counted each time.
    public var values = 250_000

    /// The limits that manifests are read with.
    public init() {}
}

/// What to do with a key that stands twice in one map.
public enum DuplicateKeys: Sendable {
    /// It is a mistake that is reported with its line.
    case refused
    /// Both entries are kept, for the API's decoder to take the last one with a warning, as Kubernetes does.
    case kept
}

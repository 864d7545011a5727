/// The Pods in one decoded document: one Pod, or the items of a `PodList` or `List`.
public struct PodDocuments: Sendable, Equatable {
    /// One Pod, not looked into yet.
    public struct Item: Sendable, Equatable {
        /// The Pod.
        public var document: Document
        /// Where it stands in its document: the root, or `items[2]`.
        public var path: FieldPath
    }

    /// The Pods, in the order of the document.
    public private(set) var items: [Item] = []
    /// What is in the document besides Pods and cannot be used.
    public private(set) var problems: [ManifestProblem] = []

    /// Takes a document apart.
    public init(_ document: Document) { take(document, at: .root) }

    private mutating func take(_ document: Document, at path: FieldPath) {
        guard let kind = field("kind", named: "Kind", of: document, at: path),
            let version = field("apiVersion", named: "apiVersion", of: document, at: path)
        else { return }
        switch (version, kind) {
        case ("v1", "Pod"):
            items.append(Item(document: document, path: path))
        case ("v1", "PodList"), ("v1", "List"):
            takeItems(of: document, defaultKind: kind == "PodList" ? "Pod" : nil, at: path.field("items"))
        default:
            let message =
                "no kind \(kind.quoted) is registered for version \(version.quoted): podagent takes Pod, PodList and "
                + "List of version \"v1\""
            problems.append(ManifestProblem(path: path, line: document.line, message: message))
        }
    }

    /// The items of a list. Those of a `PodList` need not repeat what they are.
    private mutating func takeItems(of list: Document, defaultKind: String?, at path: FieldPath) {
        guard let items = list["items"], !items.isNull else { return }
        guard case .list(let elements) = items.value else {
            let detail = "must be a list, not \(items.kindDescription)"
            let error = FieldError.invalid(path, items, detail)
            problems.append(ManifestProblem(error, line: items.line ?? list.line))
            return
        }
        for (index, element) in elements.enumerated() {
            let isBare = element["kind"] == nil && element["apiVersion"] == nil
            if isBare, defaultKind != nil, case .map = element.value {
                self.items.append(Item(document: element, path: path[index]))
            } else {
                take(element, at: path[index])
            }
        }
    }

    private mutating func field(_ key: String, named name: String, of document: Document, at path: FieldPath)
        -> String?
    {
        if let text = document[key]?.string, !text.isEmpty { return text }
        let message = "Object '\(name)' is missing in '\(document.fieldErrorText)'"
        problems.append(ManifestProblem(path: path, line: document.line, message: message))
        return nil
    }
}

/// The Pods and Secrets in one decoded document: one of them, or the items of a `PodList`, `SecretList` or `List`.
public struct PodDocuments: Sendable, Equatable {
    /// One Pod or Secret, not looked into yet.
    public struct Item: Sendable, Equatable {
        /// The Pod or Secret.
        public var document: Document
        /// Where it stands in its document: the root, or `items[2]`.
        public var path: FieldPath
    }

    /// The Pods, in the order of the document.
    public private(set) var items: [Item] = []
    /// The Secrets, in the order of the document.
    public private(set) var secrets: [Item] = []
    /// What is in the document besides them and cannot be used.
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
        case ("v1", "Secret"):
            secrets.append(Item(document: document, path: path))
        case ("v1", "PodList"), ("v1", "SecretList"), ("v1", "List"):
            takeItems(of: document, kind: String(kind.dropLast("List".count)), at: path.field("items"))
        default:
            let message =
                "no kind \(kind.quoted) is registered for version \(version.quoted): podagent takes Pod, Secret and "
                + "lists of them of version \"v1\""
            problems.append(ManifestProblem(path: path, line: document.line, message: message))
        }
    }

    /// The items of a list. Those of a list of one kind need not repeat what they are.
    private mutating func takeItems(of list: Document, kind: String, at path: FieldPath) {
        guard let items = list["items"], !items.isNull else { return }
        guard case .list(let elements) = items.value else {
            let detail = "must be a list, not \(items.kindDescription)"
            let error = FieldError.invalid(path, items.withoutSecrets, detail)
            problems.append(ManifestProblem(error, line: items.line ?? list.line))
            return
        }
        for (index, element) in elements.enumerated() {
            let isBare = element["kind"] == nil && element["apiVersion"] == nil
            if isBare, !kind.isEmpty, case .map = element.value {
                let item = Item(document: element, path: path[index])
                if kind == "Pod" { self.items.append(item) } else { secrets.append(item) }
            } else {
                take(element, at: path[index])
            }
        }
    }

    private mutating func field(_ key: String, named name: String, of document: Document, at path: FieldPath)
        -> String?
    {
        if let text = document[key]?.string, !text.isEmpty { return text }
        let message = "Object '\(name)' is missing in '\(document.withoutSecrets.fieldErrorText)'"
        problems.append(ManifestProblem(path: path, line: document.line, message: message))
        return nil
    }
}

extension Document {
    /// The same without what a Secret holds, to be shown: what lacks its kind may be one. Its annotations may hold a copy
    /// of it.
    fileprivate var withoutSecrets: Document {
        switch value {
        case .list(let items): return Document(.list(items.map(\.withoutSecrets)))
        case .map(let entries):
            let hidden = ["data", "stringData", "annotations"]
            return Document(
                .map(
                    entries.map {
                        let isHidden = hidden.contains($0.key) && !$0.value.isNull
                        return Entry($0.key, isHidden ? "<redacted>" : $0.value.withoutSecrets)
                    }
                )
            )
        default: return self
        }
    }
}

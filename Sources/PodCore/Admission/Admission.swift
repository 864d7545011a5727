/// The door through which every Pod comes in: reads a document, refuses what podagent does not honour, fills in
/// defaults, gives the Pod its identity and validates it. Everything that is wrong is found in one go.
public struct Admission: Sendable {
    /// The node's name, as it stands in names and in `spec.nodeName`.
    public let nodeName: String
    /// Whether Pods have addresses, so that ports of the node can be forwarded to them.
    public let hasNetwork: Bool

    /// Makes the door of a node.
    public init(nodeName: String, hasNetwork: Bool = true) {
        self.nodeName = nodeName
        self.hasNetwork = hasNetwork
    }

    /// Admits or refuses one Pod.
    ///
    /// - Parameters:
    ///   - document: The Pod.
    ///   - path: Where it stands in its file; the root unless it is an item of a list.
    ///   - source: Where it came from.
    ///   - seenAt: When it was first seen. Becomes its creation time.
    public func admit(
        _ document: Document,
        at path: FieldPath = .root,
        source: ManifestSource,
        seenAt: Timestamp
    ) -> AdmissionResult {
        var report = DecodeReport()
        let pod = Pod.decode(document, at: path, report: &report)
        var result = AdmissionResult(path: path, warnings: report.warnings, notes: report.notes)
        guard let pod else {
            result.outcome = .refused(report.problems)
            return result
        }
        let admitted = complete(pod, from: document, source: source, seenAt: seenAt)
        result.namespace = admitted.metadata.namespace
        result.name = admitted.metadata.name
        let unsupported = ConditionalSupport.errors(in: pod, hasNetwork: hasNetwork, at: path)
        let errors = unsupported + Validation.errors(in: admitted, at: path)
        let problems = Self.merge(report.problems, errors, document: document, at: path)
        result.outcome = problems.isEmpty ? .admitted(admitted) : .refused(problems)
        result.warnings += Self.namelessSecrets(of: pod, in: document, at: path)
        if !pod.spec.nodeName.isEmpty, pod.spec.nodeName != nodeName {
            let namePath = path.field("spec").field("nodeName")
            let line = document["spec"]?["nodeName"]?.line
            let message = "has no effect: the Pod runs on this node, \(nodeName)"
            result.notes.append(ManifestProblem(path: namePath, line: line, message: message))
        }
        return result
    }

    /// Kubernetes takes an empty name, warns of it in these words, and passes over it when it pulls.
    private static func namelessSecrets(of pod: Pod, in document: Document, at path: FieldPath)
        -> [ManifestProblem]
    {
        pod.spec.imagePullSecrets.enumerated().filter(\.element.name.isEmpty).map { index, _ in
            let place = FieldPath("spec.imagePullSecrets")[index]
            let full = path.field("spec").field("imagePullSecrets")[index].field("name")
            return ManifestProblem(
                path: full,
                line: document.line(at: place),
                message: "invalid empty name \"\""
            )
        }
    }

    /// Admits or refuses every Pod of a document, which may be a list.
    ///
    /// - Returns: A result for each Pod, and what in the document is no Pod.
    public func admitAll(
        in document: Document,
        source: ManifestSource,
        seenAt: Timestamp
    ) -> (results: [AdmissionResult], problems: [ManifestProblem]) {
        let documents = PodDocuments(document)
        let results = documents.items.map {
            admit($0.document, at: $0.path, source: source, seenAt: seenAt)
        }
        return (results, documents.problems)
    }

    private func complete(
        _ pod: Pod,
        from document: Document,
        source: ManifestSource,
        seenAt: Timestamp
    ) -> Pod {
        var pod = pod
        Defaulting.apply(to: &pod)
        PodIdentity(nodeName: nodeName, source: source, seenAt: seenAt).apply(to: &pod, from: document)
        return pod
    }

    /// All problems in the order of the file. A rule that complains of a field that could not even be read, or that
    /// is said already, only adds noise.
    private static func merge(
        _ problems: [ManifestProblem],
        _ errors: [FieldError],
        document: Document,
        at path: FieldPath
    ) -> [ManifestProblem] {
        var merged = problems
        let unread = Set(problems.filter { $0.kind != .forbidden }.map(\.path))
        var said = Set(problems.map(\.text))
        let prefix = path.steps.count
        for error in errors where !error.path.ancestry.contains(where: unread.contains) {
            guard said.insert(error.description).inserted else { continue }
            // The document is the Pod, so its own place in the file is not part of the way to the field.
            let line = document.line(at: FieldPath(steps: error.path.steps.dropFirst(prefix)))
            merged.append(ManifestProblem(error, line: line))
        }
        return merged.enumerated()
            .sorted { ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset) }
            .map(\.element)
    }
}

/// What came of admitting one Pod.
public struct AdmissionResult: Sendable, Equatable {
    /// Whether the Pod may run.
    public enum Outcome: Sendable, Equatable {
        /// It may; with defaults, identity and a status that holds only the QoS class.
        case admitted(Pod)
        /// It may not, for these reasons.
        case refused([ManifestProblem])
    }

    /// Where the Pod stands in its document.
    public var path: FieldPath
    /// Whether the Pod may run.
    public var outcome: Outcome = .refused([])
    /// The namespace that the Pod has or would have; empty if it could not be read.
    public var namespace = ""
    /// The name that the Pod has or would have; empty if it has none.
    public var name = ""
    /// What is probably a mistake but stops nothing, such as unknown fields.
    public var warnings: [ManifestProblem]
    /// Fields that are accepted and have no effect, with the reason.
    public var notes: [ManifestProblem]

    init(path: FieldPath, warnings: [ManifestProblem], notes: [ManifestProblem]) {
        self.path = path
        self.warnings = warnings
        self.notes = notes
    }

    /// The Pod, if it may run.
    public var pod: Pod? {
        if case .admitted(let pod) = outcome { pod } else { nil }
    }

    /// Why the Pod may not run; empty if it may.
    public var problems: [ManifestProblem] {
        if case .refused(let problems) = outcome { problems } else { [] }
    }
}

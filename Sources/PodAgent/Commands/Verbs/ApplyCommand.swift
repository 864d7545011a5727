import PodCore

/// `podagent apply`: gives Pods to the agent over its socket.
///
/// As kubectl does, it keeps what was applied in an annotation, and so can tell whether anything changed. A Pod that
/// did is replaced: the old one is ended with its grace period, then the new one is made.
struct ApplyCommand {
    static let verb = Verb(
        name: "apply",
        synopsis: "-f FILE...",
        summary: "Run Pods that are not in the manifest directory, or change them.",
        details: """
            A Pod that is applied again unchanged is left alone; one that changed is replaced.
            Pods of the manifest directory are changed in their files.
            """,
        examples: ["apply -f pod.yaml", "cat pod.yaml | podagent apply -f -"],
        flags: [
            .value("filename", "f", "FILE", "The manifest; - for standard input.", repeats: true),
            .value(
                "timeout",
                nil,
                "DURATION",
                "How long to wait for an old Pod to end; for ever if not given."
            ),
        ],
        words: 0...0,
        run: { arguments, console throws(CommandError) in try ApplyCommand(arguments, console).run() }
    )

    private static let lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

    private let arguments: Arguments
    private let console: Console
    private let client: APIClient
    private let deadline: Tick?

    private init(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        self.arguments = arguments
        self.console = console
        client = APIClient(arguments, console)
        deadline = try arguments.duration("timeout").map { Clock.tick() + $0 }
    }

    private func run() throws(CommandError) {
        let names = arguments.values("filename")
        guard !names.isEmpty else { throw arguments.wrong("which manifest? Give -f FILE") }
        var failed = false
        for pod in try ManifestInput.pods(
            names,
            arguments,
            secrets: "put it there with mode 0600, and apply the Pods alone"
        ) {
            do throws(CommandError) {
                try console.print("pod/\(pod.name) \(try apply(pod))\n")
            } catch .refused(let failure) {
                console.note("podagent: \(pod.file): \(failure.message)")
                failed = true
            }
        }
        if failed { throw .silent(exitCode: 1) }
    }

    /// Applies one Pod; returns what came of it in kubectl's word.
    private func apply(_ pod: ManifestInput.FoundPod) throws(CommandError) -> String {
        let namespace = pod.namespace(arguments)
        warn(of: pod)
        let (document, configuration) = Self.annotated(pod.document, namespace: namespace)
        guard let existing = try existing(pod.name, in: namespace) else {
            try create(document, in: namespace)
            return "created"
        }
        if existing.metadata.annotations[Self.lastApplied] == configuration,
            existing.metadata.deletionTimestamp == nil
        {
            return "unchanged"
        }
        try check(document)
        try delete(existing)
        try create(document, in: namespace)
        return "configured"
    }

    /// Says what is probably a mistake; the agent takes it all the same.
    private func warn(of pod: ManifestInput.FoundPod) {
        var report = DecodeReport()
        _ = Pod.decode(pod.document, at: .root, report: &report)
        for warning in report.warnings + report.notes {
            console.note("warning: " + ManifestInput.line(pod.file, warning))
        }
    }

    /// The Pod of exactly this name; a static Pod that only begins with it is another one.
    private func existing(_ name: String, in namespace: String) throws(CommandError) -> Pod? {
        do throws(CommandError) {
            let pod = try client.pod(name, in: namespace)
            return pod.metadata.name == name ? pod : nil
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    /// The Pod's document with the configuration that is applied, and that configuration as kubectl writes it: JSON
    /// with sorted keys and a newline.
    private static func annotated(_ document: Document, namespace: String) -> (
        Document, configuration: String
    ) {
        var bare = document
        bare.setting(["metadata", "annotations", lastApplied], to: nil)
        bare.setting(["metadata", "namespace"], to: Document(.string(namespace)))
        let configuration = bare.sorted.json() + "\n"
        var annotated = bare
        annotated.setting(["metadata", "annotations", lastApplied], to: Document(.string(configuration)))
        return (annotated, configuration)
    }

    private func create(_ document: Document, in namespace: String) throws(CommandError) {
        let path = ResourceKind.pods.path(namespace: namespace)
        let _: Pod = try client.object(APIClient.Request("POST", path, body: document))
    }

    /// Refuses what the agent would refuse, before the old Pod is ended for it.
    private func check(_ document: Document) throws(CommandError) {
        let node = try client.document(APIClient.Request(ResourceKind.nodes.path(namespace: nil)))
        let nodeName = node["items"]?[0]?["metadata"]?["name"]?.string ?? "node"
        let result = Admission(nodeName: nodeName).admit(document, source: .api, seenAt: Clock.wall())
        guard let problem = result.problems.first else { return }
        throw .refused(StatusFailure(.invalid, "Pod \(result.name.quoted) is invalid: \(problem.text)"))
    }

    private func delete(_ pod: Pod) throws(CommandError) {
        let path = ResourceKind.pods.path(namespace: pod.metadata.namespace) + [pod.metadata.name]
        do throws(CommandError) {
            _ = try client.document(APIClient.Request("DELETE", path))
        } catch {
            guard error.isNotFound else { throw error }
        }
        try PodWait(client: client, deadline: deadline).untilGone(pod)
    }
}

extension Document {
    /// Sets, or with nil removes, what stands at a path of keys. Maps on the way are made where they are missing.
    mutating func setting(_ path: [String], to new: Document?) {
        guard let key = path.first else { return }
        guard case .map(var entries) = value else {
            guard isNull, new != nil else { return }
            value = .map([])
            return setting(path, to: new)
        }
        let index = entries.lastIndex { $0.key == key }
        if path.count > 1 {
            guard index != nil || new != nil else { return }
            var inner = index.map { entries[$0].value } ?? Document(.map([]))
            inner.setting(Array(path.dropFirst()), to: new)
            if let index { entries[index].value = inner } else { entries.append(Entry(key, inner)) }
        } else {
            entries.removeAll { $0.key == key }
            if let new { entries.append(Entry(key, new)) }
        }
        value = .map(entries)
    }

    /// The same with the keys of all maps in order.
    var sorted: Document {
        switch value {
        case .map(let entries):
            Document(.map(entries.map { Entry($0.key, $0.value.sorted) }.sorted { $0.key < $1.key }))
        case .list(let items): Document(.list(items.map(\.sorted)))
        default: Document(value)
        }
    }
}

import PodCore

/// `podagent delete`: ends Pods.
struct DeleteCommand {
    static let verb = Verb(
        name: "delete",
        synopsis: "pod NAME... | -f FILE",
        summary: "Delete Pods and wait until they are gone.",
        examples: ["delete pod web", "delete pod web --now", "delete -f pod.yaml --wait=false"],
        flags: [
            .value(
                "filename",
                "f",
                "FILE",
                "Delete the Pods that this manifest names; - for standard input.",
                repeats: true
            ),
            .value(
                "grace-period",
                nil,
                "SECONDS",
                "How long the Pod may take to end by itself; else as its spec says."
            ),
            .toggle("now", nil, "Give it one second."),
            .toggle("force", nil, "Give it no time at all."),
            .toggle("wait", nil, "Wait until it is gone; true if not given."),
            .value("timeout", nil, "DURATION", "How long to wait; for ever if not given."),
        ],
        run: { arguments, console throws(CommandError) in try DeleteCommand(arguments, console).run() }
    )

    private let arguments: Arguments
    private let console: Console
    private let client: APIClient
    private let grace: Int64?
    private let deadline: Tick?

    private init(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        self.arguments = arguments
        self.console = console
        client = APIClient(arguments, console)
        let given = try arguments.integer("grace-period", in: -1...Int64.max)
        let chosen = [
            given.flatMap { $0 >= 0 ? $0 : nil }, arguments.isOn("now") ? 1 : nil,
            arguments.isOn("force") ? 0 : nil,
        ]
        .compactMap { $0 }
        guard chosen.count <= 1 else {
            throw arguments.wrong("--grace-period, --now and --force say the same thing; give one")
        }
        grace = chosen.first
        deadline = try arguments.duration("timeout").map { Clock.tick() + $0 }
    }

    private func run() throws(CommandError) {
        let targets = try targets()
        var failures: [CommandError] = []
        var deleted: [Pod] = []
        for (namespace, name) in targets {
            do throws(CommandError) {
                let pod = try delete(namespace, name)
                try console.print("pod \(pod.metadata.name.quoted) deleted\n")
                deleted.append(pod)
            } catch .refused(let failure) {
                console.note("podagent: \(failure.message)")
                failures.append(.refused(failure))
            }
        }
        if arguments.isOn("wait", default: true) {
            for pod in deleted { try PodWait(client: client, deadline: deadline).untilGone(pod) }
        }
        if !failures.isEmpty { throw .silent(exitCode: 1) }
    }

    private func targets() throws(CommandError) -> [(namespace: String, name: String)] {
        let files = arguments.values("filename")
        guard files.isEmpty else {
            guard arguments.words.isEmpty else { throw arguments.wrong("either name Pods or give a file") }
            return try ManifestInput.pods(
                files,
                arguments,
                secrets: "remove it there, and delete the Pods alone"
            ).map { pod in (pod.namespace(arguments), pod.name)
            }
        }
        let (_, names) = try arguments.resource(of: [.pods])
        guard !names.isEmpty else { throw arguments.wrong("which Pod?") }
        return names.map { (arguments.namespace, $0) }
    }

    private func delete(_ namespace: String, _ name: String) throws(CommandError) -> Pod {
        var options: [Document.Entry] = [
            .init("apiVersion", "v1"), .init("kind", "DeleteOptions"),
            .init("propagationPolicy", "Background"),
        ]
        if let grace { options.append(.init("gracePeriodSeconds", Document(.integer(grace)))) }
        return try client.object(
            APIClient.Request(
                "DELETE",
                ResourceKind.pods.path(namespace: namespace) + [name],
                body: Document(.map(options))
            )
        )
    }
}

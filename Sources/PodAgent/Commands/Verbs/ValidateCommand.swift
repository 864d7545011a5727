import PodCore

/// `podagent validate`: whether manifests would be accepted, without any agent.
enum ValidateCommand {
    static let verb = Verb(
        name: "validate",
        synopsis: "-f FILE...",
        summary: "Check manifests, without an agent.",
        details: """
            Prints every problem with its file, line and field; warnings go to standard error.
            A directory stands for the manifests in it.
            """,
        examples: [
            "validate -f pod.yaml", "validate -f /etc/pods", "helm template . | podagent validate -f -",
        ],
        flags: [
            .value("filename", "f", "FILE", "The manifest; - for standard input.", repeats: true),
            .value(
                "node-name",
                nil,
                "NAME",
                "The node whose name becomes part of Pod names; node if not given."
            ),
        ],
        isClient: false,
        run: { arguments, console throws(CommandError) in try run(arguments, console) }
    )

    private static func run(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        let names = arguments.values("filename") + arguments.words
        guard !names.isEmpty else { throw arguments.wrong("which manifest? Give -f FILE") }
        let admission = Admission(nodeName: arguments.value("node-name") ?? "node")
        var problemCount = 0
        for file in try ManifestInput.read(names) {
            let verdict = judge(file, admission)
            for warning in verdict.warnings { console.note(warning) }
            problemCount += verdict.problems.count
            try console.print((verdict.problems + verdict.valid).map { $0 + "\n" }.joined())
        }
        if problemCount > 0 { throw .silent(exitCode: 1) }
    }

    /// What is to be said about one file, a line each.
    struct Verdict: Equatable {
        var problems: [String] = []
        var warnings: [String] = []
        var valid: [String] = []
    }

    static func judge(_ file: ManifestInput.File, _ admission: Admission) -> Verdict {
        var verdict = Verdict()
        verdict.problems = file.content.problems.map { ManifestInput.line(file.name, $0) }
        var seen: [String: Int?] = [:]
        for document in file.content.documents {
            let source = ManifestSource.file(file.name)
            let (results, problems) = admission.admitAll(in: document, source: source, seenAt: Clock.wall())
            verdict.problems += problems.map { ManifestInput.line(file.name, $0) }
            judgeSecrets(of: document, in: file.name, &seen, &verdict)
            for result in results {
                verdict.problems += result.problems.map { ManifestInput.line(file.name, $0) }
                verdict.warnings += result.warnings.map { "warning: " + ManifestInput.line(file.name, $0) }
                verdict.warnings += result.notes.map { "note: " + ManifestInput.line(file.name, $0) }
                guard result.pod != nil else { continue }
                let key = "pod \(result.namespace)/\(result.name)"
                if seen.updateValue(document.line, forKey: key) != nil {
                    let problem = ManifestProblem(
                        line: document.line,
                        message: "pod \(result.name.quoted) is defined twice in this file"
                    )
                    verdict.problems.append(ManifestInput.line(file.name, problem))
                } else {
                    verdict.valid.append("\(file.name): pod/\(result.name) is valid")
                }
            }
        }
        return verdict
    }

    private static func judgeSecrets(
        of document: Document,
        in file: String,
        _ seen: inout [String: Int?],
        _ verdict: inout Verdict
    ) {
        for result in SecretAdmission.all(in: document) {
            verdict.problems += result.problems.map { ManifestInput.line(file, $0) }
            verdict.warnings += result.warnings.map { "warning: " + ManifestInput.line(file, $0) }
            guard let secret = result.secret else { continue }
            if seen.updateValue(document.line, forKey: "secret \(secret.key)") != nil {
                let problem = ManifestProblem(
                    line: document.line,
                    message: "secret \(secret.key.name.quoted) is defined twice in this file"
                )
                verdict.problems.append(ManifestInput.line(file, problem))
            } else {
                verdict.valid.append("\(file): secret/\(secret.key.name) is valid")
            }
        }
    }
}

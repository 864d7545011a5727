import PodCore

/// `podagent plan`: what would be done to start a Pod, without doing it.
enum PlanCommand {
    static let verb = Verb(
        name: "plan",
        synopsis: "-f FILE",
        summary: "Print how a Pod would be launched, step by step, without launching it.",
        examples: ["plan -f pod.yaml"],
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
        let nodeName = arguments.value("node-name") ?? "node"
        let admission = Admission(nodeName: nodeName)
        for file in try ManifestInput.read(names) {
            let verdict = ValidateCommand.judge(file, admission)
            guard verdict.problems.isEmpty else {
                for problem in verdict.problems { console.note(problem) }
                throw .silent(exitCode: 1)
            }
            for document in file.content.documents {
                let source = ManifestSource.file(file.name)
                let results = admission.admitAll(in: document, source: source, seenAt: Clock.wall()).results
                for pod in results.compactMap(\.pod) {
                    try console.print(LaunchPlanPreview.text(for: pod, nodeName: nodeName))
                }
            }
        }
    }
}

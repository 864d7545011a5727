import PodCore

/// `podagent support-table`: which fields of a Pod this version honours, as `docs/pod-support.md`.
enum SupportTableCommand {
    static let verb = Verb(
        name: "support-table",
        synopsis: "",
        summary: "Print what this version does with every field of a Pod, as Markdown.",
        examples: ["support-table > docs/pod-support.md"],
        isClient: false,
        words: 0...0,
        run: { _, console throws(CommandError) in try console.print(SupportTable.markdown()) }
    )
}

/// What `podagent help` prints.
enum HelpText {
    /// The help of a verb, of a group of verbs, or of all verbs.
    static func text(topic: [String], verbs: [Verb]) throws(CommandError) -> String {
        let name = topic.joined(separator: " ")
        if name.isEmpty { return overview(verbs) }
        if let verb = verbs.first(where: { $0.name == name || $0.aliases.contains(name) }) {
            return text(verb)
        }
        let group = verbs.filter { $0.name.hasPrefix(name + " ") }
        if !group.isEmpty { return list(group) }
        let near = Nearest.find(name, in: verbs.filter { !$0.isHidden }.map(\.name))
        throw .usage("there is no verb '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""))
    }

    private static func overview(_ verbs: [Verb]) -> String {
        """
        podagent runs Kubernetes Pods from a directory of manifests, without a control plane.

        \(list(verbs))
        podagent help VERB says more. Exit codes: 0 done, 1 it failed, 2 wrong usage.

        """
    }

    private static func list(_ verbs: [Verb]) -> String {
        var table = TabWriter(padding: 3)
        for verb in verbs where !verb.isHidden { table.line("  \(verb.name)", verb.summary) }
        return table.text
    }

    private static func text(_ verb: Verb) -> String {
        var text = "\(verb.summary)\n\nUsage:\n  podagent \(verb.name) \(verb.synopsis)\n"
        if !verb.details.isEmpty { text += "\n\(verb.details)\n" }
        if !verb.examples.isEmpty {
            text += "\nExamples:\n" + verb.examples.map { "  podagent \($0)\n" }.joined()
        }
        var table = TabWriter(padding: 3)
        for flag in verb.allFlags { table.line("  \(flag.usage)", flag.help) }
        return text + "\nFlags:\n" + table.text
    }
}

import Glibc

/// podagent as a command: from the words of a command line to an exit code.
enum Program {
    static let verbs: [Verb] = [
        ServeCommand.verb, GetCommand.verb, DescribeCommand.verb, LogsCommand.verb, ExecCommand.verb,
        EventsCommand.verb, ApplyCommand.verb, DeleteCommand.verb, WaitCommand.verb, ImagePullCommand.verb,
        ImageCommands.load, ImageCommands.list, ImageCommands.pin, ImageCommands.unpin, ImageCommands.remove,
        ImageCommands.prune, ValidateCommand.verb, PlanCommand.verb,
        ShutdownCommand.verb, SupportTableCommand.verb,
        VersionCommand.verb, UnpackLayerCommand.verb,
    ]

    /// Does what the words ask for. 0 done, 1 it failed, 2 wrong usage; exec has the codes of what it ran.
    static func run(_ words: [String], _ console: Console) -> Int32 {
        do throws(CommandError) {
            switch try ArgumentParser.parse(words, verbs: verbs) {
            case .help(let topic): try console.print(try HelpText.text(topic: topic, verbs: verbs))
            case .run(let verb, let arguments): try verb.run(arguments, console)
            }
            return 0
        } catch {
            if let text = error.text { console.note("podagent: \(oneLine(text))") }
            return error.exitCode
        }
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }
}

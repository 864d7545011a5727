import Glibc
import PodCore

/// `podagent exec`: runs a command in a container.
struct ExecCommand {
    static let verb = Verb(
        name: "exec",
        synopsis: "POD -- COMMAND [ARGUMENT...]",
        summary: "Run a command in a container.",
        details: """
            Ends with the exit code of the command. Without -c the Pod's only container is meant,
            else the one that the annotation kubectl.kubernetes.io/default-container names, else
            the first.
            """,
        examples: [
            "exec web -- cat /etc/hosts", "exec -it web -c app -- sh",
            "echo hello | podagent exec -i web -- cat",
        ],
        flags: [
            .toggle("stdin", "i", "Pass standard input to the command."),
            .toggle("tty", "t", "Give the command a terminal."),
            .value("container", "c", "NAME", "The container."),
            .toggle("quiet", "q", "Do not say with which code the command ended."),
        ],
        words: 0...1,
        takesRest: true,
        run: { arguments, console throws(CommandError) in try run(arguments, console) }
    )

    private static func run(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        guard let word = arguments.words.first else { throw arguments.wrong("in which Pod?") }
        guard let command = arguments.rest, !command.isEmpty else {
            throw arguments.wrong("which command? Give it after --, as in podagent exec \(word) -- ls")
        }
        let client = APIClient(arguments, console)
        let name = try arguments.podName(word)
        let container =
            if let named = arguments.value("container") { named } else {
                try client.pod(name, in: arguments.namespace).defaultContainer(console)
            }
        let hasInput = arguments.isOn("stdin")
        let isTerminal = isatty(0) == 1
        if arguments.isOn("tty"), hasInput, !isTerminal {
            console.note("Unable to use a TTY - input is not a terminal or the right kind of file")
        }
        // Without input a terminal is for the command's output only, and needs none on this side.
        let wantsTerminal = arguments.isOn("tty") && (isTerminal || !hasInput)
        var query = [("container", container), ("stdout", "true")]
        query += command.map { ("command", $0) }
        if hasInput { query.append(("stdin", "true")) }
        query.append(wantsTerminal ? ("tty", "true") : ("stderr", "true"))
        let path = ResourceKind.pods.path(namespace: arguments.namespace) + [name, "exec"]
        let socket = try WebSocketClient(
            client,
            APIClient.Request(path, query: query),
            protocol: ChannelProtocol.v5.rawValue
        )
        var stream = ExecStream(socket, console, hasInput: hasInput, hasTerminal: wantsTerminal)
        let code = try stream.run()
        guard code != 0 else { return }
        if !arguments.isOn("quiet") { console.note("command terminated with exit code \(code)") }
        throw .silent(exitCode: code)
    }
}

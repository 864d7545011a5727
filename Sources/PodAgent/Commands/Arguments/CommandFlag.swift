/// A flag that a verb takes.
struct CommandFlag: Hashable, Sendable {
    /// Without the dashes.
    var name: String
    var short: Character?
    /// What help calls its value; nil for a switch, which may still be given as `--name=false`.
    var value: String?
    var help: String
    /// Whether it may be given several times.
    var repeats = false

    /// `-n, --namespace NAME`
    var usage: String {
        let dashes = short.map { "-\($0), --\(name)" } ?? "    --\(name)"
        return value.map { "\(dashes) \($0)" } ?? dashes
    }
}

extension CommandFlag {
    static func value(
        _ name: String,
        _ short: Character? = nil,
        _ value: String,
        _ help: String,
        repeats: Bool = false
    ) -> CommandFlag {
        CommandFlag(name: name, short: short, value: value, help: help, repeats: repeats)
    }

    static func toggle(_ name: String, _ short: Character? = nil, _ help: String) -> CommandFlag {
        CommandFlag(name: name, short: short, value: nil, help: help)
    }

    static let help = toggle("help", "h", "Print what the verb does and its flags.")

    /// What every verb that talks to the agent takes.
    static let client: [CommandFlag] = [
        .value(
            "socket",
            nil,
            "PATH",
            "The agent's socket; else $PODAGENT_SOCKET, else \(Self.defaultSocket)."
        ),
        .value("namespace", "n", "NAME", "The namespace; default if not given."),
    ]

    static let defaultSocket = "/run/podagent/podagent.sock"
}

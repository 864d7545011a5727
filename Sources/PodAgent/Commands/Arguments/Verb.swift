/// Something that podagent can be told to do.
struct Verb: Sendable {
    /// One word, or two where verbs form a group: `image load`.
    var name: String
    var aliases: [String] = []
    /// What follows the name: `[NAME]`, `POD -- COMMAND [ARGUMENT...]`.
    var synopsis: String
    /// One line, for the list of all verbs.
    var summary: String
    /// The whole story; what the flags do not say already.
    var details = ""
    var examples: [String] = []
    var flags: [CommandFlag] = []
    /// Whether it is left out of the list of verbs: podagent itself is its only caller.
    var isHidden = false
    /// Whether it talks to a running agent, and so takes the flags that say which.
    var isClient = true
    /// How many words it takes besides flags.
    var words: ClosedRange<Int> = 0...Int.max
    /// Whether something may stand after `--`.
    var takesRest = false
    var run: @Sendable (Arguments, Console) throws(CommandError) -> Void

    var allFlags: [CommandFlag] { flags + (isClient ? CommandFlag.client : []) + [.help] }
}

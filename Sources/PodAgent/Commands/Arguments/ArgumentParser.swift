/// Finds the verb on a command line and takes the rest apart by the flags that the verb knows.
///
/// Flags may stand anywhere before `--`, also before the verb: `--name=value`, `--name value`, `-n value`, `-nvalue`,
/// `-n=value`, and switches together as in `-it`. A flag that takes a value takes the next word, whatever it begins
/// with.
struct ArgumentParser {
    private let verbs: [Verb]
    private var verb: Verb?
    private var arguments = Arguments(verb: "")
    /// Words that have begun to name a verb: `image`.
    private var begun: [String] = []

    /// What a command line asks for.
    enum Request {
        case run(Verb, Arguments)
        /// The help of a verb, of a group of verbs, or of all.
        case help(topic: [String])
    }

    static func parse(_ words: [String], verbs: [Verb]) throws(CommandError) -> Request {
        var parser = ArgumentParser(verbs: verbs)
        return try parser.parse(words)
    }

    private init(verbs: [Verb]) { self.verbs = verbs }

    private mutating func parse(_ words: [String]) throws(CommandError) -> Request {
        var words = words[...]
        while let word = words.popFirst() {
            if word == "--" {
                arguments.rest = Array(words)
                break
            } else if word.hasPrefix("--") {
                try long(word.dropFirst(2), &words)
            } else if word.hasPrefix("-"), word != "-" {
                try short(word.dropFirst(), &words)
            } else if verb == nil {
                if word == "help", begun.isEmpty { return .help(topic: words.filter { !$0.hasPrefix("-") }) }
                try begin(word)
            } else {
                arguments.words.append(word)
            }
        }
        if arguments.isOn("help") { return .help(topic: verb.map { [$0.name] } ?? begun) }
        guard let verb else {
            if begun.isEmpty { throw .usage("a verb is missing") }
            let names = verbs.map(\.name).filter { $0.hasPrefix(begun[0] + " ") }
            throw .usage("\(begun[0]) what? There are \(names.joined(separator: ", "))", verb: begun[0])
        }
        arguments.verb = verb.name
        try check(verb)
        return .run(verb, arguments)
    }

    // MARK: The verb

    private mutating func begin(_ word: String) throws(CommandError) {
        let name = (begun + [word]).joined(separator: " ")
        if let found = verbs.first(where: { $0.name == name || $0.aliases.contains(name) }) {
            verb = found
        } else if verbs.contains(where: { $0.name.hasPrefix(name + " ") }) {
            begun.append(word)
        } else {
            let near = Nearest.find(name, in: verbs.filter { !$0.isHidden }.map(\.name))
            throw .usage("there is no verb '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""))
        }
    }

    /// Flags given before the verb are judged when it is known.
    private func check(_ verb: Verb) throws(CommandError) {
        for name in arguments.flags.keys.sorted() where !verb.allFlags.contains(where: { $0.name == name }) {
            throw .usage("\(verb.name) takes no flag --\(name)", verb: verb.name)
        }
        for flag in verb.allFlags where !flag.repeats && flag.value != nil {
            guard let values = arguments.flags[flag.name], values.count > 1 else { continue }
            throw .usage("--\(flag.name) is given \(values.count) times", verb: verb.name)
        }
        if arguments.rest != nil, !verb.takesRest {
            throw .usage("\(verb.name) takes nothing after --", verb: verb.name)
        }
        let count = arguments.words.count
        guard verb.words.contains(count) else {
            let problem = count < verb.words.lowerBound ? "too little is given" : "too much is given"
            throw .usage("\(problem): podagent \(verb.name) \(verb.synopsis)", verb: verb.name)
        }
    }

    // MARK: Flags

    private var known: [CommandFlag] { verb?.allFlags ?? (CommandFlag.client + [.help]) }

    private mutating func long(_ word: Substring, _ words: inout ArraySlice<String>) throws(CommandError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let flag = known.first(where: { $0.name == name }) else { throw unknown("--\(name)") }
        try set(flag, parts.count > 1 ? String(parts[1]) : nil, &words)
    }

    private mutating func short(_ cluster: Substring, _ words: inout ArraySlice<String>) throws(CommandError)
    {
        var cluster = cluster
        while let letter = cluster.popFirst() {
            guard let flag = known.first(where: { $0.short == letter }) else { throw unknown("-\(letter)") }
            if flag.value == nil, cluster.first != "=" {
                try set(flag, nil, &words)
                continue
            }
            let attached = cluster.first == "=" ? cluster.dropFirst() : cluster
            return try set(flag, cluster.isEmpty ? nil : String(attached), &words)
        }
    }

    private mutating func set(
        _ flag: CommandFlag,
        _ given: String?,
        _ words: inout ArraySlice<String>
    ) throws(CommandError) {
        if let placeholder = flag.value {
            guard let value = given ?? words.popFirst() else {
                throw .usage("--\(flag.name) needs a value: --\(flag.name) \(placeholder)", verb: verb?.name)
            }
            arguments.flags[flag.name, default: []].append(value)
        } else {
            guard let isOn = Self.switchValue(given) else {
                throw .usage("--\(flag.name) is either true or false, not '\(given ?? "")'", verb: verb?.name)
            }
            arguments.flags[flag.name, default: []].append(isOn ? "true" : "false")
        }
    }

    private static func switchValue(_ text: String?) -> Bool? {
        switch text {
        case nil, "true", "1": true
        case "false", "0": false
        default: nil
        }
    }

    private func unknown(_ flag: String) -> CommandError {
        let names = known.map { "--\($0.name)" }
        let near = Nearest.find(flag, in: names).map { "; did you mean \($0)?" } ?? ""
        guard let verb else { return .usage("there is no flag \(flag) before a verb\(near)") }
        return .usage("\(verb.name) has no flag \(flag)\(near)", verb: verb.name)
    }
}

import PodCore

/// The configuration file of `podagent serve`: one map with the flags' names as keys, and sections that are no flags.
enum ServeConfigurationFile {
    /// Reads it into texts by flag, and its sections into the options; the first problem, with its line, ends it.
    static func read(
        _ path: String,
        sections options: inout NodeOptions
    ) throws(CommandError) -> [String: String] {
        guard let file = try ManifestInput.read([path]).first else { throw .failed("\(path) is a directory") }
        if let problem = file.content.problems.first { throw .failed(ManifestInput.line(path, problem)) }
        guard file.content.documents.count == 1, case .map(let entries)? = file.content.documents.first?.value
        else {
            throw .failed("\(path): must hold one map of settings")
        }
        var texts: [String: String] = [:]
        for entry in entries {
            do throws(ManifestProblem) {
                let setting = try setting(entry)
                if let setSection = setting.setSection {
                    try setSection(entry.value, &options)
                    continue
                }
                texts[setting.name] = try text(entry, of: setting)
            } catch {
                throw .failed(ManifestInput.line(path, error))
            }
        }
        return texts
    }

    private static func setting(_ entry: Document.Entry) throws(ManifestProblem) -> ServeSetting {
        let name = entry.key.kebabCased
        if let setting = ServeSetting.all.first(where: { $0.name == name }) { return setting }
        let near = Nearest.find(name, in: ServeSetting.all.map(\.name)).map { "; did you mean \($0)?" } ?? ""
        throw ManifestProblem(
            line: entry.value.line,
            message: "there is no setting \(entry.key.quoted)\(near)"
        )
    }

    /// Nil where the file leaves the setting to its default.
    private static func text(_ entry: Document.Entry, of setting: ServeSetting) throws(ManifestProblem)
        -> String?
    {
        let problem: String
        switch entry.value.value {
        case .string(let text) where text.utf8.contains(0): problem = "must not contain a NUL character"
        case .string(let text) where setting.accepts(text): return text
        case .string(let text): problem = setting.refusal(text)
        case .integer(let number) where setting.accepts(String(number)): return String(number)
        case .integer(let number): problem = "must be \(setting.rule), not \(number)"
        case .null: return nil
        case .map(let entries) where setting.isMap: return try text(entries, of: setting)
        case .bool, .number, .list, .map: problem = "must be a text, not \(entry.value.kindDescription)"
        }
        throw ManifestProblem(line: entry.value.line, message: "\(entry.key) \(problem)")
    }

    /// A map as the flag would have it. Each entry is tried by itself, so that the line of a bad one is told.
    private static func text(_ entries: [Document.Entry], of setting: ServeSetting) throws(ManifestProblem)
        -> String
    {
        var parts: [String] = []
        for entry in entries {
            let problem: String
            switch entry.value.string {
            case let text? where text.utf8.contains(0): problem = "must not contain a NUL character"
            case let text? where setting.accepts("\(entry.key)=\(text)"):
                parts.append("\(entry.key)=\(text)")
                continue
            case let text?: problem = setting.refusal("\(entry.key)=\(text)")
            case nil: problem = "must be a text, not \(entry.value.kindDescription)"
            }
            throw ManifestProblem(
                line: entry.value.line,
                message: "\(setting.name): \(entry.key) \(problem)"
            )
        }
        let whole = parts.joined(separator: ";")
        guard setting.accepts(whole) else {
            // Each is right by itself, so that it is about two of them, and those are named.
            throw ManifestProblem(
                line: entries.first?.value.line,
                message: "\(setting.name) \(setting.refusal(whole))"
            )
        }
        return whole
    }
}

extension String {
    /// `stateDir` as `state-dir`; what is written so already stays.
    fileprivate var kebabCased: String {
        var text = ""
        for character in self {
            if character.isUppercase { text += "-" }
            text += character.lowercased()
        }
        return text
    }
}

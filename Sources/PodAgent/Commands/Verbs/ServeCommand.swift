import Glibc
import PodCore

/// `podagent serve`: reads flags and configuration into ``NodeOptions``.
enum ServeCommand {
    static let verb = Verb(
        name: "serve",
        synopsis: "[FLAGS]",
        summary: "Run the agent: the Pods of a directory, on this node.",
        details: """
            A flag wins over the configuration file, which wins over the default. The file is
            JSON (with comments and trailing commas) or YAML and has the flags' names as keys,
            as in state-dir or stateDir.
            """,
        examples: ["serve", "serve --manifests ./pods --config /etc/podagent.yaml"],
        flags: [.value("config", nil, "FILE", "The configuration file.")]
            + settings.map { .value($0.name, nil, $0.value, $0.help) },
        isClient: false,
        words: 0...0,
        run: { arguments, _ throws(CommandError) in Serve.run(try options(arguments)) }
    )

    /// One setting: its flag, and how its text gets into the options; nil from `set` when the text is not understood.
    struct Setting: Sendable {
        var name: String
        var value: String
        var help: String
        /// What the text must be, for the message when it is not.
        var rule: String
        var set: @Sendable (inout NodeOptions, String) -> Void?

        init(
            _ name: String,
            _ value: String,
            _ help: String,
            _ rule: String,
            set: @escaping @Sendable (inout NodeOptions, String) -> Void?
        ) {
            self.name = name
            self.value = value
            self.help = help
            self.rule = rule
            self.set = set
        }

        static func path(
            _ name: String,
            _ help: String,
            _ property: WritableKeyPath<NodeOptions, String> & Sendable
        ) -> Setting {
            Setting(name, "PATH", help, "a path") { options, text in
                text.isEmpty ? nil : (options[keyPath: property] = text)
            }
        }
    }

    static let settings: [Setting] = [
        .path("manifests", "The directory whose manifests run; /etc/pods if not given.", \.manifests),
        .path(
            "state-dir",
            "Images, volumes and saved status; /var/lib/podagent if not given.",
            \.stateDirectory
        ),
        .path("run-dir", "Sockets and records of running Pods; /run/podagent if not given.", \.runDirectory),
        .path("log-dir", "What containers print; /var/log/pods if not given.", \.logDirectory),
        .path("socket", "Where clients connect; podagent.sock in the run directory if not given.", \.socket),
        Setting("socket-group", "GROUP", "The group that may use the socket; root's if not given.", "a group")
        {
            options,
            text in options.socketGroup = text.isEmpty ? nil : text
        },
        Setting(
            "node-name",
            "NAME",
            "The node's name, part of the names of its Pods; the host name if not given.",
            "a name"
        ) {
            options,
            text in options.nodeName = text
        },
        .path("shim", "The podshim program; the one beside podagent if not given.", \.shim),
        Setting(
            "cgroup",
            "NAME",
            "The cgroup for all Pods, below the cgroup2 mount.",
            "a path below the cgroup2 mount, without . and .."
        ) {
            options,
            text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            let areNames = parts.allSatisfy { !["", ".", ".."].contains($0) && $0.utf8.count <= 255 }
            return areNames ? (options.cgroup = text) : nil
        },
        Setting(
            "pod-cidr",
            "CIDR",
            "The addresses for Pods; no effect yet: Pods have loopback alone.",
            "a network such as 10.88.0.0/16"
        ) {
            options,
            text in
            text.contains("/") ? (options.podCIDR = text) : nil
        },
        Setting(
            "bridge",
            "NAME",
            "The bridge that Pods are connected to; no effect yet.",
            "an interface name of at most 15 bytes"
        ) {
            options,
            text in (1...15).contains(text.utf8.count) ? (options.bridge = text) : nil
        },
        Setting(
            "container-log-max-size",
            "SIZE",
            "When a log file is rotated; 10Mi if not given.",
            "a size such as 10Mi"
        ) {
            options,
            text in
            guard let size = try? Quantity(parsing: text), size.value > 0 else { return nil }
            options.logLimits.bytesMax = Int(clamping: size.value)
        },
        Setting(
            "container-log-max-files",
            "N",
            "Log files kept for a container; 5 if not given.",
            "a number of at least 2"
        ) {
            options,
            text in
            guard let count = Int(text), count >= 2 else { return nil }
            options.logLimits.filesMax = count
        },
        Setting(
            "restart-backoff",
            "DURATION",
            "The delay before the second restart; 10s if not given.",
            "a duration such as 10s"
        ) {
            options,
            text in
            guard let delay = Duration(parsing: text), delay > .zero else { return nil }
            options.backoff.initial = delay
        },
        Setting(
            "restart-backoff-max",
            "DURATION",
            "The longest delay before a restart; 300s if not given.",
            "a duration such as 300s"
        ) {
            options,
            text in
            guard let delay = Duration(parsing: text), delay > .zero else { return nil }
            options.backoff.maximum = delay
        },
        Setting(
            "shutdown-grace-period",
            "DURATION",
            "How long all Pods get to end when the machine goes down; 60s if not given.",
            "a duration such as 60s"
        ) {
            options,
            text in
            guard let period = Duration(parsing: text), period >= .zero else { return nil }
            options.shutdown.total = period
        },
        Setting(
            "shutdown-grace-period-critical-pods",
            "DURATION",
            "Of that, the critical ones, which are ended last; 10s if not given.",
            "a duration such as 10s"
        ) {
            options,
            text in
            guard let period = Duration(parsing: text), period >= .zero else { return nil }
            options.shutdown.critical = period
        },
    ]

    static func options(_ arguments: Arguments) throws(CommandError) -> NodeOptions {
        var given: [String: String] = [:]
        if let path = arguments.value("config") { given = try configuration(path) }
        for setting in settings { given[setting.name] = arguments.value(setting.name) ?? given[setting.name] }
        var options = NodeOptions()
        for setting in settings {
            guard let text = given[setting.name] else { continue }
            guard setting.set(&options, text) != nil else {
                throw arguments.wrong("--\(setting.name) must be \(setting.rule), not '\(text)'")
            }
        }
        // Another run directory is another agent, which must not take the socket of the first.
        if given["socket"] == nil { options.socket = options.runDirectory + "/podagent.sock" }
        options.shutdown = ShutdownPeriods(total: options.shutdown.total, critical: options.shutdown.critical)
        options.backoff = BackoffLimits(initial: options.backoff.initial, maximum: options.backoff.maximum)
        for (name, property) in paths where !options[keyPath: property].hasPrefix("/") {
            guard let absolute = absolute(options[keyPath: property]) else {
                throw .failed(
                    "the path of --\(name) is relative, and the working directory has no name any more"
                )
            }
            options[keyPath: property] = absolute
        }
        return options
    }

    private static let paths: [(String, WritableKeyPath<NodeOptions, String> & Sendable)] = [
        ("manifests", \.manifests), ("state-dir", \.stateDirectory), ("run-dir", \.runDirectory),
        ("log-dir", \.logDirectory), ("socket", \.socket),
    ]

    private static func absolute(_ path: String) -> String? {
        guard let current = getcwd(nil, 0) else { return nil }
        defer { free(current) }
        return "\(String(cString: current))/\(path.hasPrefix("./") ? String(path.dropFirst(2)) : path)"
    }

    /// Reads the configuration file into texts by flag.
    private static func configuration(_ path: String) throws(CommandError) -> [String: String] {
        guard let file = try ManifestInput.read([path]).first else { throw .failed("\(path) is a directory") }
        if let problem = file.content.problems.first { throw .failed(ManifestInput.line(path, problem)) }
        guard file.content.documents.count == 1, case .map(let entries)? = file.content.documents.first?.value
        else {
            throw .failed("\(path): must hold one map of settings")
        }
        var texts: [String: String] = [:]
        for entry in entries {
            let name = entry.key.kebabCased
            guard settings.contains(where: { $0.name == name }) else {
                let near = Nearest.find(name, in: settings.map(\.name)).map { "; did you mean \($0)?" } ?? ""
                let problem = ManifestProblem(
                    line: entry.value.line,
                    message: "there is no setting \(entry.key.quoted)\(near)"
                )
                throw .failed(ManifestInput.line(path, problem))
            }
            switch entry.value.value {
            case .string(let text) where text.utf8.contains(0):
                let problem = ManifestProblem(
                    line: entry.value.line,
                    message: "\(entry.key) must not contain a NUL character"
                )
                throw .failed(ManifestInput.line(path, problem))
            case .string(let text): texts[name] = text
            case .integer(let number): texts[name] = String(number)
            case .null: continue
            case .bool, .number, .list, .map:
                let kind = entry.value.kindDescription
                let problem = ManifestProblem(
                    line: entry.value.line,
                    message: "\(entry.key) must be a text, not \(kind)"
                )
                throw .failed(ManifestInput.line(path, problem))
            }
        }
        return texts
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

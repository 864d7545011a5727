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
            as in state-dir or stateDir. The file alone has registries, a map from the hosts of
            images to maps with plainHTTP (true or false), ca, clientCertificate and clientKey
            (paths of PEM files), mirrors (hosts, perhaps with a path, that are asked first) and
            tokenHosts (further hosts that credentials may be shown to for a token).

            SIGHUP has the file read again. One that is wrong is refused as a whole, and the
            agent goes on with what it had. At once in effect are log-format, socket-group,
            peers, registries, registry-credentials, max-parallel-image-pulls,
            image-gc-*-threshold-percent and the shutdown's periods; for containers that start
            from then on, the limits of their logs; for Pods that begin from then on,
            allowed-unsafe-sysctls and restart-backoff with its maximum.
            Everything else takes a restart of the agent, and the log says so.

            SIGTERM ends the agent and no Pod. Under systemd (Type=notify) it says when it is
            ready and how many Pods there are, and shows the watchdog that it still decides.
            """,
        examples: ["serve", "serve --manifests ./pods --config /etc/podagent.yaml"],
        flags: [.value("config", nil, "FILE", "The configuration file.")]
            + ServeSetting.all.filter(\.isFlag).map { .value($0.name, nil, $0.value, $0.help) },
        isClient: false,
        words: 0...0,
        run: run
    )

    @Sendable private static func run(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        let read = { @Sendable () throws(CommandError) in try options(arguments) }
        let atStart: NodeOptions
        do throws(CommandError) {
            atStart = try read()
        } catch {
            guard Log.isJournal, let text = error.text else { throw error }
            Log.startFailed(text)
            throw .silent(exitCode: error.exitCode)
        }
        Serve.run(ServeConfiguration(options: atStart, read: read))
    }

    /// Flags over the configuration file over the defaults.
    static func options(_ arguments: Arguments) throws(CommandError) -> NodeOptions {
        var given: [String: String] = [:]
        var options = NodeOptions()
        if let path = arguments.value("config") {
            given = try ServeConfigurationFile.read(path, sections: &options)
        }
        for setting in ServeSetting.all where setting.isFlag {
            given[setting.name] = arguments.value(setting.name) ?? given[setting.name]
        }
        for setting in ServeSetting.all {
            guard let text = given[setting.name] else { continue }
            guard setting.set(text, &options) else {
                let refusal = setting.problem(text).map { "is refused: \($0)" }
                throw arguments.wrong(
                    "--\(setting.name) \(refusal ?? "must be \(setting.rule), not '\(text)'")"
                )
            }
        }
        // Another run directory is another agent, which must not take the socket of the first.
        if given["socket"] == nil { options.socket = options.runDirectory + "/podagent.sock" }
        options.shutdown = ShutdownPeriods(total: options.shutdown.total, critical: options.shutdown.critical)
        options.backoff = BackoffLimits(initial: options.backoff.initial, maximum: options.backoff.maximum)
        let images = options.imageCollection
        guard images.lowPercent < images.highPercent else {
            throw arguments.wrong(
                "--image-gc-low-threshold-percent (\(images.lowPercent)) must be lower than "
                    + "--image-gc-high-threshold-percent (\(images.highPercent))"
            )
        }
        for (name, property) in paths
        where !options[keyPath: property].isEmpty && !options[keyPath: property].hasPrefix("/") {
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
        ("log-dir", \.logDirectory), ("socket", \.socket), ("resolv-conf", \.resolverFile),
        ("preload-dir", \.preloadDirectory),
    ]

    private static func absolute(_ path: String) -> String? {
        guard let current = getcwd(nil, 0) else { return nil }
        defer { free(current) }
        return "\(String(cString: current))/\(path.hasPrefix("./") ? String(path.dropFirst(2)) : path)"
    }
}

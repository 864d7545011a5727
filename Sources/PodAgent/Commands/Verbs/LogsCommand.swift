import Dispatch
import PodCore
import Synchronization

/// `podagent logs`: what containers print.
struct LogsCommand {
    static let verb = Verb(
        name: "logs",
        synopsis: "POD [CONTAINER]",
        summary: "Print what a container has printed.",
        details: """
            Without -c the Pod's only container is meant, else the one that the annotation
            kubectl.kubernetes.io/default-container names, else the first.
            """,
        examples: [
            "logs web", "logs -f --tail 20 web", "logs -p -c app web", "logs --all-containers --prefix web",
        ],
        flags: [
            .toggle("follow", "f", "Go on printing until the container ends."),
            .toggle("previous", "p", "The log of the instance before the current one."),
            .value("container", "c", "NAME", "The container."),
            .toggle(
                "all-containers",
                nil,
                "The logs of all containers, one after the other, or mixed with -f."
            ),
            .toggle("prefix", nil, "Begin each line with the container's name."),
            .value("tail", nil, "N", "Only the last N lines; -1 for all."),
            .value("since", nil, "DURATION", "Only lines younger than this: 30s, 5m, 1h30m."),
            .value("since-time", nil, "TIME", "Only lines since then: 2026-01-02T03:04:05Z."),
            .toggle("timestamps", nil, "Begin each line with the time at which it was printed."),
            .value("limit-bytes", nil, "N", "Stop after N bytes."),
        ],
        words: 1...2,
        run: { arguments, console throws(CommandError) in try LogsCommand(arguments, console).run() }
    )

    private let arguments: Arguments
    private let console: Console
    private let client: APIClient
    private let name: String
    private let query: [(String, String)]

    private init(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        self.arguments = arguments
        self.console = console
        client = APIClient(arguments, console)
        name = try arguments.podName(arguments.words[0])
        query = try Self.query(arguments)
        let named = [arguments.value("container"), arguments.words.dropFirst().first].compactMap { $0 }
        if named.count + (arguments.isOn("all-containers") ? 1 : 0) > 1 {
            throw arguments.wrong("the container is named more than once")
        }
    }

    /// The options as the API has them.
    private static func query(_ arguments: Arguments) throws(CommandError) -> [(String, String)] {
        var query: [(String, String)] = []
        for (flag, name) in [("follow", "follow"), ("previous", "previous"), ("timestamps", "timestamps")]
        where arguments.isOn(flag) {
            query.append((name, "true"))
        }
        if let tail = try arguments.integer("tail", in: -1...Int64.max), tail >= 0 {
            query.append(("tailLines", String(tail)))
        }
        if let limit = try arguments.integer("limit-bytes", in: 1...Int64.max) {
            query.append(("limitBytes", String(limit)))
        }
        if let since = try arguments.duration("since") {
            guard arguments.value("since-time") == nil else {
                throw arguments.wrong("--since and --since-time exclude each other")
            }
            // The API counts whole seconds; less than one is asked for as one.
            query.append(("sinceSeconds", String(max(1, (since.wholeMilliseconds + 999) / 1000))))
        }
        if let time = arguments.value("since-time") {
            guard Timestamp(rfc3339: time) != nil else {
                throw arguments.wrong(
                    "--since-time must be a time such as 2026-01-02T03:04:05Z, not '\(time)'"
                )
            }
            query.append(("sinceTime", time))
        }
        return query
    }

    private func run() throws(CommandError) {
        if let container = arguments.value("container") ?? arguments.words.dropFirst().first {
            return try print(container)
        }
        let pod = try client.pod(name, in: arguments.namespace)
        guard arguments.isOn("all-containers") else { return try print(pod.defaultContainer(console)) }
        if arguments.isOn("follow") { return try followAll(pod.containerNames) }
        var isWhole = true
        for container in pod.containerNames {
            do throws(CommandError) {
                try print(container)
            } catch {
                guard case .refused(let failure) = error else { throw error }
                console.note("podagent: \(failure.message)")
                isWhole = false
            }
        }
        if !isWhole { throw .silent(exitCode: 1) }
    }

    /// All logs at once, line by line as they come.
    private func followAll(_ containers: [String]) throws(CommandError) {
        let results = Results()
        DispatchQueue.concurrentPerform(iterations: containers.count) { index in
            do throws(CommandError) {
                try print(containers[index])
            } catch {
                if let text = error.text { console.note("podagent: \(text)") }
                results.add(error.exitCode)
            }
        }
        if let code = results.worst { throw .silent(exitCode: code) }
    }

    private func print(_ container: String) throws(CommandError) {
        let path = ResourceKind.pods.path(namespace: arguments.namespace) + [name, "log"]
        var request = APIClient.Request(path, query: query + [("container", container)])
        request.accept = "*/*"
        let answer = try client.send(request)
        let prefix = arguments.isOn("prefix") ? Array("[\(name)/\(container)] ".utf8) : []
        guard !prefix.isEmpty || arguments.isOn("all-containers") else {
            while let piece = try answer.piece() { try console.print(piece) }
            return
        }
        while let line = try answer.bodyLine() { try console.print(prefix + line + [0x0A]) }
    }
}

/// Exit codes from several threads.
private final class Results: Sendable {
    private let codes = Mutex<[Int32]>([])

    func add(_ code: Int32) { codes.withLock { $0.append(code) } }

    var worst: Int32? { codes.withLock { $0.max() } }
}

import PodCore

/// A list followed by all its changes, for as long as anybody wants to see them.
///
/// The agent ends a watch now and then, and forgets old versions; both are what Kubernetes does. The watch then goes
/// on from the last version seen, or from a new list.
struct WatchStream {
    enum Event {
        /// The list as it is now; its objects replace everything known.
        case list(Document)
        case added(Document)
        case modified(Document)
        case deleted(Document)
    }

    let client: APIClient
    /// The request for the list.
    let request: APIClient.Request
    /// When to give up; nil watches for ever.
    var deadline: Tick?

    /// Lists, then reports each change until `body` returns a value.
    func run<Result>(_ body: (Event) throws(CommandError) -> Result?) throws(CommandError) -> Result {
        while true {
            let list = try bounded().document(request)
            if let result = try body(.list(list)) { return result }
            var version = list["metadata"]?["resourceVersion"]?.string ?? ""
            // Until the version is forgotten.
            while let ended = try watch(from: version, body) {
                switch ended {
                case .result(let result): return result
                case .version(let last): version = last
                }
            }
        }
    }

    private enum Ending<Result> {
        case result(Result)
        /// The agent ended the watch; it can go on from here.
        case version(String)
    }

    private func bounded() -> APIClient {
        var client = client
        if let deadline {
            // A look at how things are is always worth a moment, also when there is no time left to wait.
            let left = max(.seconds(1), deadline - Clock.tick())
            client.patience = client.patience.map { min($0, left) } ?? left
        }
        return client
    }

    /// One watch; nil when the agent no longer knows the version.
    private func watch<Result>(
        from version: String,
        _ body: (Event) throws(CommandError) -> Result?
    ) throws(CommandError) -> Ending<Result>? {
        var request = request
        request.query += [("watch", "true"), ("resourceVersion", version), ("allowWatchBookmarks", "true")]
        var version = version
        let answer: HTTPAnswer
        do throws(CommandError) {
            answer = try bounded().send(request)
        } catch .refused(let failure) where failure.code == 410 {
            return nil
        }
        answer.deadline = deadline
        while let line = try answer.bodyLine() {
            let frame = try APIClient.document(line)
            guard let object = frame["object"] else { continue }
            version = Self.version(of: object) ?? version
            let event: Event
            switch frame["type"]?.string {
            case "ADDED": event = .added(object)
            case "MODIFIED": event = .modified(object)
            case "DELETED": event = .deleted(object)
            case "ERROR":
                let status: Status = try APIClient.object(object)
                if status.code == 410 { return nil }
                throw .failed(status.message)
            default: continue
            }
            if let result = try body(event) { return .result(result) }
        }
        return .version(version)
    }

    /// The version of an object, or of the object in a table's row.
    private static func version(of object: Document) -> String? {
        let holder = object["rows"]?[0]?["object"] ?? object
        let version = holder["metadata"]?["resourceVersion"]?.string
        return version?.isEmpty == false ? version : nil
    }
}

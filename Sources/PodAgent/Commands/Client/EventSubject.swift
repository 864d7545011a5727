import PodCore

/// To what something must have happened to be listed: `--for`.
struct EventSubject {
    /// What the agent selects by.
    let fields: [String]
    /// The name, where the agent cannot tell the Pod: it is gone, and it may have been named without its node.
    private let name: String?

    /// Nil without the flag.
    init?(_ arguments: Arguments, _ client: APIClient, in namespace: String?) throws(CommandError) {
        guard let text = arguments.value("for") else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 2, ResourceKind(parts[0]) == .nodes, !parts[1].isEmpty {
            fields = ["involvedObject.kind=Node", "involvedObject.name=\(parts[1])"]
            name = nil
            return
        }
        let pod = try arguments.podName(text)
        if let namespace, let found = try Self.find(pod, client, in: namespace) {
            fields = ["involvedObject.kind=Pod", "involvedObject.name=\(found.metadata.name)"]
            name = nil
        } else {
            fields = ["involvedObject.kind=Pod"]
            name = pod
        }
    }

    private static func find(
        _ name: String,
        _ client: APIClient,
        in namespace: String
    ) throws(CommandError) -> Pod? {
        do throws(CommandError) {
            return try client.pod(name, in: namespace)
        } catch .refused(let failure) where failure.code == 404 {
            return nil
        }
    }

    /// Whether an event that the agent has selected is meant.
    func isOf(_ event: Event) -> Bool {
        guard let name else { return true }
        let subject = event.involvedObject.name
        return subject == name || subject == "\(name)-\(event.source.host)"
    }
}

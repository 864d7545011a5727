import PodCore

/// `podagent describe`: all about a Pod, for people.
enum DescribeCommand {
    static let verb = Verb(
        name: "describe",
        synopsis: "pod [NAME...]",
        summary: "Show all about a Pod: containers, conditions, volumes, events.",
        examples: ["describe pod web", "describe pods"],
        flags: [.value("selector", "l", "QUERY", "Pods with these labels: app=web,tier!=db.")],
        words: 1...Int.max,
        run: { arguments, console throws(CommandError) in try run(arguments, console) }
    )

    private static func run(_ arguments: Arguments, _ console: Console) throws(CommandError) {
        let client = APIClient(arguments, console)
        let (_, names) = try arguments.resource(of: [.pods])
        let pods = try pods(names, client, arguments)
        if pods.isEmpty { console.note("No resources found in \(arguments.namespace) namespace.") }
        for (index, pod) in pods.enumerated() {
            let describer = PodDescriber(now: Clock.wall(), zone: LocalZone.offset)
            let text = describer.text(pod, events: try events(of: pod, client))
            try console.print((index > 0 ? "\n\n" : "") + text)
        }
    }

    private static func pods(
        _ names: [String],
        _ client: APIClient,
        _ arguments: Arguments
    ) throws(CommandError) -> [Pod] {
        var pods: [Pod] = []
        for name in names { pods.append(try client.pod(name, in: arguments.namespace)) }
        guard names.isEmpty else { return pods }
        var request = APIClient.Request(ResourceKind.pods.path(namespace: arguments.namespace))
        if let selector = arguments.value("selector") { request.query.append(("labelSelector", selector)) }
        let list: PodList = try client.object(request)
        return list.items
    }

    private static func events(of pod: Pod, _ client: APIClient) throws(CommandError) -> [Event] {
        let metadata = pod.metadata
        let selector = [
            "involvedObject.name=\(metadata.name)", "involvedObject.namespace=\(metadata.namespace)",
            "involvedObject.uid=\(metadata.uid)",
        ].joined(separator: ",")
        let path = ResourceKind.events.path(namespace: metadata.namespace)
        let list: EventList = try client.object(APIClient.Request(path, query: [("fieldSelector", selector)]))
        return list.items
    }
}

import PodCore

/// A kind of object that commands name on the command line.
enum ResourceKind: String, CaseIterable, Sendable {
    case pods, events, nodes

    /// Reads what people write: `pod`, `pods`, `po`.
    init?(_ word: some StringProtocol) {
        switch word {
        case "pods", "pod", "po": self = .pods
        case "events", "event", "ev": self = .events
        case "nodes", "node", "no": self = .nodes
        default: return nil
        }
    }

    var isNamespaced: Bool { self != .nodes }

    /// Before the slash in `pod/web`.
    var singular: String { String(rawValue.dropLast()) }

    /// The path of the collection; of all namespaces where none is given.
    func path(namespace: String?) -> [String] {
        guard isNamespaced, let namespace else { return ["api", "v1", rawValue] }
        return ["api", "v1", "namespaces", namespace, rawValue]
    }
}

extension Arguments {
    /// Reads `RESOURCE [NAME...]`, `RESOURCE/NAME [...]` into a resource and names.
    func resource(of allowed: [ResourceKind] = ResourceKind.allCases) throws(CommandError) -> (
        ResourceKind, names: [String]
    ) {
        let choices = allowed.map(\.rawValue).joined(separator: ", ")
        guard let first = words.first else { throw wrong("of what? There are \(choices)") }
        let parts = first.split(separator: "/", omittingEmptySubsequences: false)
        guard let resource = ResourceKind(parts[0]), allowed.contains(resource) else {
            throw wrong("'\(parts[0])' is not known here; there are \(choices)")
        }
        guard parts.count > 1 else { return (resource, Array(words.dropFirst())) }
        var names: [String] = []
        for word in words {
            let parts = word.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, ResourceKind(parts[0]) == resource, !parts[1].isEmpty else {
                throw wrong("'\(word)' is not of the form \(resource.singular)/NAME")
            }
            names.append(String(parts[1]))
        }
        return (resource, names)
    }

    /// Reads a Pod's name as commands that are only about Pods take it: `NAME` or `pod/NAME`.
    func podName(_ word: String) throws(CommandError) -> String {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return word }
        guard parts.count == 2, ResourceKind(parts[0]) == .pods, !parts[1].isEmpty else {
            throw wrong("'\(word)' does not name a Pod; write NAME or pod/NAME")
        }
        return String(parts[1])
    }
}

extension APIClient {
    /// One Pod. The agent finds a static Pod without its `-<node>` suffix too.
    func pod(_ name: String, in namespace: String) throws(CommandError) -> Pod {
        try object(Request(ResourceKind.pods.path(namespace: namespace) + [name]))
    }
}

extension Pod {
    /// Whether `name` means this Pod: its name, or that without the suffix of a static Pod.
    func isCalled(_ name: String) -> Bool {
        metadata.name == name
            || (!spec.nodeName.isEmpty && metadata.name == "\(name)-\(spec.nodeName.lowercased())")
    }

    /// The names of all containers, in the order in which they start.
    var containerNames: [String] {
        spec.initContainers.map(\.name) + spec.containers.map(\.name) + spec.ephemeralContainers.map(\.name)
    }

    /// The container that a command means which names none: the one that an annotation names, else the first.
    func defaultContainer(_ console: Console) throws(CommandError) -> String {
        let annotation = metadata.annotations["kubectl.kubernetes.io/default-container"] ?? ""
        if containerNames.contains(annotation) { return annotation }
        guard let first = spec.containers.first?.name else {
            throw .failed("pod \(metadata.name) has no container")
        }
        if containerNames.count > 1 {
            console.note(
                "Defaulted container \(first.quoted) out of: \(containerNames.joined(separator: ", "))"
            )
        }
        return first
    }
}

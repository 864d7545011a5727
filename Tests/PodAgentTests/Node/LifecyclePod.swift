import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A Pod of shells for tests of the life cycle. `scratch` of the node's directory is `/d` in every container, so that a
/// test reads there in which order things have happened, and lets them go on.
struct LifecyclePod {
    struct Container {
        var name = "c"
        var image = "busybox:1.36"
        var script: String
        /// Further fields, one a line.
        var fields: [String] = []

        fileprivate var text: String {
            let lines = [
                "- name: \(name)", "  image: \(image)", "  command: [\"/bin/sh\", \"-c\", \(script.quoted)]",
                "  volumeMounts: [{name: d, mountPath: /d}]",
            ]
            return (lines + fields.map { "  \($0)" }).map { "  \($0)\n" }.joined()
        }
    }

    var name = "p"
    var policy = "Always"
    var grace = 5
    /// Further fields of the spec, one a line.
    var fields: [String] = []
    var labels: [String: String] = [:]
    var initContainers: [Container] = []
    var containers: [Container]

    func manifest(on node: TestNode) -> String {
        let labels = labels.map { "\($0): \($1)" }.joined(separator: ", ")
        let fields = fields.map { "  \($0)\n" }.joined()
        let initial =
            initContainers.isEmpty ? "" : "  initContainers:\n" + initContainers.map(\.text).joined()
        return """
            apiVersion: v1
            kind: Pod
            metadata: {name: \(name), labels: {\(labels)}}
            spec:
              restartPolicy: \(policy)
              terminationGracePeriodSeconds: \(grace)
              volumes: [{name: d, hostPath: {path: \(node.directory)/scratch}}]
            \(fields)\(initial)  containers:
            \(containers.map(\.text).joined())
            """
    }

    /// Runs until it is asked to end, and writes both down: "NAME", "NAME ends". It answers a signal at once, as the shell
    /// waits for the sleep and not in it.
    static func diary(_ name: String, signal: String = "TERM") -> String {
        "echo \(name) >>/d/diary; trap 'echo \(name) ends >>/d/diary; exit 0' \(signal); while :; do sleep 1000 & wait $!; done"
    }
}

extension TestNode {
    func put(_ pod: LifecyclePod) throws { try put("\(pod.name).yaml", pod.manifest(on: self)) }

    /// What the containers have written down so far, line by line.
    var diary: [String] { readText("\(directory)/scratch/diary").split(separator: "\n").map(String.init) }

    /// What the containers go on at.
    func touch(_ name: String) throws { try write("scratch/\(name)", "") }

    func told(_ pod: String) throws -> Pod? {
        try toldPods().first { $0.metadata.name == "\(pod)-node1" }
    }

    /// One container or init container of a Pod; nil as long as there is no status of it.
    func container(_ name: String = "c", of pod: String = "p") throws -> ContainerStatus? {
        let status = try told(pod)?.status
        return ((status?.initContainerStatuses ?? []) + (status?.containerStatuses ?? []))
            .first { $0.name == name }
    }

    func isReady(_ pod: String) throws -> Bool {
        try told(pod)?.status.conditions.first { $0.type == "Ready" }?.status == .true
    }

    /// Whether there is an event of a reason, about a message.
    func hasEvent(_ reason: String, _ message: String = "") throws -> Bool {
        try toldEvents().contains { $0.reason == reason && (message.isEmpty || $0.message.contains(message)) }
    }

    func toldEvents() throws -> [Event] {
        let text = try ask("events", "-o", "json")
        let list: EventList = try APIClient.object(APIClient.document(Array(text.utf8)))
        return list.items
    }

    /// All events as people see them, for what a test that fails has to say.
    var eventsText: String { (try? ask("events")) ?? "none can be had" }

    /// The command lines of what runs in this node's Pods, words separated by blanks.
    func commandLines() -> [String] {
        processes().map { pid in
            readText("/proc/\(pid)/cmdline").split(separator: "\0").joined(separator: " ")
        }
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Events of a real node, and the delays between restarts that its Pods ask for.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct NodeEventsTests {
    private static func crashing(_ annotations: String) -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: crashes
          annotations: {\(annotations)}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: busybox:1.36
            command: [sh, -c, "exit 3"]
        """
    }

    private func told(_ node: TestNode) throws -> [Event] {
        let text = try node.ask("events", "-o", "json")
        let list: EventList = try APIClient.object(APIClient.document(Array(text.utf8)))
        return list.items
    }

    @Test("The next agent tells the same events and goes on counting", arguments: [SIGTERM, SIGKILL])
    func restart(signal: Int32) throws {
        let node = try TestNode(images: ["busybox"], flags: ["--restart-backoff", "300s"])
        try node.put("crashes.yaml", Self.crashing(""))
        try eventually("it is held back") { try told(node).contains { $0.reason == "BackOff" } }
        let before = try told(node)
        #expect(
            Set(before.map(\.reason)).isSuperset(of: ["Pulled", "Created", "Started", "BackOff"]),
            "\(before)"
        )
        #expect(before.first { $0.reason == "Started" }?.count == 2)
        // An agent that is killed has had its second to write them.
        if signal == SIGKILL {
            try eventually("they are on disk") {
                let state = try RootedDirectory(hostPath: "\(node.directory)/state")
                return Set(EventFile.read(from: state).events.values.map(\.versionNumber))
                    == Set(before.map(\.versionNumber))
            }
        }
        node.endAgent(by: signal)
        try node.startAgent()
        #expect(try told(node) == before)
        let description = try node.ask("describe", "pod", "crashes")
        #expect(
            description.contains(#/Normal +Started +\S+ \(x2 over \S+\) +podagent +Container started/#),
            "\(description)"
        )
        #expect(
            description.contains(#/Reason: +CrashLoopBackOff\n.*\n +Next Start: +in 4m/#),
            "\(description)"
        )

        node.remove("crashes.yaml")
        try node.wait("crashes", for: "delete")
        let after = try node.ask("events", "--for", "pod/crashes")
        #expect(after.contains("BackOff"), "they stay for an hour")
        try node.end()
    }

    @Test("Events of Pods that are rejected, refused or gone are there too, and are selected by field")
    func selected() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put(
            "crashes.yaml",
            Self.crashing("podagent.io/backoff-initial: soon, podagent.io/backof-max: 1s")
        )
        try eventually("it is refused") { try node.ask("events").contains("backof-max") }
        let refused = try node.ask("events", "--for", "node/node1", "--types", "warning")
        #expect(
            refused.contains(
                "metadata.annotations[podagent.io/backoff-initial]: Invalid value: \"soon\": must be a duration"
            )
        )
        #expect(refused.contains("did you mean podagent.io/backoff-max?"))
        #expect(
            try node.podagent("events", "--for", "pod/crashes").errors
                == "No events found in default namespace.\n"
        )
        let selected = try node.ask(
            "get",
            "events",
            "--field-selector",
            "involvedObject.kind=Node,reason=FailedValidation",
            "-o",
            "name"
        )
        #expect(selected.split(separator: "\n").count == 2)
        try node.end()
    }

    @Test("A Pod is restarted after the delays that it asks for")
    func delays() throws {
        let node = try TestNode(images: ["busybox"])
        let annotations = "podagent.io/backoff-initial: 200ms, podagent.io/backoff-max: 800ms"
        try node.put("crashes.yaml", Self.crashing(annotations))
        // By the node's delays it would take 0 + 10 + 20 + 40 s; by its own it is 0 + 0.2 + 0.4 + 0.8 s.
        let begin = Clock.tick()
        try eventually("it was restarted four times", seconds: 30) {
            try node.toldPods().first?.status.containerStatuses.first?.restartCount ?? 0 >= 4
        }
        #expect(Clock.tick() - begin >= .milliseconds(1_000))
        try eventually("it waits, and it is said for how long") {
            try node.ask("get", "pod", "crashes", "-o", "yaml").contains(
                "back-off 800ms restarting failed container=c"
            )
        }
        try node.end()
    }
}

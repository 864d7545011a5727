import Glibc
import Testing

@testable import PodAgent

/// `podagent.io/after`, as a real agent keeps to it.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct StartOrderNodeTests {
    private func manifest(
        _ name: String,
        after: String? = nil,
        namespace: String = "default",
        command: String = "sleep 1000",
        rest: String = ""
    ) -> String {
        let annotations = after.map { ", annotations: {podagent.io/after: '\($0)'}" } ?? ""
        return """
            apiVersion: v1
            kind: Pod
            metadata: {name: \(name), namespace: \(namespace)\(annotations)}
            spec:
              terminationGracePeriodSeconds: 5
              containers:
              - name: c
                image: busybox:1.36
                command: ["/bin/sh", "-c", "\(command)"]
                volumeMounts: [{name: d, mountPath: /d}]
            \(rest)
            """
    }

    /// A directory of the node's, and an init container that waits for a file in it.
    private func gate(_ node: TestNode, isShut: Bool = true) -> String {
        let volume = "  volumes: [{name: d, hostPath: {path: \(node.directory)/scratch}}]"
        if !isShut { return volume }
        return volume + """

              initContainers:
              - name: gate
                image: busybox:1.36
                command: ["/bin/sh", "-c", "until test -e /d/open; do sleep 0.05; done"]
                volumeMounts: [{name: d, mountPath: /d}]
            """
    }

    private func status(_ node: TestNode, _ pod: String) throws -> String {
        let line = try node.ask("get", "pods").split(separator: "\n").first { $0.hasPrefix("\(pod)-node1 ") }
        return line.map { $0.split(separator: " ")[2].description } ?? "none"
    }

    private func waits(_ node: TestNode, _ pod: String, _ text: String) throws {
        try eventually("\(pod) waits for \(text)") {
            try node.ask("describe", "pod", pod).contains("Waiting for \(text)\n")
        }
    }

    @Test("A Pod is held until what it names is Ready, says why, and is not held again by anything")
    func held() throws {
        let node = try TestNode(images: ["busybox"])
        let open = gate(node, isShut: false)
        try node.put("web.yaml", manifest("web", after: "db, other/cache-node1", rest: open))
        let unknown = "(there is no such Pod)"
        try waits(node, "web", "db \(unknown), other/cache-node1 \(unknown)")
        #expect(try status(node, "web") == "WaitingForPods")
        #expect(try node.ask("get", "pod", "web", "-o", "json").contains("\"phase\": \"Pending\""))
        let events = try node.ask("events")
        #expect(events.contains("Waiting for db, other/cache-node1 to be Ready or Succeeded"), "\(events)")
        #expect(events.contains("there is no Pod db, which podagent.io/after names"), "\(events)")

        try node.put("db.yaml", manifest("db", rest: gate(node)))
        try node.put("cache.yaml", manifest("cache", namespace: "other", rest: open))
        try waits(node, "web", "db (Pending)")
        node.killAgent()
        try node.startAgent()
        try waits(node, "web", "db (Pending)")
        #expect(try status(node, "web") == "WaitingForPods")
        #expect(node.processes().filter { readText("/proc/\($0)/comm") == "podshim\n" }.count == 2)

        try node.write("scratch/open", "")
        try node.wait("web", for: "condition=Ready")
        // What it named goes, and the agent too: it goes on.
        node.remove("db.yaml")
        try node.wait("db", for: "delete")
        node.killAgent()
        try node.startAgent()
        #expect(try status(node, "web") == "Running")
        #expect(
            try node.toldPods().first { $0.metadata.name == "web-node1" }?.status.containerStatuses.first?
                .restartCount == 0
        )
        try node.end()
    }

    @Test("A held Pod is gone at once, and a circle ends when one of its files is changed")
    func circle() throws {
        let node = try TestNode(images: ["busybox"])
        let open = gate(node, isShut: false)
        try node.put("late.yaml", manifest("late", after: "nobody", rest: open))
        try waits(node, "late", "nobody (there is no such Pod)")
        node.remove("late.yaml")
        try node.wait("late", for: "delete")

        try node.put("a.yaml", manifest("a", after: "b", rest: open))
        try node.put("b.yaml", manifest("b", after: "a", rest: open))
        try waits(node, "a", "b (waits itself); they wait for each other: a -> b -> a")
        try waits(node, "b", "a (waits itself); they wait for each other: b -> a -> b")
        #expect(try node.ask("events").contains("StartOrderCycle"))
        try node.put("a.yaml", manifest("a", rest: open))
        try node.wait("b", for: "condition=Ready")
        try node.wait("a", for: "condition=Ready")

        try node.put("wrong.yml", manifest("wrong", after: "a,,b", rest: open))
        let refused = try node.podagent("validate", "-f", "\(node.manifests)/wrong.yml")
        #expect(refused.code == 1)
        #expect(
            (refused.output + refused.errors).contains(
                "metadata.annotations[podagent.io/after]: Invalid value"
            )
        )
        node.remove("wrong.yml")
        try node.end()
    }

    @Test("`podagent shutdown` ends a Pod after those that named it")
    func shutdown() throws {
        let node = try TestNode(images: ["busybox"])
        for (name, after) in [("a", nil), ("b", "a"), ("c", "b")] as [(String, String?)] {
            let command =
                "trap 'sleep 0.3; echo \(name) >>/d/order; exit 0' TERM; echo up; while :; do sleep 0.05; done"
            try node.put(
                "\(name).yaml",
                manifest(name, after: after, command: command, rest: gate(node, isShut: false))
            )
            try node.wait(name, for: "condition=Ready")
            try eventually("\(name) has set its trap") { try node.ask("logs", name) == "up\n" }
        }
        #expect(try node.ask("shutdown") == "all Pods have ended\n")
        #expect(readText("\(node.directory)/scratch/order") == "c\nb\na\n")
        try node.end()
    }
}

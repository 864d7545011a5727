import Glibc
import Testing

@testable import PodAgent

/// The machine goes down in order, and a shim that hangs.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking
)
struct NodeShutdownTests {
    private func manifest(_ name: String, _ command: String, _ setting: String = "restartPolicy: Always")
        -> String
    {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          \(setting)
          containers:
          - name: c
            image: busybox:1.36
            command: ["/bin/sh", "-c", "\(command)"]

        """
    }

    /// A Pod that says in a file of the node when it was asked to end.
    private func polite(_ node: TestNode, _ name: String, _ setting: String) -> String {
        let command = "trap 'echo \(name) >>/out/order; exit 9' TERM; echo up; while :; do sleep 0.05; done"
        return manifest(name, command, setting) + """
                volumeMounts: [{name: out, mountPath: /out}]
              volumes: [{name: out, hostPath: {path: \(node.directory)/scratch}}]
            """
    }

    @Test("`podagent shutdown` ends Pods in order and starts nothing; the next podagent starts them again")
    func shutdown() throws {
        let node = try TestNode(images: ["busybox"])
        let critical = "priorityClassName: system-node-critical"
        for (name, setting) in [("web", "restartPolicy: OnFailure"), ("dns", critical)] {
            try node.put("\(name).yaml", polite(node, name, setting))
            try node.wait(name, for: "condition=Ready")
            try eventually("\(name) has set its trap") { try node.ask("logs", name) == "up\n" }
        }
        #expect(try node.ask("shutdown") == "all Pods have ended\n")
        #expect(readText("\(node.directory)/scratch/order") == "web\ndns\n")
        #expect(node.processes().isEmpty)

        try node.put("late.yaml", manifest("late", "sleep 1000"))
        let refused = try node.podagent("apply", "-f", "\(node.manifests)/late.yaml")
        #expect(refused.code == 1)
        #expect(refused.errors.contains("the node is shutting down"))
        #expect(try node.ask("shutdown") == "all Pods have ended\n")

        node.killAgent()
        try node.startAgent()
        for name in ["web", "dns", "late"] { try node.wait(name, for: "condition=Ready") }
        let described = try node.ask("describe", "pod", "web").split(separator: "\n").map { line in
            line.split(separator: " ").joined(separator: " ")
        }
        #expect(described.contains("Exit Code: 9"), "\(described)")
        #expect(described.contains("Restart Count: 1"), "\(described)")
        try node.end()
    }

    @Test("A shim that is stopped is given up when its Pod is to end, and an exec in it ends with a sentence")
    func stoppedShim() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("web.yaml", manifest("web", "sleep 1000", "terminationGracePeriodSeconds: 0"))
        try node.wait("web", for: "condition=Ready")
        let shims = node.processes().filter { readText("/proc/\($0)/comm") == "podshim\n" }
        #expect(shims.count == 1)
        for shim in shims { kill(shim, SIGSTOP) }
        let exec = try Subprocess(
            ["\(TestNode.products)/podagent", "exec", "web", "--", "true"],
            environment: ["PODAGENT_SOCKET=\(node.socket)"],
            output: "\(node.directory)/exec.out",
            errors: "\(node.directory)/exec.err"
        )
        node.remove("web.yaml")
        try eventually("the Pod is gone", seconds: 60) { try node.ask("get", "pods", "-o", "name") == "" }
        exec.wait()
        #expect(node.processes().isEmpty)
        #expect(try node.ask("events").contains("podshim has not answered for 30s"))
        let told = readText("\(node.directory)/exec.err")
        #expect(told.contains("podshim has not answered") || told.contains("the sandbox is gone"), "\(told)")
        try node.end()
    }
}

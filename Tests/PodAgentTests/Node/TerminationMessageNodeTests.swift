import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The last words of real containers.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct TerminationMessageNodeTests {
    private func manifest(_ name: String, _ command: String, _ settings: String = "") -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          restartPolicy: Never
          containers:
          - name: c
            image: busybox:1.36
            command: ["/bin/sh", "-c", "\(command)"]
            \(settings)

        """
    }

    private func message(_ node: TestNode, _ pod: String) throws -> String? {
        let status = try node.toldPods().first { $0.metadata.name == "\(pod)-node1" }?.status
        return status?.containerStatuses.first?.state.terminated?.message
    }

    @Test("What a container writes to its file, or has printed when it failed, is its message")
    func messages() throws {
        let node = try TestNode(images: ["busybox"])
        let fallback = "terminationMessagePolicy: FallbackToLogsOnError"
        let elsewhere =
            "terminationMessagePath: /not/there/words\n    securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true}"
        let pods: [(name: String, command: String, settings: String, expected: String)] = [
            ("file", "printf 'no database' >/dev/termination-log; exit 3", "", "no database"),
            ("success", "echo one; printf done >/dev/termination-log", fallback, "done"),
            ("quiet", "echo one", fallback, ""), ("policy", "echo one; exit 1", "", ""),
            ("log", "echo one; sleep 0.1; echo two >&2; exit 1", fallback, "one\ntwo\n"),
            ("both", "echo one; printf file >/dev/termination-log; exit 1", fallback, "file"),
            ("elsewhere", "id -u >/not/there/words; exit 1", elsewhere, "1000\n"),
            // As long as a file system may let it be, nearly all of it a hole.
            (
                "long",
                "dd if=/dev/null of=/dev/termination-log bs=1M seek=10000; printf end >>/dev/termination-log",
                "", String(repeating: "\0", count: 4093) + "end"
            ),
        ]
        for pod in pods { try node.put("\(pod.name).yaml", manifest(pod.name, pod.command, pod.settings)) }
        for pod in pods {
            try eventually("\(pod.name) has ended") { try message(node, pod.name) != nil }
            #expect(try message(node, pod.name) == pod.expected, "\(pod.name)")
        }
        let described = try node.ask("describe", "pod", "file").split(separator: "\n").map { line in
            line.split(separator: " ").joined(separator: " ")
        }
        #expect(described.contains("Message: no database"), "\(described)")
        try node.end()
    }

    @Test(
        "Of a container that ends while no agent runs, the next one knows the last words; of its successor the own"
    )
    func agentRestart() throws {
        let node = try TestNode(images: ["busybox"])
        let command =
            "printf \\\"run $(cat /gate/runs)\\\" >/dev/termination-log; until test -e /gate/go; do sleep 0.05; done; exit 4"
        let restarting =
            manifest("words", command).replacing("Never", "OnFailure") + """
                    volumeMounts: [{name: gate, mountPath: /gate}]
                  volumes: [{name: gate, hostPath: {path: \(node.directory)/scratch}}]
                """
        try node.write("scratch/runs", "1")
        try node.put("words.yaml", restarting)
        try node.wait("words", for: "condition=Ready")
        let shell = try node.ask("exec", "words", "--", "stat", "-c", "%a", "/dev/termination-log")
        #expect(shell == "666\n")
        node.killAgent()
        try node.write("scratch/runs", "2")
        try node.write("scratch/go", "")
        try eventually("the container has ended") {
            !node.processes().contains { readText("/proc/\($0)/comm") == "sh\n" }
        }
        try node.startAgent()
        func last() throws -> [String] {
            let status = try node.toldPods().first?.status.containerStatuses.first
            return [status?.state.terminated?.message, status?.lastState.terminated?.message].compactMap(
                \.self
            )
        }
        try eventually("the next agent tells its last words") { try last().contains { $0.hasPrefix("run ") } }
        // The second instance has a file of its own, and ends as soon as it has written to it.
        try eventually("its successor's are its own") { try last().contains("run 2") }
        try node.end()
    }

    @Test("A path that is the runtime's is refused by name")
    func reserved() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("proc.yaml", manifest("proc", "true", "terminationMessagePath: /proc/1/words"))
        let expected = "terminationMessagePath: /proc/1/words cannot be mounted on"
        try eventually("it is refused") { try node.ask("describe", "pod", "proc").contains(expected) }
        #expect(try node.ask("get", "pods").contains("CreateContainerConfigError"))
        try node.end()
    }
}

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}

extension TestNode {
    /// Writes a file below the node's directory.
    func write(_ path: String, _ text: String) throws {
        let raw = open("\(directory)/\(path)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        try #require(raw >= 0)
        try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: path)
    }
}

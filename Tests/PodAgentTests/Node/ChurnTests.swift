import Glibc
import Testing

@testable import PodAgent

/// Pods come and go, and nothing of them stays. `make reliability` does the same with a thousand.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct ChurnTests {
    /// What becomes of a Pod.
    private struct Life {
        var policy: String
        var command: String
        /// What `podagent wait` waits for before the manifest goes.
        var comesTo: String
    }

    private static let lives = [
        Life(policy: "Never", command: "echo out; exit 0", comesTo: "phase=Succeeded"),
        Life(policy: "Never", command: "exit 3", comesTo: "phase=Failed"),
        Life(policy: "Always", command: "exec sleep 1000", comesTo: "condition=Ready"),
        Life(
            policy: "OnFailure",
            command: "test -e /data/seen && exit 0; touch /data/seen; exit 1",
            comesTo: "phase=Succeeded"
        ),
    ]

    private func manifest(_ name: String, _ life: Life) -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: \(name)
        spec:
          restartPolicy: \(life.policy)
          terminationGracePeriodSeconds: 0
          containers:
          - name: c
            image: busybox:1.36
            command: ["sh", "-c", "\(life.command)"]
            volumeMounts:
            - name: data
              mountPath: /data
          volumes:
          - name: data
            emptyDir: {}
        """
    }

    /// Takes Pods through their lives, ten at a time.
    private func pass(_ numbers: Range<Int>, through node: TestNode) throws {
        for first in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 10) {
            let batch = (first..<min(first + 10, numbers.upperBound)).map {
                (name: "short-\($0)", life: Self.lives[$0 % Self.lives.count])
            }
            for (name, life) in batch { try node.put("\(name).yaml", manifest(name, life)) }
            for (name, life) in batch {
                try node.wait(name, for: life.comesTo)
                if life.policy == "Always" { _ = try node.ask("exec", name, "--", "true") }
                node.remove("\(name).yaml")
            }
        }
        try eventually("all Pods are gone") { try node.podagent("get", "pods", "-o", "name").output.isEmpty }
    }

    /// What the agent holds and what there is of its Pods, one line each.
    private func holdings(_ node: TestNode) throws -> [String] {
        let process = "/proc/\(try #require(node.agent).pid)"
        var lines = try RootedDirectory(hostPath: "\(process)/fd").entries().compactMap { number -> String? in
            var buffer = [UInt8](repeating: 0, count: 4096)
            let length = readlink("\(process)/fd/\(number)", &buffer, buffer.count)
            guard length > 0 else { return nil }
            // Without the number of a socket or a pipe, which is another one each time.
            let target = String(decoding: buffer.prefix(length), as: UTF8.self)
            return "descriptor " + (target.hasPrefix("/") ? target : target.filter { !$0.isNumber })
        }
        lines += readText("\(process)/mountinfo").split(separator: "\n").map { "mount \($0)" }
        lines += node.processes().map { "process \($0)" }
        lines += try tree("\(node.directory)/state") + tree("\(node.directory)/run") + tree(node.logs)
        if let mount = try? Cgroups.mountPoint() {
            let base = try RootedDirectory(hostPath: "\(mount)/\(node.cgroup)")
            lines += try base.entries().filter { $0.hasPrefix("pod") }.map { "cgroup \($0)" }
        }
        return lines.sorted()
    }

    /// Every name beneath a directory.
    private func tree(_ path: String) throws -> [String] {
        let directory = try RootedDirectory(hostPath: path)
        return try directory.entries().flatMap { name -> [String] in
            var status = stat()
            guard lstat("\(path)/\(name)", &status) == 0 else { return [] }
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            return ["\(path)/\(name)"] + (isDirectory ? try tree("\(path)/\(name)") : [])
        }
    }

    private func threads(_ node: TestNode) throws -> Int {
        try RootedDirectory(hostPath: "/proc/\(try #require(node.agent).pid)/task").entries().count
    }

    @Test("When thirty Pods have come and gone, the agent holds what it held after the first ten")
    func churn() throws {
        let node = try TestNode(images: ["busybox"])
        try pass(0..<10, through: node)
        // The connection of the last client is closed by its task, which may come a moment later than the client's end.
        usleep(500_000)
        let (before, threadsBefore) = (try holdings(node), try threads(node))
        try pass(10..<40, through: node)
        var left: [String] = []
        try? eventually("nothing is left over") {
            left = added(to: before, in: try holdings(node))
            return left.isEmpty
        }
        #expect(left.isEmpty)
        // Idle threads end after some seconds; two may be added by what happens to run at the same time.
        try eventually("no threads are left over") { try threads(node) <= max(threadsBefore, 4) }
        #expect(!node.agentLog.contains("cannot remove"))
        try node.end()
    }

    private func added(to before: [String], in now: [String]) -> [String] {
        var rest = before
        return now.filter { line in
            guard let index = rest.firstIndex(of: line) else { return true }
            rest.remove(at: index)
            return false
        }
    }
}

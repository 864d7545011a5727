import CNamespaces
import Dispatch
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// A node to be treated badly. Its containers run from a directory with a busybox in it and write a line each time one
/// of them begins, so that there is an account of what ran which no agent has a hand in.
final class ChaosNode {
    let node: TestNode
    var audit: NodeAudit

    static let busybox = "/usr/bin/busybox"
    static let hasBusybox = access(busybox, X_OK) == 0
    static let needsBusybox: Comment = "the containers run the statically linked \(busybox)"

    /// As many nodes at once as keep two processors busy; a node mostly waits.
    private static let gate = DispatchSemaphore(value: 6)

    /// Runs `body` with a node of its own, when its turn has come, and looks for what is left in the end.
    ///
    /// - Parameter backoff: before the second restart; so long by default that there is none during a test.
    static func with(
        backoff: String = "300s",
        crashAt: String? = nil,
        stateSize: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (ChaosNode) throws -> Void
    ) throws {
        gate.wait()
        defer { gate.signal() }
        let chaos = try ChaosNode(backoff: backoff, crashAt: crashAt, stateSize: stateSize)
        try body(chaos)
        try chaos.removeAllManifests()
        try chaos.expectSettled("nothing is left", sourceLocation: sourceLocation)
        try chaos.node.end(sourceLocation: sourceLocation)
    }

    private init(backoff: String, crashAt: String?, stateSize: String?) throws {
        node = try TestNode(
            flags: ["--restart-backoff", backoff, "--pod-cidr", "10.88.0.0/24,fd00:88::/64"],
            firstEnvironment: crashAt.map { ["PODAGENT_CRASH_AT=\($0)"] } ?? [],
            ownNetwork: true,
            stateSize: stateSize
        )
        audit = NodeAudit(node: node)
        for path in ["rootfs", "rootfs/bin", "ran"] { mkdir("\(node.directory)/\(path)", 0o755) }
        let copied = try Subprocess.run(
            ["/bin/cp", Self.busybox, "\(node.directory)/rootfs/bin/busybox"],
            scratch: "\(node.directory)/scratch"
        )
        try #require(copied.code == 0, "\(copied)")
        for name in ["sh", "sleep", "cat"] { symlink("busybox", "\(node.directory)/rootfs/bin/\(name)") }
    }

    // MARK: Pods

    /// A container by its name and what it does after it has said that it runs.
    struct Script {
        var name: String
        var body: String
        init(_ name: String, _ body: String) { (self.name, self.body) = (name, body) }
    }

    func put(
        _ name: String,
        policy: String = "Always",
        graceSeconds: Int = 0,
        inits: [Script] = [],
        _ scripts: [Script]
    ) throws {
        let inits = inits.map { container($0, of: name) }.joined()
        try node.put(
            "\(name).yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: \(name)}
            spec:
              restartPolicy: \(policy)
              terminationGracePeriodSeconds: \(graceSeconds)
              volumes:
              - {name: ran, hostPath: {path: \(node.directory)/ran, type: Directory}}
              - {name: own, emptyDir: {}}
            \(inits.isEmpty ? "" : "  initContainers:\n\(inits)")
              containers:
            \(scripts.map { container($0, of: name) }.joined())
            """
        )
    }

    private func container(_ script: Script, of pod: String) -> String {
        """
          - name: \(script.name)
            image: rootfs:\(node.directory)/rootfs
            ports: [{containerPort: 80, hostPort: \(hostPort(of: pod, script.name))}]
            command: ["/bin/sh", "-c", "echo \(script.name) >> /ran/\(pod); \(script.body)"]
            volumeMounts: [{name: ran, mountPath: /ran}, {name: own, mountPath: /own}]

        """
    }

    /// One that no other container of the test has.
    private func hostPort(of pod: String, _ container: String) -> UInt16 {
        20_000 + UInt16(truncatingIfNeeded: FNV1a64.hash("\(pod)/\(container)") % 40_000)
    }

    /// How often the container has begun to run.
    func timesRun(_ pod: String, _ container: String) -> Int {
        readText("\(node.directory)/ran/\(pod)").split(separator: "\n").filter { $0 == container }.count
    }

    func removeAllManifests() throws {
        for name in try RootedDirectory(hostPath: node.manifests).entries() { node.remove(name) }
    }

    /// Lets the containers go that wait for a file of this name: `until [ -e /ran/<name> ]`.
    func touch(_ name: String) throws {
        let path = "\(node.directory)/ran/\(name)"
        let raw = try check("open", path) { cns_openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0o644) }
        close(raw)
    }

    // MARK: What came of it

    /// Waits until all accounts of the node agree and `others`, differences from what the test expects, has none.
    func expectSettled(
        _ what: String,
        seconds: Double = 30,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ others: ([Pod]) -> [String] = { _ in [] }
    ) throws {
        let end = Clock.tick() + .milliseconds(Int(seconds * 1000))
        var found = differences(others)
        while !found.isEmpty, Clock.tick() < end {
            usleep(50_000)
            found = differences(others)
        }
        try #require(found == [], "\(what)\n\(node.agentLog)", sourceLocation: sourceLocation)
    }

    func differences(_ others: ([Pod]) -> [String] = { _ in [] }) -> [String] {
        audit.differences() + others((try? node.toldPods()) ?? [])
    }

    /// What a crash point has done: the Pod at hand, by its UID.
    var struck: String? {
        let line = node.agentLog.split(separator: "\n").first { $0.contains("crash point ") }
        return line.flatMap { $0.split(separator: ": ").first { $0.hasPrefix("Pod ") }?.dropFirst(4) }.map(
            String.init
        )
    }

    /// Processes of a Pod by the name of their leaf.
    func processes(of pod: Pod, in leaf: String) -> [KernelView.Process] {
        KernelView(of: node).pods[pod.metadata.uid]?[leaf] ?? []
    }

    func pod(_ name: String) throws -> Pod {
        try #require(node.toldPods().first { $0.metadata.name == "\(name)-node1" }, "\(name)")
    }
}

extension Pod {
    /// The status of a container, init or not.
    func status(_ container: String) -> ContainerStatus? {
        (status.initContainerStatuses + status.containerStatuses).first { $0.name == container }
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Restartable init containers, beside real ones.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct SidecarNodeTests {
    private func sidecar(_ name: String, _ fields: String...) -> LifecyclePod.Container {
        .init(name: name, script: LifecyclePod.diary(name), fields: ["restartPolicy: Always"] + fields)
    }

    @Test(
        "Sidecars start in order, each when the one before has started, and stop in reverse after the containers"
    )
    func order() throws {
        let node = try TestNode(images: ["busybox"])
        let gate =
            "startupProbe: {exec: {command: [test, -e, /d/go]}, periodSeconds: 1, failureThreshold: 1000}"
        try node.put(
            LifecyclePod(
                grace: 60,
                initContainers: [
                    sidecar("first", gate), sidecar("second"),
                    .init(name: "setup", script: "echo setup >>/d/diary"),
                ],
                containers: [.init(script: LifecyclePod.diary("c"))]
            )
        )
        try eventually("the first one's startup probe fails") {
            try node.hasEvent("Unhealthy", "Startup probe failed")
        }
        #expect(node.diary == ["first"])
        #expect(try node.container("first")?.started == false)
        #expect(try node.container("second")?.state.waiting != nil)
        try node.touch("go")
        try node.wait("p", for: "condition=Ready")
        try eventually("all have begun") { node.diary.count == 4 }
        #expect(node.diary == ["first", "second", "setup", "c"])
        node.remove("p.yaml")
        try node.wait("p", for: "delete")
        #expect(node.diary.dropFirst(4) == ["c ends", "second ends", "first ends"])
        try node.end()
    }

    @Test("A Pod is done when its containers are, and its sidecars are ended then", arguments: [0, 3])
    func done(code: Int) throws {
        let node = try TestNode(images: ["busybox"])
        try node.put(
            LifecyclePod(
                policy: "Never",
                grace: 60,
                initContainers: [sidecar("side")],
                containers: [.init(script: "until test -e /d/go; do sleep 0.05; done; exit \(code)")]
            )
        )
        try node.wait("p", for: "condition=Ready")
        try eventually("the sidecar has begun") { node.diary == ["side"] }
        try node.touch("go")
        try node.wait("p", for: "phase=\(code == 0 ? "Succeeded" : "Failed")")
        #expect(node.diary == ["side", "side ends"])
        try node.end()
    }

    @Test("A sidecar that ends is started again, though the Pod's policy is Never")
    func restarted() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put(
            LifecyclePod(
                policy: "Never",
                grace: 0,
                initContainers: [sidecar("side")],
                containers: [.init(script: "exec sleep 1000")]
            )
        )
        try node.wait("p", for: "condition=Ready")
        try eventually("the sidecar has begun") { node.diary == ["side"] }
        let main = try node.container()?.containerID
        // The command dies with the container's PID namespace, so it may not get to its end.
        _ = try node.podagent("exec", "p", "-c", "side", "--", "kill", "1")
        try eventually("it has begun again") { node.diary == ["side", "side ends", "side"] }
        try eventually("that is told") { try node.container("side")?.restartCount == 1 }
        #expect(try node.container()?.containerID == main)
        try node.end()
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// postStart and preStop of real containers.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct HookNodeTests {
    /// Answers requests for /cgi-bin/hook, and writes them down.
    private static let server = LifecyclePod.Container(
        name: "server",
        script: """
            mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho hook >>/d/diary; printf "\\\\r\\\\nok"\\n' >/www/cgi-bin/hook; \
            chmod 755 /www/cgi-bin/hook; httpd -h /www -p 18081; exec sleep 1000
            """,
        // What it is asked comes only when it listens.
        fields: [
            "restartPolicy: Always",
            "startupProbe: {tcpSocket: {port: 18081}, periodSeconds: 1, failureThreshold: 100}",
        ]
    )

    struct Hook: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var handler: String
        var writes = true
    }

    private static let hooks = [
        Hook(testDescription: "exec", handler: "exec: {command: [sh, -c, 'echo hook >>/d/diary']}"),
        Hook(testDescription: "httpGet", handler: "httpGet: {path: /cgi-bin/hook, port: 18081}"),
        Hook(testDescription: "sleep", handler: "sleep: {seconds: 1}", writes: false),
    ]

    @Test(
        "A postStart hook runs after the start, and the container is ready when it has ended",
        arguments: hooks
    )
    func postStart(_ c: Hook) throws {
        let node = try TestNode(images: ["busybox"])
        let container = LifecyclePod.Container(
            script: "exec sleep 1000",
            fields: ["lifecycle: {postStart: {\(c.handler)}}"]
        )
        try node.put(LifecyclePod(grace: 1, initContainers: [Self.server], containers: [container]))
        try node.wait("p", for: "condition=Ready")
        #expect(node.diary == (c.writes ? ["hook"] : []))
        #expect(try node.container()?.restartCount == 0)
        #expect(try !node.hasEvent("FailedPostStartHook"))
        try node.end()
    }

    @Test(
        "A postStart hook that fails ends its container, which is started anew",
        arguments: [
            Hook(testDescription: "exec", handler: "exec: {command: [sh, -c, 'echo no luck; exit 4']}"),
            Hook(testDescription: "a program that is not there", handler: "exec: {command: [/nope]}"),
            Hook(testDescription: "httpGet", handler: "httpGet: {path: /, port: 18089}"),
            Hook(
                testDescription: "tcpSocket, which Kubernetes has never carried out",
                handler: "tcpSocket: {port: 18081}"
            ),
        ]
    )
    func postStartFails(_ c: Hook) throws {
        let node = try TestNode(images: ["busybox"])
        let container = LifecyclePod.Container(
            script: "exec sleep 1000",
            fields: ["lifecycle: {postStart: {\(c.handler)}}"]
        )
        try node.put(LifecyclePod(grace: 0, containers: [container]))
        try eventually("it is restarted") { try node.container()?.restartCount ?? 0 > 0 }
        #expect(try node.hasEvent("FailedPostStartHook"), "\(node.eventsText)")
        try node.end()
    }

    @Test("A preStop hook comes before the signal", arguments: hooks)
    func preStop(_ c: Hook) throws {
        let node = try TestNode(images: ["busybox"])
        let container = LifecyclePod.Container(
            script: LifecyclePod.diary("c"),
            fields: ["lifecycle: {preStop: {\(c.handler)}}"]
        )
        try node.put(LifecyclePod(grace: 60, initContainers: [Self.server], containers: [container]))
        try node.wait("p", for: "condition=Ready")
        try eventually("the container has begun") { node.diary == ["c"] }
        node.remove("p.yaml")
        try eventually("the container has ended") { node.diary.contains("c ends") }
        _ = try node.podagent("delete", "pod", "p", "--now")
        try node.wait("p", for: "delete")
        #expect(node.diary == (c.writes ? ["c", "hook", "c ends"] : ["c", "c ends"]))
        #expect(try !node.hasEvent("FailedPreStopHook"))
        try node.end()
    }

    @Test("A preStop hook that fails is told, and the signal comes all the same")
    func preStopFails() throws {
        let node = try TestNode(images: ["busybox"])
        let container = LifecyclePod.Container(
            script: LifecyclePod.diary("c"),
            fields: ["lifecycle: {preStop: {exec: {command: [sh, -c, 'exit 4']}}}"]
        )
        try node.put(LifecyclePod(grace: 60, containers: [container]))
        try eventually("the container has begun") { node.diary == ["c"] }
        node.remove("p.yaml")
        try node.wait("p", for: "delete")
        #expect(node.diary == ["c", "c ends"])
        #expect(try node.hasEvent("FailedPreStopHook"), "\(node.eventsText)")
        try node.end()
    }

    @Test(
        "A preStop hook that outlasts the grace period is cut off, and the container has a moment for its signal"
    )
    func preStopTooLong() throws {
        let node = try TestNode(images: ["busybox"])
        let container = LifecyclePod.Container(
            script: LifecyclePod.diary("c"),
            fields: [
                "lifecycle: {preStop: {exec: {command: [sh, -c, 'echo hook >>/d/diary; setsid sleep 7001 & sleep 7002']}}}"
            ]
        )
        try node.put(LifecyclePod(grace: 1, containers: [container]))
        try eventually("the container has begun") { node.diary == ["c"] }
        node.remove("p.yaml")
        try node.wait("p", for: "delete")
        #expect(node.diary == ["c", "hook", "c ends"])
        try node.end()
    }

    @Test(
        "A hook that was under way when the agent was killed is run again",
        arguments: ["postStart", "preStop"]
    )
    func agentKilled(kind: String) throws {
        let node = try TestNode(images: ["busybox"])
        let hook = "echo hook >>/d/diary; until test -e /d/go; do sleep 0.05; done; echo done >>/d/diary"
        let container = LifecyclePod.Container(
            script: LifecyclePod.diary("c"),
            fields: ["lifecycle: {\(kind): {exec: {command: [sh, -c, \(hook.quoted)]}}}"]
        )
        try node.put(LifecyclePod(grace: 60, containers: [container]))
        if kind == "preStop" {
            try node.wait("p", for: "condition=Ready")
            try eventually("the container has begun") { node.diary == ["c"] }
            node.remove("p.yaml")
        }
        try eventually("the hook is under way") { node.diary.contains("hook") && node.diary.contains("c") }
        node.killAgent()
        try node.startAgent()
        try eventually("it is run again") { node.diary.filter { $0 == "hook" }.count == 2 }
        #expect(try !node.isReady("p") || kind == "preStop")
        #expect(!node.diary.contains("c ends"))
        try node.touch("go")
        if kind == "postStart" {
            try node.wait("p", for: "condition=Ready")
            #expect(try node.container()?.restartCount == 0)
            node.remove("p.yaml")
        }
        try node.wait("p", for: "delete")
        // The first one was ended with its agent's going: it belongs to nobody.
        #expect(node.diary.filter { $0 == "done" } == ["done"])
        #expect(node.diary.last == "c ends")
        try node.end()
    }
}

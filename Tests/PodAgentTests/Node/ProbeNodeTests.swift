import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Probes of real containers.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct ProbeNodeTests {
    struct Liveness: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var probe: String
        /// What is done in the container for the probe to fail; nil when it fails from the beginning.
        var sickness: String?
        var says: String
    }

    @Test(
        "A container that fails its liveness probe is restarted, and it is said why",
        arguments: [
            Liveness(
                testDescription: "exec",
                probe: "exec: {command: [cat, /www/health]}",
                sickness: "rm /www/health",
                says: "Liveness probe failed: cat: can't open '/www/health'"
            ),
            Liveness(
                testDescription: "httpGet",
                probe: "httpGet: {path: /health, port: 18081}",
                sickness: "rm /www/health",
                says: "Liveness probe failed: HTTP probe failed with statuscode: 404"
            ),
            Liveness(
                testDescription: "tcpSocket",
                probe: "tcpSocket: {port: 18081}",
                sickness: "killall httpd",
                says: "connect: connection refused"
            ),
            Liveness(testDescription: "grpc", probe: "grpc: {port: 18082}", says: "Liveness probe failed: "),
        ]
    )
    func liveness(_ c: Liveness) throws {
        let node = try TestNode(images: ["busybox"])
        let script = "mkdir /www; echo ok >/www/health; httpd -h /www -p 18081; exec sleep 1000"
        // Its first question may be asked before the server listens.
        let probe =
            "livenessProbe: {\(c.probe), periodSeconds: 1, failureThreshold: 2, terminationGracePeriodSeconds: 1}"
        try node.put(LifecyclePod(grace: 600, containers: [.init(script: script, fields: [probe])]))
        if let sickness = c.sickness {
            try node.wait("p", for: "condition=Ready")
            try eventually("it listens") {
                try node.podagent(
                    "exec",
                    "p",
                    "--",
                    "wget",
                    "-qO",
                    "/dev/null",
                    "http://127.0.0.1:18081/health"
                ).code == 0
            }
            #expect(try node.container()?.restartCount == 0)
            _ = try node.ask("exec", "p", "--", "sh", "-c", sickness)
        }
        // `sleep` as PID 1 ignores SIGTERM: the grace that goes with the probe ends it, and not the Pod's.
        try eventually("it is restarted") { try node.container()?.restartCount ?? 0 > 0 }
        #expect(try node.hasEvent("Unhealthy", c.says), "\(node.eventsText)")
        #expect(try node.hasEvent("Killing", "failed liveness probe, will be restarted"))
        try node.end()
    }

    struct Place: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var flags: [String] = []
        var fields: [String] = []
    }

    @Test(
        "A Pod is asked where it is",
        arguments: [
            Place(testDescription: "at its loopback, from within, when it has nothing else"),
            Place(testDescription: "at its address", flags: ["--pod-cidr", "10.88.0.0/24"]),
            Place(
                testDescription: "at the node, when it has the node's network",
                flags: ["--pod-cidr", "10.88.0.0/24"],
                fields: ["hostNetwork: true"]
            ),
        ]
    )
    func places(_ c: Place) throws {
        let node = try TestNode(images: ["busybox"], flags: c.flags, ownNetwork: true) { node in
            let up = try Subprocess.run(
                node.inNetwork(["ip", "link", "set", "lo", "up"]),
                scratch: "\(node.directory)/scratch"
            )
            #expect(up.code == 0)
        }
        let probes = [
            "http": "httpGet: {path: /, port: 18081}", "tcp": "tcpSocket: {port: 18081}",
            "exec": "exec: {command: [\"true\"]}", "refused": "tcpSocket: {port: 18082}",
            "grpc": "grpc: {port: 18082}",
        ]
        let server = LifecyclePod.Container(
            name: "server",
            script: "mkdir /www; echo ok >/www/index.html; exec httpd -f -h /www -p 18081"
        )
        let asked = probes.map { name, probe in
            LifecyclePod.Container(
                name: name,
                script: "exec sleep 1000",
                fields: ["readinessProbe: {\(probe), periodSeconds: 1, timeoutSeconds: 5}"]
            )
        }
        try node.put(LifecyclePod(grace: 0, fields: c.fields, containers: [server] + asked))
        for name in ["http", "tcp", "exec"] {
            try eventually("\(name) is ready") { try node.container(name)?.ready == true }
        }
        try eventually("it is told who does not answer") {
            let told = try node.toldEvents().filter { $0.reason == "Unhealthy" }
                .map(\.involvedObject.fieldPath)
            return told.contains("spec.containers{refused}") && told.contains("spec.containers{grpc}")
        }
        for name in ["refused", "grpc"] { #expect(try node.container(name)?.ready == false) }
        try node.end()
    }

    @Test(
        "What an exec probe has started is killed when its time is over, in other sessions too, and nothing else"
    )
    func tree() throws {
        let node = try TestNode(images: ["busybox"])
        let probe =
            "sleep 7001 & setsid sleep 7002 & (setsid sh -c 'sleep 7003 & sleep 7004' &) ; echo up >/d/probe; sleep 7005"
        try node.put(
            LifecyclePod(
                grace: 0,
                containers: [
                    .init(
                        script: "sleep 7000 & exec sleep 7000",
                        fields: [
                            "readinessProbe:", "  exec: {command: [sh, -c, \(probe.quoted)]}",
                            "  timeoutSeconds: 2", "  periodSeconds: 3000",
                        ]
                    )
                ]
            )
        )
        try eventually("the probe's processes are there") {
            let lines = node.commandLines()
            return (7001...7005).allSatisfy { lines.contains("sleep \($0)") }
        }
        try eventually("its time is over") { try node.hasEvent("Unhealthy", "timed out after 2s") }
        try eventually("only the container's own are left") {
            node.commandLines().filter { $0.contains("sleep") } == ["sleep 7000", "sleep 7000"]
        }
        #expect(try node.container()?.restartCount == 0)
        try node.end()
    }

    @Test("A probe that prints without end is heard to its end, and what is told of it is cut")
    func output() throws {
        let node = try TestNode(images: ["busybox"])
        let probe = "yes 0123456789 | head -c 3000000; exit 3"
        let fields = [
            "readinessProbe: {exec: {command: [sh, -c, \(probe.quoted)]}, timeoutSeconds: 30, periodSeconds: 3000}"
        ]
        try node.put(LifecyclePod(grace: 0, containers: [.init(script: "exec sleep 1000", fields: fields)]))
        let start = "Readiness probe failed: 0123456789\n0123456789\n"
        try eventually("it is told") { try node.hasEvent("Unhealthy", start) }
        let event = try node.toldEvents().first { $0.reason == "Unhealthy" }
        let size = try #require(event?.message.utf8.count)
        #expect(size > 1000 && size <= 1024, "\(size)")
        try node.end()
    }

    @Test(
        "A Pod stays ready over a restart of the agent, and its probe is not asked for that",
        arguments: [SIGTERM, SIGKILL]
    )
    func agentRestart(signal: Int32) throws {
        let node = try TestNode(images: ["busybox"])
        let fields = [
            "readinessProbe: {exec: {command: [sh, -c, 'echo asked >>/d/diary']}, periodSeconds: 3000}"
        ]
        try node.put(LifecyclePod(grace: 0, containers: [.init(script: "exec sleep 1000", fields: fields)]))
        try node.wait("p", for: "condition=Ready")
        let before = try #require(try node.told("p")?.status)
        node.endAgent(by: signal)
        try node.startAgent()
        #expect(try node.told("p")?.status == before)
        #expect(node.diary == ["asked"])
        try node.end()
    }
}

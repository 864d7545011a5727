import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite(.blocking, .timeLimit(.minutes(5))) struct ClientTests {
    private static let pods = "/api/v1/namespaces/default/pods"

    private static func pod(
        _ name: String,
        phase: String = "Running",
        ready: String = "True",
        version: Int = 1,
        uid: String = "u1"
    ) -> String {
        """
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"\(name)","namespace":"default","resourceVersion":"\(version)","uid":"\(uid)"},\
        "spec":{"nodeName":"n1","containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]},\
        "status":{"phase":"\(phase)","conditions":[{"type":"Ready","status":"\(ready)"}]}}
        """
    }

    private static func list(_ pods: String..., version: Int = 1) -> String {
        """
        {"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"\(version)"},"items":[\(pods.joined(separator: ","))]}
        """
    }

    private static func event(_ type: String, _ object: String) -> String {
        "{\"type\":\"\(type)\",\"object\":\(object)}\n"
    }

    private static func watch(_ path: String, from version: Int) -> String {
        "GET \(path)?allowWatchBookmarks=true&resourceVersion=\(version)&watch=true"
    }

    private func with(_ answers: [String: String], _ body: (CannedServer) throws -> Void) throws {
        let server = try CannedServer(answers)
        defer { server.stop() }
        try body(server)
    }

    // MARK: Answers and failures

    @Test(
        "An answer is read in each of HTTP's ways to say where it ends",
        arguments: [
            CannedServer.response(200, "{\"gitVersion\":\"v1\"}"),
            CannedServer.chunked(["{\"gitVers", "ion\":", "\"v1\"}"]),
            "HTTP/1.0 200 OK\r\n\r\n{\"gitVersion\":\"v1\"}",
        ]
    )
    func framings(answer: String) throws {
        try with(["GET /version": answer]) { server in
            let result = podagent("version", at: server)
            #expect(
                result
                    == CommandResult(code: 0, out: "podagent 0.1.0\nagent at \(server.path): v1\n", err: "")
            )
        }
    }

    @Test(
        "A broken answer is a failure of one line",
        arguments: [
            ("", "the agent closed the connection without an answer"),
            ("SSH-2.0-x\r\n", "what answers on the socket does not speak HTTP"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                "the connection to the agent broke off in the middle of its answer"
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                "the connection to the agent broke off in the middle of its answer"
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "what answers on the socket does not speak HTTP"
            ),
            (
                CannedServer.response(200, "{"),
                "the agent's answer is not JSON: line 1: the map is not closed: '}' is missing"
            ),
            (CannedServer.response(500, "oops"), "oops"),
            (CannedServer.response(503, ""), "the agent answered with HTTP status 503"),
        ]
    )
    func brokenAnswers(answer: String, message: String) throws {
        try with(["GET \(Self.pods)/x": answer]) { server in
            #expect(
                podagent("get", "pod", "x", "-o", "json", at: server)
                    == CommandResult(code: 1, out: "", err: "podagent: \(message)\n")
            )
        }
    }

    @Test("A socket on which nobody answers is explained")
    func nobody() {
        let result = podagent("get", "pods")
        #expect(result.code == 1)
        #expect(
            result.err
                == "podagent: nobody answers at /nonexistent/podagent.sock: is podagent serve running? (or name its socket with --socket)\n"
        )
    }

    @Test("The agent's own message is what is shown")
    func status() throws {
        try with([:]) { server in
            let result = podagent("get", "pod", "x", at: server)
            #expect(
                result
                    == CommandResult(code: 1, out: "", err: "podagent: pods \"\(Self.pods)/x\" not found\n")
            )
        }
    }

    // MARK: get

    @Test("Objects are printed as lists, alone, or by name")
    func formats() throws {
        let answers = [
            "GET \(Self.pods)": CannedServer.response(200, Self.list(Self.pod("a"), Self.pod("b"))),
            "GET \(Self.pods)/a": CannedServer.response(200, Self.pod("a")),
        ]
        try with(answers) { server in
            #expect(podagent("get", "pods", "-o", "name", at: server).out == "pod/a\npod/b\n")
            #expect(podagent("get", "pod/a", "-o", "name", at: server).out == "pod/a\n")
            let list = podagent("get", "po", "-ojson", at: server).out
            #expect(list.hasPrefix("{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n"))
            #expect(list.contains("\n    \"kind\": \"List\",\n"))
            let yaml = podagent("get", "pod", "a", "-o", "yaml", at: server).out
            #expect(yaml.hasPrefix("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n"))
            let again = YAMLReader.read(Array(yaml.utf8)).documents
            #expect(again == JSONReader.read(Array(Self.pod("a").utf8)).documents)
        }
    }

    @Test("Selectors and namespaces go into the request, encoded")
    func selectors() throws {
        let empty = CannedServer.response(200, Self.list())
        let answers = [
            "GET /api/v1/pods?fieldSelector=status.phase=Running&labelSelector=app in (a,b)": empty,
            "GET /api/v1/namespaces/shop/pods": empty,
        ]
        try with(answers) { server in
            let all = podagent(
                "get",
                "pods",
                "-A",
                "-l",
                "app in (a,b)",
                "--field-selector",
                "status.phase=Running",
                at: server
            )
            #expect(all == CommandResult(code: 0, out: "", err: "No resources found.\n"))
            let shop = podagent("get", "pods", "-n", "shop", at: server)
            #expect(shop == CommandResult(code: 0, out: "", err: "No resources found in shop namespace.\n"))
        }
    }

    private static func table(_ name: String, _ status: String, version: Int, columns: Bool = true) -> String
    {
        """
        {"kind":"Table","metadata":{"resourceVersion":"\(version)"},\
        "columnDefinitions":\(columns ? "[{\"name\":\"Name\",\"priority\":0},{\"name\":\"Status\",\"priority\":0}]" : "null"),\
        "rows":[{"cells":["\(name)","\(status)"],"object":{"metadata":{"name":"\(name)","resourceVersion":"\(version)"}}}]}
        """
    }

    @Test(
        "A watch lists, prints each change, goes on where it was ended, and lists again when it is too late for that"
    )
    func watching() throws {
        let bookmark = Self.event("BOOKMARK", "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"7\"}}")
        let gone = Self.event("ERROR", StatusFailure.expired(7, oldest: 9).status.document.json())
        let end = Self.event("ERROR", StatusFailure.internalError("enough").status.document.json())
        let answers = [
            "GET \(Self.pods)": CannedServer.response(200, Self.table("web", "Pending", version: 5)),
            Self.watch(Self.pods, from: 5): CannedServer.chunked([
                Self.event("MODIFIED", Self.table("web", "Running", version: 6, columns: false)), bookmark,
            ]),
            Self.watch(Self.pods, from: 7): CannedServer.chunked([gone]),
        ]
        let seen = CannedAnswers(
            answers,
            thenAfter: 3,
            "GET \(Self.pods)",
            CannedServer.response(200, Self.table("web", "Error", version: 9))
        )
        seen.add(Self.watch(Self.pods, from: 9), CannedServer.chunked([end]))
        let server = try CannedServer { request, connection in
            CannedServer.write(connection, seen.answer(to: request.line))
        }
        defer { server.stop() }
        let result = podagent("get", "pods", "-w", at: server)
        #expect(result.out == "NAME   STATUS\nweb    Pending\nweb    Running\nweb    Error\n")
        #expect(result.err == "podagent: Internal error occurred: enough\n")
        #expect(server.requests.count == 5)
    }

    // MARK: logs

    @Test("A log is passed on as it is, with the options in the request")
    func logs() throws {
        let target =
            "GET \(Self.pods)/web/log?container=a&follow=true&limitBytes=9&previous=true&sinceSeconds=300&tailLines=5&timestamps=true"
        try with([target: CannedServer.chunked(["one\n", "tw", "o\n\u{1B}["])]) { server in
            let result = podagent(
                "logs",
                "-fp",
                "--timestamps",
                "--tail",
                "5",
                "--since",
                "5m",
                "--limit-bytes=9",
                "web",
                "-c",
                "a",
                at: server
            )
            #expect(result == CommandResult(code: 0, out: "one\ntwo\n\u{1B}[", err: ""))
        }
    }

    @Test("Without a container the first is meant, and that is said")
    func defaultContainer() throws {
        let answers = [
            "GET \(Self.pods)/web": CannedServer.response(200, Self.pod("web-n1")),
            "GET \(Self.pods)/web/log?container=a": CannedServer.response(200, "x\n"),
        ]
        try with(answers) { server in
            let result = podagent("logs", "pod/web", at: server)
            #expect(
                result == CommandResult(code: 0, out: "x\n", err: "Defaulted container \"a\" out of: a, b\n")
            )
        }
    }

    @Test("Of all containers, those that have a log are shown and the others are named")
    func allContainers() throws {
        let answers = [
            "GET \(Self.pods)/web": CannedServer.response(200, Self.pod("web")),
            "GET \(Self.pods)/web/log?container=b": CannedServer.response(200, "1\n2"),
        ]
        try with(answers) { server in
            let result = podagent("logs", "web", "--all-containers", "--prefix", at: server)
            #expect(result.out == "[web/b] 1\n[web/b] 2\n")
            #expect(result.err.hasPrefix("podagent: pods "))
            #expect(result.code == 1)
        }
    }

    @Test(
        "Options that contradict each other are wrong usage",
        arguments: [
            ["logs", "web", "--since", "5m", "--since-time", "2026-01-02T03:04:05Z"],
            ["logs", "web", "--tail", "x"],
            ["logs", "web", "a", "-c", "b"], ["logs", "web", "--since", "yesterday"],
            ["logs", "service/web"],
            ["delete", "pod", "x", "--now", "--force"], ["delete", "pod"], ["delete", "node", "x"],
            ["wait", "pod", "x"], ["wait", "pod", "x", "--for", "condition="], ["exec", "web"],
            ["exec", "web", "ls"],
            ["get", "services"], ["get", "pods", "x", "-A"], ["get", "pods", "a", "b", "-w"], ["apply"],
            ["get", "nodes", "-w"], ["get", "pod/a", "b"],
        ]
    )
    func usage(words: [String]) {
        let console = Console(write: { _, _ in true }, environment: [:])
        #expect(Program.run(words, console) == 2)
    }

    // MARK: wait, delete

    @Test(
        "Waiting sees the change in a watch, by either of a static Pod's names",
        arguments: ["web", "web-n1"]
    )
    func waiting(name: String) throws {
        let answers = [
            "GET \(Self.pods)": CannedServer.response(
                200,
                Self.list(Self.pod("web-n1", ready: "False"), version: 3)
            ),
            Self.watch(Self.pods, from: 3): CannedServer.chunked([
                Self.event("MODIFIED", Self.pod("other", version: 4)),
                Self.event("MODIFIED", Self.pod("web-n1", ready: "True", version: 5)),
            ]),
        ]
        try with(answers) { server in
            let result = podagent(
                "wait",
                "pod",
                name,
                "--for",
                "condition=ready",
                "--timeout",
                "10s",
                at: server
            )
            #expect(result == CommandResult(code: 0, out: "pod/\(name) condition met\n", err: ""))
        }
    }

    @Test("Waiting ends when its time is up")
    func timesOut() throws {
        let server = try CannedServer { request, connection in
            if request.query["watch"] == nil {
                CannedServer.write(connection, CannedServer.response(200, Self.list()))
            } else {
                // The head of an answer that never comes; the client hangs up.
                CannedServer.write(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                var byte: UInt8 = 0
                _ = read(connection, &byte, 1)
            }
        }
        defer { server.stop() }
        let result = podagent("wait", "pod", "x", "--for", "create", "--timeout", "100ms", at: server)
        #expect(
            result
                == CommandResult(code: 1, out: "", err: "podagent: timed out waiting for create on pod x\n")
        )
    }

    @Test("A Pod that has failed is not waited for to succeed")
    func hopeless() throws {
        let answers = [
            "GET \(Self.pods)": CannedServer.response(200, Self.list(Self.pod("x", phase: "Failed")))
        ]
        try with(answers) { server in
            let result = podagent("wait", "pod", "x", "--for", "phase=Succeeded", at: server)
            #expect(
                result == CommandResult(code: 1, out: "", err: "podagent: pod x has ended in phase Failed\n")
            )
        }
    }

    @Test("Deleting sends the grace period and waits until that very Pod is gone")
    func deleting() throws {
        let answers = [
            "DELETE \(Self.pods)/web": CannedServer.response(200, Self.pod("web-n1", version: 8, uid: "old")),
            "GET \(Self.pods)": CannedServer.response(
                200,
                Self.list(Self.pod("web-n1", uid: "old"), version: 8)
            ),
            Self.watch(Self.pods, from: 8): CannedServer.chunked([
                Self.event("ADDED", Self.pod("web-n1", version: 9, uid: "new"))
            ]),
        ]
        let bodies = Bodies()
        let server = try CannedServer { request, connection in
            if request.method == "DELETE" { bodies.add(request.body) }
            CannedServer.write(connection, answers[request.line] ?? "")
        }
        defer { server.stop() }
        let result = podagent("delete", "pod", "web", "--grace-period=7", at: server)
        #expect(result == CommandResult(code: 0, out: "pod \"web-n1\" deleted\n", err: ""))
        #expect(
            bodies.all == [
                "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"propagationPolicy\":\"Background\",\"gracePeriodSeconds\":7}"
            ]
        )
    }

    @Test("Of several Pods to delete, one that is missing does not save the others")
    func deletingSeveral() throws {
        try with(["DELETE \(Self.pods)/b": CannedServer.response(200, Self.pod("b"))]) { server in
            let result = podagent("delete", "pod", "a", "b", "--wait=false", at: server)
            #expect(result.code == 1)
            #expect(result.out == "pod \"b\" deleted\n")
            #expect(result.err.hasSuffix("not found\n"))
        }
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

@Suite(.blocking, .timeLimit(.minutes(5))) struct EventsCommandTests {
    private static let path = "/api/v1/namespaces/default/events"

    private static func event(
        _ name: String,
        about object: String = "web-n1",
        kind: String = "Pod",
        type: EventType = .normal,
        ago: Int = 30,
        count: Int32 = 1,
        version: Int = 1
    ) -> String {
        var event = Event.sample(name, about: object)
        event.involvedObject.kind = kind
        event.type = type
        event.reason = "Reason-\(name)"
        event.message = "about \(name)"
        event.source.component = "podagent"
        event.source.host = "n1"
        event.metadata.resourceVersion = String(version)
        event.count = count
        event.lastTimestamp = Clock.wall() + .seconds(-ago)
        event.firstTimestamp = count > 1 ? Clock.wall() + .seconds(-Self.hours(20)) : event.lastTimestamp
        return event.document.json()
    }

    /// Half an hour more than so many, which is shown without minutes from eight on: a busy machine may take its time.
    private static func hours(_ count: Int) -> Int { count * 3600 + 1800 }

    private static func list(_ events: [String], version: Int = 5) -> String {
        """
        {"apiVersion":"v1","kind":"EventList","metadata":{"resourceVersion":"\(version)"},"items":[\(events.joined(separator: ","))]}
        """
    }

    private func with(_ answers: [String: String], _ body: (CannedServer) throws -> Void) throws {
        let server = try CannedServer(answers.mapValues { CannedServer.response(200, $0) })
        defer { server.stop() }
        try body(server)
    }

    private func names(_ text: String) -> [String] { text.matches(of: #/Reason-(\w+)/#).map { String($0.1) } }

    @Test("Events are listed as kubectl lists them, the newest last")
    func listed() throws {
        let events = [
            Self.event("new", ago: Self.hours(9), count: 4),
            Self.event("old", type: .warning, ago: Self.hours(12)),
            Self.event("node", about: "n1", kind: "Node", ago: Self.hours(10)),
        ]
        try with(["GET \(Self.path)": Self.list(events)]) { server in
            let result = podagent("events", at: server)
            let expected = """
                LAST SEEN          TYPE      REASON        OBJECT       MESSAGE
                12h                Warning   Reason-old    Pod/web-n1   about old
                10h                Normal    Reason-node   Node/n1      about node
                9h (x4 over 20h)   Normal    Reason-new    Pod/web-n1   about new

                """
            #expect(result == CommandResult(code: 0, out: expected, err: ""))
            #expect(podagent("events", "--no-headers", at: server).out.split(separator: "\n").count == 3)
        }
    }

    @Test("All namespaces, and all columns")
    func wide() throws {
        try with(["GET /api/v1/events": Self.list([Self.event("a", ago: Self.hours(9))])]) { server in
            let result = podagent("events", "-A", "-o", "wide", at: server)
            #expect(result.out.hasPrefix("NAMESPACE   LAST SEEN   TYPE "))
            #expect(
                result.out.contains(#/\ndefault +9h +Normal .* podagent, n1 .* 1 +a\n/#),
                "\(result.out)"
            )
        }
    }

    @Test("None is said on standard error, where kubectl says it")
    func none() throws {
        try with(["GET \(Self.path)": Self.list([]), "GET /api/v1/events": Self.list([])]) { server in
            #expect(
                podagent("events", at: server)
                    == CommandResult(code: 0, out: "", err: "No events found in default namespace.\n")
            )
            #expect(podagent("events", "-A", at: server).err == "No events found.\n")
        }
    }

    @Test(
        "Types are asked for by any case; both are all",
        arguments: [
            ("Warning", "?fieldSelector=type=Warning"), ("normal", "?fieldSelector=type=Normal"),
            ("Warning,normal", ""),
        ]
    )
    func types(_ types: String, _ query: String) throws {
        try with(["GET \(Self.path)\(query)": Self.list([Self.event("a")])]) { server in
            #expect(names(podagent("events", "--types", types, at: server).out) == ["a"])
        }
    }

    @Test("A type that there is not is wrong usage", arguments: ["Error", "", "Normal,", "Normal Warning"])
    func unknownType(_ types: String) {
        let result = podagent("events", "--types", types)
        #expect(result.code == 2 && result.err.contains("must be Normal, Warning, or both"))
    }

    @Test("A Pod's are asked for by its whole name, the node's by its own")
    func subjects() throws {
        var pod = Pod()
        pod.metadata.name = "web-n1"
        let selector = "?fieldSelector=involvedObject.kind="
        let answers = [
            "GET /api/v1/namespaces/default/pods/web": pod.document.json(),
            "GET \(Self.path)\(selector)Pod,involvedObject.name=web-n1,type=Warning": Self.list([
                Self.event("a")
            ]),
            "GET \(Self.path)\(selector)Node,involvedObject.name=n1": Self.list([Self.event("b")]),
        ]
        try with(answers) { server in
            #expect(
                names(podagent("events", "--for", "pod/web", "--types", "Warning", at: server).out) == ["a"]
            )
            #expect(names(podagent("events", "--for", "node/n1", at: server).out) == ["b"])
            #expect(podagent("events", "--for", "deployment/web", at: server).code == 2)
        }
    }

    @Test("Those of a Pod that is gone are found by either of its names")
    func gone() throws {
        let events = [
            Self.event("static", about: "web-n1", ago: 30), Self.event("other", about: "web2-n1", ago: 20),
            Self.event("applied", about: "web", ago: 10),
        ]
        try with(["GET \(Self.path)?fieldSelector=involvedObject.kind=Pod": Self.list(events)]) { server in
            #expect(names(podagent("events", "--for", "web", at: server).out) == ["static", "applied"])
            #expect(names(podagent("events", "--for", "pod/web2-n1", at: server).out) == ["other"])
        }
    }

    @Test(
        "As JSON and YAML they are the list that the agent answers, in order and selected",
        arguments: ["json", "yaml"]
    )
    func documents(_ format: String) throws {
        let list = Self.list([Self.event("b", ago: 10), Self.event("a", ago: 20)])
        try with(["GET \(Self.path)": list]) { server in
            let result = podagent("events", "-o", format, at: server)
            let document = try #require(YAMLReader.read(Array(result.out.utf8)).documents.first)
            #expect(document["kind"]?.string == "EventList" && document["apiVersion"]?.string == "v1")
            #expect(names(result.out) == ["a", "b"])
            #expect(document["items"]?[1]?["metadata"]?["name"]?.string == "b")
        }
    }

    @Test("By name they are what get takes")
    func byName() throws {
        try with(["GET \(Self.path)": Self.list([Self.event("a")])]) { server in
            #expect(podagent("events", "-o", "name", at: server).out == "event/a\n")
        }
    }

    @Test(
        "A watch lists, prints what happens and not what is removed, and no event twice when it has to list again"
    )
    func watched() throws {
        func change(_ type: String, _ object: String) -> String {
            "{\"type\":\"\(type)\",\"object\":\(object)}\n"
        }
        let (a, b) = (Self.event("a", version: 4), Self.event("b", count: 2, version: 7))
        let watch = "GET \(Self.path)?allowWatchBookmarks=true&resourceVersion="
        let expired = StatusFailure.expired(7, oldest: 9).status.document.json()
        let answers = CannedAnswers(
            [
                "GET \(Self.path)": CannedServer.response(200, Self.list([a])),
                "\(watch)5&watch=true": CannedServer.chunked([change("ADDED", b) + change("DELETED", a)]),
                "\(watch)7&watch=true": CannedServer.response(410, expired),
                "\(watch)4&watch=true": CannedServer.response(410, expired),
            ],
            thenAfter: 3,
            "GET \(Self.path)",
            CannedServer.response(200, Self.list([a, b, Self.event("c", version: 11)], version: 11))
        )
        let server = try CannedServer { request, connection in
            CannedServer.write(connection, answers.answer(to: request.line))
        }
        defer { server.stop() }
        let result = podagent("events", "-w", at: server)
        #expect(names(result.out) == ["a", "b", "c"], "\(result)")
        #expect(result.out.split(separator: "\n").count == 4)
    }
}

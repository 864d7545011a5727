import PodCore
import Testing

@testable import PodAgent

@Suite struct WatchTests {
    private static func text(_ event: Document?) -> String {
        let name = event?["object"]?["metadata"]?["name"]?.string ?? ""
        return "\(event?["type"]?.string ?? "end") \(name)"
    }

    private static func begin(_ fixture: ServerFixture, _ target: String, accept: String? = nil) async throws
        -> TestClient
    {
        let client = try fixture.connect()
        let headers = accept.map { ["Accept": $0] } ?? [:]
        try await client.send(TestClient.request("GET", target, headers: headers))
        let head = try await client.head()
        #expect(head.status == 200)
        #expect(head.headers["transfer-encoding"] == "chunked")
        #expect(head.headers["content-type"] == "application/json")
        return client
    }

    @Test("A watch without a version begins with what exists and tells every change")
    func fromTheBeginning() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let client = try await Self.begin(fixture, "/api/v1/namespaces/default/pods?watch=true")
            #expect(Self.text(try await client.event()) == "ADDED a")
            fixture.node.add(.sample("b"))
            #expect(Self.text(try await client.event()) == "ADDED b")
            fixture.node.add(.sample("x", namespace: "other"))
            fixture.node.add(.sample("a"))
            let modified = try await client.event()
            #expect(Self.text(modified) == "MODIFIED a")
            #expect(modified?["object"]?["metadata"]?["resourceVersion"]?.string == "104")
            fixture.node.podCache.remove("default/a")
            #expect(Self.text(try await client.event()) == "DELETED a")
            client.close()
        }
    }

    @Test("A watch goes on from the version of a list")
    func fromAVersion() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let list = try await fixture.get("/api/v1/pods").document
            let version = try #require(list["metadata"]?["resourceVersion"]?.string)
            fixture.node.add(.sample("b"))
            fixture.node.podCache.remove("default/a")
            let client = try await Self.begin(fixture, "/api/v1/pods?watch=1&resourceVersion=\(version)")
            #expect(Self.text(try await client.event()) == "ADDED b")
            #expect(Self.text(try await client.event()) == "DELETED a")
            client.close()
        }
    }

    @Test("An object that begins to match is added, one that ceases to is deleted")
    func selectors() async throws {
        try await ServerFixture.with { fixture in
            let client = try await Self.begin(fixture, "/api/v1/pods?watch=1&labelSelector=app%3Dweb")
            fixture.node.add(.sample("a"))
            fixture.node.add(.sample("a", labels: ["app": "web"]))
            #expect(Self.text(try await client.event()) == "ADDED a")
            fixture.node.add(.sample("a", labels: ["app": "web", "x": "y"]))
            #expect(Self.text(try await client.event()) == "MODIFIED a")
            fixture.node.add(.sample("a"))
            #expect(Self.text(try await client.event()) == "DELETED a")
            fixture.node.podCache.remove("default/a")
            fixture.node.add(.sample("b", labels: ["app": "web"]))
            #expect(Self.text(try await client.event()) == "ADDED b")
            client.close()
        }
    }

    @Test("Initial objects that were asked for end with a bookmark that says so")
    func initialEvents() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let client = try await Self.begin(
                fixture,
                "/api/v1/pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
            )
            #expect(Self.text(try await client.event()) == "ADDED a")
            let bookmark = try await client.event()
            #expect(bookmark?["type"]?.string == "BOOKMARK")
            #expect(bookmark?["object"]?["kind"]?.string == "Pod")
            #expect(bookmark?["object"]?["metadata"]?["resourceVersion"]?.string == "101")
            let annotations = bookmark?["object"]?["metadata"]?["annotations"]
            #expect(annotations?["k8s.io/initial-events-end"]?.string == "true")
            client.close()
        }
    }

    @Test("Bookmarks come to whoever allows them, with the version that has been told")
    func bookmarks() async throws {
        try await ServerFixture.with(bookmarkInterval: .milliseconds(20)) { fixture in
            let client = try await Self.begin(
                fixture,
                "/api/v1/pods?watch=1&allowWatchBookmarks=true&labelSelector=no"
            )
            #expect(Self.text(try await client.event()) == "BOOKMARK ")
            fixture.node.add(.sample("a"))
            #expect(
                await eventually {
                    let event = try? await client.event()
                    return event?["object"]?["metadata"]?["resourceVersion"]?.string == "101"
                }
            )
            client.close()
        }
    }

    @Test("A watch ends whole when its time is over, and the connection goes on")
    func timeout() async throws {
        try await ServerFixture.with { fixture in
            let client = try await Self.begin(fixture, "/api/v1/pods?watch=1&timeoutSeconds=1")
            #expect(try await client.event() == nil)
            try await client.send(TestClient.request("GET", "/healthz"))
            #expect(try await client.response().text == "ok")
            client.close()
        }
    }

    @Test("Requests that are sent ahead during a watch are answered after it")
    func pipelined() async throws {
        try await ServerFixture.with { fixture in
            let client = try await Self.begin(fixture, "/api/v1/pods?watch=1&timeoutSeconds=1")
            try await client.send(TestClient.request("GET", "/healthz"))
            #expect(try await client.event() == nil)
            #expect(try await client.response().text == "ok")
            client.close()
        }
    }

    @Test("A table's columns are told once")
    func table() async throws {
        try await ServerFixture.with { fixture in
            let client = try await Self.begin(
                fixture,
                "/api/v1/pods?watch=1",
                accept: "application/json;as=Table;v=v1;g=meta.k8s.io"
            )
            for index in 0..<3 {
                fixture.node.add(.sample("p\(index)"))
                let table = try #require(try await client.event()?["object"])
                #expect(table["kind"]?.string == "Table")
                #expect((table["columnDefinitions"]?[0] != nil) == (index == 0))
                #expect(table["rows"]?[0]?["cells"]?[0]?.string == "p\(index)")
            }
            client.close()
        }
    }

    @Test("Events are watched like Pods")
    func events() async throws {
        try await ServerFixture.with { fixture in
            let client = try await Self.begin(
                fixture,
                "/api/v1/events?watch=1&fieldSelector=involvedObject.name%3Da"
            )
            fixture.node.add(.sample("e1", about: "b"))
            fixture.node.add(.sample("e2", about: "a"))
            #expect(Self.text(try await client.event()) == "ADDED e2")
            client.close()
        }
    }

    @Test("A client that hangs up gives back its watch and its connection", arguments: [true, false])
    func hangUp(halfClosed: Bool) async throws {
        try await ServerFixture.with { fixture in
            let client = try await Self.begin(fixture, "/api/v1/pods?watch=1")
            #expect(await eventually { fixture.node.podCache.watcherCount == 1 })
            if halfClosed { client.shutdownWriting() } else { client.close() }
            #expect(await eventually { fixture.node.podCache.watcherCount == 0 })
            #expect(await eventually { fixture.server.connectionCount == 0 })
            client.close()
        }
    }

    @Test("Stopping ends watches whole")
    func stop() async throws {
        try await ServerFixture.with { fixture in
            let client = try await Self.begin(fixture, "/api/v1/pods?watch=1")
            async let stopped: Void = fixture.server.stop()
            #expect(try await client.event() == nil)
            await stopped
            #expect(fixture.server.connectionCount == 0)
            client.close()
        }
    }
}

@Suite struct WatchCacheTests {
    private static func cache(history: Int = 4, backlog: Int = 100) -> WatchCache<Int> {
        WatchCache(counter: ResourceVersionCounter(startingAt: 10), historyMax: history, backlogMax: backlog)
    }

    @Test("A version older than the history is expired, and so is one of the future")
    func expiry() throws {
        let cache = Self.cache()
        for value in 0..<100 { cache.set("k\(value)") { _ in value } }
        #expect(throws: StatusFailure.self) { try cache.watch(since: 10) }
        #expect(throws: StatusFailure.self) { try cache.watch(since: 111) }
        #expect(throws: StatusFailure.self) { try cache.watch(since: 101) }
        _ = try cache.watch(since: 110)
        _ = try cache.watch(since: 106)
    }

    @Test("A version from before the cache is expired even when nothing has changed since")
    func beforeTheStart() throws {
        let cache = Self.cache()
        #expect(throws: StatusFailure.self) { try cache.watch(since: 9) }
        _ = try cache.watch(since: 10)
    }

    @Test("Nobody misses or repeats a change, wherever he begins")
    func everyStart() async throws {
        let cache = Self.cache(history: 50)
        for value in 0..<20 { cache.set("k") { _ in value } }
        for since in UInt64(10)...30 {
            let subscription = try cache.watch(since: since)
            var iterator = subscription.changes.makeAsyncIterator()
            for version in stride(from: since + 1, through: 30, by: 1) {
                #expect(await iterator.next()?.resourceVersion == version)
            }
        }
    }

    @Test("A watcher that does not keep up is cut off, and the others are not")
    func slowWatcher() async throws {
        let cache = Self.cache(backlog: 5)
        let slow = try cache.watch(since: nil)
        for value in 0..<6 { cache.set("k\(value)") { _ in value } }
        #expect(cache.watcherCount == 0)
        var count = 0
        for await _ in slow.changes { count += 1 }
        #expect(count == 5)
        let fresh = try cache.watch(since: nil)
        #expect(fresh.initial == [0, 1, 2, 3, 4, 5])
        cache.set("new") { _ in 7 }
        var iterator = fresh.changes.makeAsyncIterator()
        #expect(await iterator.next()?.object == 7)
    }

    @Test("A removal tells the last state, and removing nothing tells nothing")
    func removal() async throws {
        let cache = Self.cache()
        cache.set("k") { Int($0) }
        let subscription = try cache.watch(since: cache.list().resourceVersion)
        cache.remove("other")
        cache.remove("k") { object, version in object * 1_000 + Int(version) }
        var iterator = subscription.changes.makeAsyncIterator()
        let event = await iterator.next()
        #expect(event?.kind == .deleted)
        #expect(event?.object == 11_012)
        #expect(event?.previous == 11)
        #expect(cache["k"] == nil)
    }

    @Test("A watch that is let go of is forgotten")
    func forgotten() async throws {
        let cache = Self.cache()
        do { _ = try cache.watch(since: nil) }
        #expect(cache.watcherCount == 0)
    }
}

import Testing

@testable import PodCore

/// Who names whom in `podagent.io/after`, who may begin, and who is ended after whom.
@Suite struct StartOrderTests {
    private static func key(_ name: String) -> PodKey {
        let parts = name.split(separator: "/").map(String.init)
        return parts.count == 2
            ? PodKey(namespace: parts[0], name: parts[1]) : PodKey(namespace: "default", name: parts[0])
    }

    private func key(_ name: String) -> PodKey { Self.key(name) }

    // MARK: The text

    @Test(
        "What a text names",
        arguments: [
            ("db", ["default/db"]), ("db, cache/redis", ["default/db", "cache/redis"]),
            (" db ,\n\tweb-node1\r\n", ["default/db", "default/web-node1"]),
            ("db,db,default/db", ["default/db"]),
            ("a.b.c", ["default/a.b.c"]),
        ]
    )
    func names(text: String, expected: [String]) throws {
        let names = try StartAfter.names(in: text, namespace: "default")
        #expect(names.map(\.description) == expected)
    }

    @Test(
        "What cannot be read is refused, with the part that is wrong",
        arguments: [
            ("", "names of Pods with commas between them"), (" ", "names of Pods with commas"),
            ("db,", "names of Pods with commas between them"), ("db,,web", "names of Pods with commas"),
            ("a/b/c", "\"a/b/c\" is neither"), ("db web", "\"db web\": a lowercase RFC 1123 subdomain"),
            ("Db", "\"Db\": a lowercase"), ("/db", "\"/db\": a lowercase RFC 1123 label"),
            ("cache/", "\"cache/\": a lowercase"), ("a.b/db", "\"a.b/db\": must not contain dots"),
            ("[db]", "\"[db]\": a lowercase"),
        ]
    )
    func unreadable(text: String, expected: String) {
        do throws(StartAfter.Problem) {
            let names = try StartAfter.names(in: text, namespace: "default")
            Issue.record("read as \(names)")
        } catch {
            #expect(error.detail.contains(expected), "\(error.detail)")
        }
    }

    @Test(
        "Admission refuses the Pod by the annotation, also one that names itself",
        arguments: [
            ("db", String?.none), ("web2", nil), ("other/web", nil), ("db,", "must be names of Pods"),
            ("web", "a Pod cannot wait for itself"), ("default/web-node1", "a Pod cannot wait for itself"),
        ]
    )
    func admission(text: String, expected: String?) {
        let manifest = """
            {"apiVersion": "v1", "kind": "Pod",
             "metadata": {"name": "web", "annotations": {"podagent.io/after": "\(text)"}},
             "spec": {"containers": [{"name": "c", "image": "busybox"}]}}
            """
        let document = relaxed(manifest)
        let now = Timestamp(nanoseconds: 0)
        let result = Admission(nodeName: "node1").admit(document, source: .file("a.yaml"), seenAt: now)
        let texts = result.problems.map(\.text)
        guard let expected else { return #expect(texts == []) }
        #expect(texts.count == 1)
        #expect(texts.first?.hasPrefix("metadata.annotations[podagent.io/after]: Invalid value") == true)
        #expect(texts.first?.contains(expected) == true, "\(texts)")
    }

    // MARK: Who may begin

    @Test(
        "A Pod may begin when what it names is Ready or has Succeeded, and not otherwise",
        arguments: [
            (PodStanding.ready, true), (.succeeded, true), (.pending, false), (.running, false),
            (.failed, false),
            (.leaving, false),
        ]
    )
    func enough(standing: PodStanding, begins: Bool) {
        var order = StartOrder(nodeName: "node1")
        order.insert(key("web"), after: [key("db")], isHeld: true)
        #expect(order.lacks(of: key("web")).map(\.cause) == [.unknown])
        order.insert(key("db"), after: [], standing)
        #expect(order.lacks(of: key("web")).isEmpty == begins)
        #expect(order.waiters(for: key("db")) == [key("web")])
    }

    @Test(
        "A static Pod is named as in its file or with the node's suffix; a Pod of just that name comes first"
    )
    func suffix() {
        var order = StartOrder(nodeName: "Node1")
        order.insert(key("web"), after: [key("db")], isHeld: true)
        order.insert(key("api"), after: [key("db-node1")], isHeld: true)
        order.insert(key("db-node1"), after: [], .ready)
        #expect(order.lacks(of: key("web")).isEmpty && order.lacks(of: key("api")).isEmpty)
        #expect(order.waiters(for: key("db-node1")) == [key("api"), key("web")])
        order.insert(key("db"), after: [], .pending)
        #expect(order.lacks(of: key("web")).map(\.cause) == [.standing(.pending)])
        #expect(order.lacks(of: key("api")).isEmpty)
        order.remove(key("db"))
        #expect(order.lacks(of: key("web")).isEmpty)
    }

    @Test("A held Pod says whom it waits for and what they lack, with namespaces only where they differ")
    func text() {
        var order = StartOrder(nodeName: "node1")
        let names = ["db", "cache/redis", "late", "job", "gone", "first"].map(Self.key)
        order.insert(key("web"), after: names, isHeld: true)
        order.insert(key("db-node1"), after: [], .ready)
        order.insert(key("cache/redis"), after: [], .running)
        order.insert(key("job"), after: [], .failed)
        order.insert(key("gone"), after: [], .leaving)
        order.insert(key("first"), after: [key("db")], isHeld: true)
        let expected =
            "Waiting for cache/redis (Running, not Ready), late (there is no such Pod), job (Failed), "
            + "gone (being deleted), first (waits itself)"
        #expect(order.waiting(key("web")) == Waiting("WaitingForPods", expected))
    }

    // MARK: Circles

    private func order(_ edges: [String: [String]], held: Set<String>? = nil) -> StartOrder {
        var order = StartOrder(nodeName: "node1")
        for (pod, names) in edges {
            order.insert(key(pod), after: names.map(Self.key), isHeld: held?.contains(pod) ?? !names.isEmpty)
        }
        return order
    }

    @Test(
        "A circle is found by each Pod in it, from its own name on, and by no other",
        arguments: [
            (["a": ["b"], "b": ["a"]], "a", "a -> b -> a"), (["a": ["b"], "b": ["a"]], "b", "b -> a -> b"),
            (["a": ["b"], "b": ["c"], "c": ["a", "b"]], "a", "a -> b -> c -> a"),
            (["a": ["b"], "b": ["c"], "c": ["a", "b"]], "b", "b -> c -> b"),
            (["a": ["b"], "b": ["c"], "c": ["b"]], "a", nil),
            (["a": ["b", "c"], "b": ["c"], "c": []], "a", nil),
            (["a": ["a"]], "a", "a -> a"), (["a": ["x/b"], "x/b": ["default/a"]], "a", "a -> x/b -> a"),
            (["a-node1": ["b"], "b-node1": ["a"]], "a-node1", "a -> b -> a"),
        ] as [([String: [String]], String, String?)]
    )
    func circles(edges: [String: [String]], pod: String, expected: String?) {
        let order = order(edges)
        let cycle = order.cycle(of: key(pod))
        #expect((cycle != nil) == (expected != nil))
        guard let cycle, let expected else { return }
        #expect(StartOrder.cycle(cycle, of: key(pod)).message.hasPrefix("\(expected): these Pods wait"))
        #expect(order.waiting(key(pod)).message.hasSuffix("; they wait for each other: \(expected)"))
    }

    @Test("A circle with a Pod in it that has begun holds nobody up")
    func begunCircle() {
        var order = order(["a": ["b"], "b": ["a"]], held: ["a"])
        #expect(order.cycle(of: key("a")) == nil)
        _ = order.set(key("b"), .ready)
        #expect(order.lacks(of: key("a")) == [])
    }

    // MARK: The end

    @Test("A Pod is ended after those that named it; within a circle there is no order, around it there is")
    func dependents() {
        let order = order([
            "db": [], "cache": ["db"], "web": ["db", "cache"], "x": ["y", "db"], "y": ["x"],
            "z": ["x", "nobody"],
        ])
        let all = ["db", "cache", "web", "x", "y", "z"].map(Self.key)
        #expect(
            order.dependents(among: all) == [
                key("db"): [key("cache"), key("web"), key("x")], key("cache"): [key("web")],
                key("x"): [key("z")],
            ]
        )
        // What does not end together has no order.
        #expect(order.dependents(among: [key("db"), key("web")]) == [key("db"): [key("web")]])
        #expect(order.dependents(among: [key("cache"), key("x")]) == [:])
    }
}

import PodCore
import Testing

@testable import PodAgent

/// The API's paths, over a real socket.
@Suite struct APIServerTests {
    private static let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    private static func names(_ list: Document) -> [String] {
        guard case .list(let items) = list["items"]?.value else { return [] }
        return items.compactMap { $0["metadata"]?["name"]?.string }
    }

    @Test(
        "What clients ask first is answered",
        arguments: [
            ("/api", "kind", "APIVersions"), ("/apis", "kind", "APIGroupList"),
            ("/api/v1", "kind", "APIResourceList"),
            ("/version", "minor", "36"), ("/api/v1/pods", "kind", "PodList"),
            ("/api/v1/events", "kind", "EventList"),
            ("/api/v1/nodes", "kind", "NodeList"), ("/api/v1/nodes/n1", "kind", "Node"),
            ("/api/v1/namespaces/default/pods", "kind", "PodList"),
            ("/api/v1/namespaces/default/events", "kind", "EventList"),
        ]
    )
    func discovery(path: String, key: String, value: String) async throws {
        try await ServerFixture.with { fixture in
            let response = try await fixture.get(path)
            #expect(response.status == 200)
            #expect(response.headers["content-type"] == "application/json")
            #expect(try response.document[key]?.string == value)
            #expect(try await fixture.request("HEAD", path).status == 200)
        }
    }

    @Test("Health is ok, or says what is stuck", arguments: ["/healthz", "/livez", "/readyz"])
    func health(path: String) async throws {
        try await ServerFixture.with { fixture in
            let healthy = try await fixture.get(path)
            #expect(healthy.status == 200 && healthy.text == "ok")
            #expect(try await fixture.get(path + "?verbose").text.contains("[+]node ok"))
            fixture.node.state.withLock { $0.health = "the queue has not moved for 20 s" }
            let sick = try await fixture.get(path)
            #expect(sick.status == 500 && sick.text.contains("the queue has not moved for 20 s"))
        }
    }

    @Test("Lists are filtered by namespace, labels and fields and carry a version")
    func lists() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a", labels: ["app": "web"]))
            fixture.node.add(.sample("b"))
            fixture.node.add(.sample("c", namespace: "other", labels: ["app": "web"]))
            fixture.node.add(.sample("e1", about: "a"))
            fixture.node.add(.sample("e2", about: "b", namespace: "other"))
            let cases = [
                ("/api/v1/pods", ["a", "b", "c"]), ("/api/v1/namespaces/default/pods", ["a", "b"]),
                ("/api/v1/namespaces/nowhere/pods", []),
                ("/api/v1/pods?labelSelector=app%3Dweb", ["a", "c"]),
                ("/api/v1/pods?labelSelector=app+in+(db)", []),
                ("/api/v1/pods?fieldSelector=metadata.name%3Da&limit=500", ["a"]),
                ("/api/v1/pods?fieldSelector=metadata.namespace!=other,spec.nodeName=n1", ["a", "b"]),
                ("/api/v1/events", ["e1", "e2"]), ("/api/v1/namespaces/other/events", ["e2"]),
                ("/api/v1/events?fieldSelector=involvedObject.name=a,involvedObject.kind=Pod", ["e1"]),
                ("/api/v1/nodes?fieldSelector=metadata.name=n2", []),
            ]
            for (path, names) in cases {
                let list = try await fixture.get(path).document
                #expect(Self.names(list) == names, "\(path)")
                #expect(list["metadata"]?["resourceVersion"]?.string == "105")
            }
        }
    }

    @Test("An object is found by its name, a static Pod also without its suffix")
    func single() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("web-n1"))
            fixture.node.add(.sample("e1", about: "web-n1"))
            for name in ["web", "web-n1", "web/status"] {
                let pod = try await fixture.get("/api/v1/namespaces/default/pods/\(name)").document
                #expect(pod["kind"]?.string == "Pod")
                #expect(pod["metadata"]?["name"]?.string == "web-n1")
            }
            #expect(try await fixture.get("/api/v1/namespaces/default/events/e1").status == 200)
            #expect(try await fixture.get("/api/v1/namespaces/other/events/e1").status == 404)
        }
    }

    @Test(
        "What cannot be answered is a Status with Kubernetes' code and reason",
        arguments: [
            ("GET", "/nope", 404, "NotFound", "the server could not find the requested resource"),
            ("GET", "/api/v1/namespaces/default/pods/x", 404, "NotFound", "pods \"x\" not found"),
            ("GET", "/api/v1/nodes/n2", 404, "NotFound", "nodes \"n2\" not found"),
            (
                "GET", "/api/v1/pods?fieldSelector=spec.x%3Dy", 400, "BadRequest",
                "field label not supported: spec.x"
            ),
            (
                "GET", "/api/v1/pods?labelSelector=%3D", 400, "BadRequest",
                "unable to parse requirement: found '=', expected: identifier"
            ),
            (
                "GET", "/api/v1/pods?resourceVersion=x", 400, "BadRequest",
                "Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax"
            ),
            (
                "GET", "/api/v1/pods?resourceVersion=5&resourceVersionMatch=Exact", 410, "Expired",
                "too old resource version: 5 (101)"
            ),
            (
                "GET", "/api/v1/pods?watch=1&resourceVersion=5", 410, "Expired",
                "too old resource version: 5 (100)"
            ),
            (
                "GET", "/api/v1/pods?resourceVersion=999999", 504, "Timeout",
                "Too large resource version: 999999, current: 101"
            ),
            (
                "GET", "/api/v1/pods?continue=abc", 400, "BadRequest",
                "continue key is not valid: this server never cuts a list"
            ),
            (
                "GET", "/api/v1/pods?resourceVersionMatch=Exact", 422, "Invalid",
                "ListOptions \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
            ),
            ("DELETE", "/api/v1/namespaces/default/pods/x", 404, "NotFound", "pods \"x\" not found"),
            (
                "DELETE", "/api/v1/namespaces/default/pods/a?gracePeriodSeconds=-1", 422, "Invalid",
                "DeleteOptions \"\" is invalid: gracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0"
            ),
            (
                "DELETE", "/api/v1/namespaces/default/pods/a?dryRun=All", 400, "BadRequest",
                "dryRun is not supported here, and nothing has been changed"
            ),
            ("DELETE", "/images", 400, "BadRequest", "say which image by ?reference="),
            ("DELETE", "/images?reference=missing", 404, "NotFound", "images \"missing\" not found"),
            (
                "GET", "/api/v1/namespaces/default/pods/a/log?tailLines=x", 400, "BadRequest",
                "strconv.ParseInt: parsing \"x\": invalid syntax"
            ),
            (
                "GET", "/api/v1/namespaces/default/pods/a/log?container=zz", 400, "BadRequest",
                "container zz is not valid for pod a"
            ),
            ("GET", "/api/v1/namespaces/default/pods/x/log", 404, "NotFound", "pods \"x\" not found"),
            ("GET", "/a%2Fb", 400, "BadRequest", "the path contains a segment that is no name"),
        ]
    )
    func failures(method: String, path: String, code: Int, reason: String, message: String) async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let response = try await fixture.request(method, path)
            #expect(response.status == code)
            let status = try response.document
            #expect(status["kind"]?.string == "Status")
            #expect(status["code"]?.integer == Int64(code))
            #expect(status["reason"]?.string == reason)
            #expect(status["message"]?.string == message)
            #expect(fixture.node.state.withLock { $0.deletions }.isEmpty)
        }
    }

    @Test(
        "A method that a path does not know is refused with those that it does",
        arguments: [
            ("PATCH", "/api/v1/namespaces/default/pods/a", "GET, HEAD, DELETE"),
            ("PUT", "/api/v1/namespaces/default/pods/a", "GET, HEAD, DELETE"),
            ("DELETE", "/api/v1/namespaces/default/pods", "GET, HEAD, POST"),
            ("POST", "/api/v1/pods", "GET, HEAD"),
            ("HEAD", "/api/v1/namespaces/default/pods/a/log", "GET"), ("GET", "/images/load", "POST"),
            ("OPTIONS", "/healthz", "GET, HEAD"), ("FROB", "/version", "GET, HEAD"),
        ]
    )
    func methods(method: String, path: String, allowed: String) async throws {
        try await ServerFixture.with { fixture in
            let response = try await fixture.request(method, path)
            #expect(response.status == 405)
            #expect(response.headers["allow"] == allowed)
        }
    }

    @Test("Pods are shown as a table to whoever asks for one")
    func podTable() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let path = "/api/v1/namespaces/default/pods"
            let table = try await fixture.get(path, headers: ["Accept": Self.table]).document
            #expect(table["kind"]?.string == "Table")
            #expect(table["columnDefinitions"]?[0]?["name"]?.string == "Name")
            #expect(table["rows"]?[0]?["cells"]?[0]?.string == "a")
            #expect(table["rows"]?[0]?["cells"]?[2]?.string == "Running")
            #expect(table["rows"]?[0]?["object"]?["kind"]?.string == "PartialObjectMetadata")
            let whole = try await fixture.get(path + "?includeObject=Object", headers: ["Accept": Self.table])
                .document
            #expect(whole["rows"]?[0]?["object"]?["kind"]?.string == "Pod")
            let bare = try await fixture.get(path + "/a?includeObject=None", headers: ["Accept": Self.table])
                .document
            #expect(bare["rows"]?[0]?["cells"]?[0]?.string == "a")
            #expect(bare["rows"]?[0]?["object"] == nil)
            #expect(
                try await fixture.get(path + "?includeObject=x", headers: ["Accept": Self.table]).status
                    == 400
            )
            #expect(try await fixture.get(path, headers: ["Accept": "text/html"]).status == 406)
        }
    }

    @Test("Events are shown as a table too")
    func eventTable() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("e1", about: "a"))
            let table = try await fixture.get("/api/v1/events", headers: ["Accept": Self.table]).document
            #expect(table["rows"]?[0]?["cells"]?[3]?.string == "pod/a")
            #expect(table["rows"]?[0]?["cells"]?[8]?.integer == 1)
        }
    }

    // MARK: Changes

    @Test("A Pod is created from JSON, once")
    func create() async throws {
        try await ServerFixture.with { fixture in
            let path = "/api/v1/namespaces/default/pods"
            let body = #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"new"},"spec":{"containers":[]}}"#
            let made = try await fixture.request(
                "POST",
                path,
                headers: ["Content-Type": "application/json"],
                body: body
            )
            #expect(made.status == 201)
            #expect(try made.document["metadata"]?["name"]?.string == "new")
            let again = try await fixture.request("POST", path, body: body)
            #expect(again.status == 409)
            #expect(try again.document["reason"]?.string == "AlreadyExists")
        }
    }

    @Test(
        "What cannot be created is refused before the node sees it",
        arguments: [
            ("", "", 400), ("not json", "", 400), ("[]", "", 400), (#"{"kind":"Pod"}"#, "", 400),
            (#"{"apiVersion":"v1","kind":"Service"}"#, "", 400),
            (#"{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"other"}}"#, "", 400),
            (#"{"apiVersion":"v1","kind":"Pod"}{"apiVersion":"v1","kind":"Pod"}"#, "", 400),
            (#"{"apiVersion":"v1","kind":"Pod"}"#, "?dryRun=All", 400),
        ]
    )
    func createRefused(body: String, query: String, code: Int) async throws {
        try await ServerFixture.with { fixture in
            let path = "/api/v1/namespaces/default/pods" + query
            let response = try await fixture.request("POST", path, body: body)
            #expect(response.status == code)
            #expect(fixture.node.state.withLock { $0.created }.isEmpty)
        }
    }

    @Test("A body of an unknown type is refused")
    func unknownType() async throws {
        try await ServerFixture.with { fixture in
            let response = try await fixture.request(
                "POST",
                "/api/v1/namespaces/default/pods",
                headers: ["Content-Type": "application/xml"],
                body: "<pod/>"
            )
            #expect(response.status == 415)
        }
    }

    @Test("A deletion has the grace period of its body, else of its query, else the Pod's own")
    func delete() async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let path = "/api/v1/namespaces/default/pods/a"
            let deleted = try await fixture.request("DELETE", path)
            #expect(deleted.status == 200)
            #expect(try deleted.document["metadata"]?["deletionTimestamp"]?.string != nil)
            _ = try await fixture.request("DELETE", path + "?gracePeriodSeconds=5")
            let options =
                #"{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"propagationPolicy":"Background"}"#
            _ = try await fixture.request("DELETE", path + "?gracePeriodSeconds=5", body: options)
            #expect(fixture.node.state.withLock { $0.deletions } == ["a own", "a 5", "a 0"])
        }
    }

    @Test(
        "A deletion that means another object is refused with 409",
        arguments: [#"{"uid":"other"}"#, #"{"resourceVersion":"5"}"#]
    )
    func preconditions(precondition: String) async throws {
        try await ServerFixture.with { fixture in
            fixture.node.add(.sample("a"))
            let path = "/api/v1/namespaces/default/pods/a"
            let refused = try await fixture.request(
                "DELETE",
                path,
                body: #"{"preconditions":\#(precondition)}"#
            )
            #expect(refused.status == 409)
            #expect(fixture.node.state.withLock { $0.deletions }.isEmpty)
            let meant = try await fixture.request("DELETE", path, body: #"{"preconditions":{"uid":"uid-a"}}"#)
            #expect(meant.status == 200)
        }
    }

    @Test("Images are pinned, let go of and pruned by POST")
    func keepingImages() async throws {
        try await ServerFixture.with { fixture in
            let cases: [(String, String?, Int, String)] = [
                ("pin", #"{"reference":"a:1"}"#, 200, #""pinned a:1""#),
                ("unpin", #"{"reference":"a:1"}"#, 200, #""free a:1""#),
                ("pin", #"{"reference":"missing"}"#, 404, "not found"),
                ("pin", #"{"reference":""}"#, 400, "reference must be"),
                ("unpin", #"{"reference":3}"#, 400, "reference must be"),
                ("pin", nil, 400, "no body"),
                ("prune", nil, 200, #""freedBytes":1"#),
                ("prune", #"{"all":true}"#, 200, #""freedBytes":2"#),
                ("prune", #"{"all":"yes"}"#, 400, "all must be"),
            ]
            for (verb, body, status, text) in cases {
                let answer = try await fixture.request("POST", "/images/\(verb)", body: body ?? "")
                #expect(answer.status == status, "\(verb) \(body ?? "")")
                #expect(try answer.document.json().contains(text), "\(verb) \(body ?? "")")
            }
        }
    }

    @Test("Images and manifests have paths of their own")
    func ownPaths() async throws {
        try await ServerFixture.with { fixture in
            let loaded = try await fixture.request(
                "POST",
                "/images/load",
                body: #"{"path":"/x.tar","name":"a:1"}"#
            )
            #expect(loaded.status == 201)
            _ = try await fixture.request("POST", "/images/load", body: #"{"path":"/y.tar"}"#)
            #expect(fixture.node.state.withLock { $0.loaded } == ["/x.tar a:1", "/y.tar -"])
            for body in [#"{"path":"relative"}"#, "{}", #"{"path":"/x","name":3}"#] {
                #expect(try await fixture.request("POST", "/images/load", body: body).status == 400)
            }
            #expect(try await fixture.request("DELETE", "/images?reference=a%3A1").status == 200)
            #expect(fixture.node.state.withLock { $0.removed } == ["a:1"])
            #expect(try await fixture.get("/images").status == 200)
            #expect(try await fixture.get("/manifests").document["ignored"] != nil)
        }
    }
}

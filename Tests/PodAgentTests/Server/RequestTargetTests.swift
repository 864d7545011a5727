import PodCore
import Testing

@testable import PodAgent

@Suite struct RequestTargetTests {
    @Test(
        "Paths are taken apart and decoded",
        arguments: [
            ("/", []), ("/api/v1", ["api", "v1"]), ("/api//v1/", ["api", "v1"]), ("/a%20b/c", ["a b", "c"]),
            ("/a+b", ["a+b"]), ("/%C3%A4", ["ä"]), ("/pods?x=/y", ["pods"]),
        ]
    )
    func paths(target: String, path: [String]) throws { #expect(try RequestTarget(target).path == path) }

    @Test("Queries are decoded, in order and with repetitions")
    func queries() throws {
        let target = try RequestTarget(
            "/x?command=sh&command=-c&command=a%20%26+b%0Ac&tty&n=-5&f=false&o=0&t=true&&=v"
        )
        #expect(target.all("command") == ["sh", "-c", "a & b\nc"])
        #expect(target.flag("tty") && target.flag("t"))
        #expect(!target.flag("f") && !target.flag("o") && !target.flag("missing"))
        #expect(try target.integer("n") == -5)
        #expect(try target.integer("missing") == nil)
    }

    @Test(
        "What has no single meaning is refused",
        arguments: [
            "/a%2Fb", "/%2e%2e/x", "/../x", "/./x", "/a%00b", "/a%0Ab", "/%zz", "/%4", "/%", "/%FF",
            "/a?b=%00",
            "/a?b=%F", "/a#b",
        ]
    )
    func refused(target: String) {
        let failure = #expect(throws: StatusFailure.self) { try RequestTarget(target) }
        #expect(failure?.code == 400)
    }

    @Test(
        "A number that is none is refused in Go's words",
        arguments: [
            ("x", "strconv.ParseInt: parsing \"x\": invalid syntax"),
            ("1.5", "strconv.ParseInt: parsing \"1.5\": invalid syntax"),
            (
                "99999999999999999999",
                "strconv.ParseInt: parsing \"99999999999999999999\": value out of range"
            ),
        ]
    )
    func numbers(text: String, message: String) throws {
        let target = try RequestTarget("/x?n=\(text)")
        #expect(throws: StatusFailure.badRequest(message)) { try target.integer("n") }
    }

    @Test(
        "Paths name what the API has",
        arguments: [
            ("/api", .apiVersions), ("/apis", .apiGroups), ("/api/v1", .apiResources), ("/version", .version),
            ("/healthz", .health), ("/readyz", .health), ("/api/v1/pods", .pods(namespace: nil)),
            ("/api/v1/namespaces/a/pods", .pods(namespace: "a")),
            ("/api/v1/namespaces/a/pods/b", .pod(namespace: "a", name: "b")),
            ("/api/v1/namespaces/a/pods/b/status", .pod(namespace: "a", name: "b")),
            ("/api/v1/namespaces/a/pods/b/log", .podLog(namespace: "a", name: "b")),
            ("/api/v1/namespaces/a/pods/b/exec", .podExec(namespace: "a", name: "b")),
            ("/api/v1/events", .events(namespace: nil)),
            ("/api/v1/namespaces/a/events", .events(namespace: "a")),
            ("/api/v1/namespaces/a/events/e", .event(namespace: "a", name: "e")), ("/api/v1/nodes", .nodes),
            ("/api/v1/nodes/n", .node(name: "n")), ("/images", .images), ("/images/load", .imageLoad),
            ("/images/pin", .imagePin), ("/images/unpin", .imageUnpin), ("/images/prune", .imagePrune),
            ("/images/load/x", nil),
            ("/shutdown", .shutdown),
            ("/manifests", .manifests),
            ("/", nil), ("/x", nil), ("/api/v2", nil), ("/api/v1/secrets", nil),
            ("/api/v1/namespaces/a", nil),
            ("/api/v1/namespaces/a/pods/b/attach", nil), ("/api/v1/namespaces/a/pods/b/log/x", nil),
            ("/healthz/x", nil), ("/images/x", nil), ("/apis/apps", nil), ("/api/v1/nodes/n/proxy", nil),
        ] as [(String, Route?)]
    )
    func routes(path: String, route: Route?) throws {
        #expect(Route(path: try RequestTarget(path).path) == route)
    }
}

@Suite struct ContentNegotiationTests {
    private static let kubectl =
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"

    @Test(
        "The best form that the client accepts is chosen",
        arguments: [
            ([], .json), (["*/*"], .json), (["application/json"], .json), ([kubectl], .table),
            (["application/json;as=Table;v=v1beta1;g=meta.k8s.io", "application/json"], .json),
            (["application/vnd.kubernetes.protobuf", "application/json"], .json), (["application/*"], .json),
            (["application/json;q=0.5", "application/json;as=Table;g=meta.k8s.io;v=v1"], .table),
            (["text/html", "*/*;q=0.1"], .json), (["Application/JSON; charset=utf-8"], .json),
            (["text/html"], nil), (["application/json;q=0"], nil), (["application/yaml"], nil),
        ] as [([String], ContentForm?)]
    )
    func forms(accept: [String], form: ContentForm?) {
        var headers = HTTPHeaders()
        for value in accept { headers.append("accept", value) }
        let head = HTTPRequestHead(method: "GET", target: "/", minorVersion: 1, headers: headers)
        do {
            #expect(try ContentForm(accept: head.accept, allowsTable: true) == form)
        } catch {
            #expect(form == nil && error.code == 406)
        }
    }

    @Test("Where there is no table, a client that wants nothing else is told so")
    func noTable() throws {
        let only = ["application/json;as=Table;v=v1;g=meta.k8s.io"]
        #expect(throws: StatusFailure.self) { try ContentForm(accept: only, allowsTable: false) }
        #expect(try ContentForm(accept: only + ["application/json"], allowsTable: false) == .json)
    }
}

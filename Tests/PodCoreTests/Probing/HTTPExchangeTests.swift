import PodCore
import Testing

@Suite struct HTTPExchangeTests {
    struct Path: CustomTestStringConvertible {
        let text: String
        let sent: String
        var testDescription: String { text.debugDescription }
    }

    @Test(
        "A path is sent as Go sends it",
        arguments: [
            Path(text: "", sent: "/"),
            Path(text: "/", sent: "/"),
            Path(text: "healthz", sent: "/healthz"),
            Path(text: "/a/../b/./c", sent: "/a/../b/./c"),
            Path(text: "/a?x=1&y=%20", sent: "/a?x=1&y=%20"),
            Path(text: "/a?", sent: "/a?"),
            Path(text: "/a?b c", sent: "/a?b%20c"),
            Path(text: "?x=1", sent: "/?x=1"),
            Path(text: "/a b", sent: "/a%20b"),
            Path(text: "/ü", sent: "/%C3%BC"),
            Path(text: "/%7euser/!'()*[]", sent: "/%7euser/!'()*[]"),
            Path(text: "/a#fragment", sent: "/a"),
            Path(text: "http://elsewhere:99/x?y", sent: "/x?y"),
            Path(text: "//elsewhere/x", sent: "/x"),
            // No URL: the path as it stands.
            Path(text: "/100%", sent: "/100%25"),
            Path(text: "/100%?x", sent: "/100%25%3Fx"),
            Path(text: "/a\r\nEvil: b", sent: "/a%0D%0AEvil:%20b"),
            Path(text: "a:b/c", sent: "/a:b/c"),
        ]
    )
    func path(_ path: Path) {
        #expect(HTTPTarget(path: path.text).description == path.sent)
    }

    /// An exchange that has begun.
    private final class Begun {
        private var exchange: HTTPExchange
        let first: HTTPExchange.Step

        init(_ exchange: HTTPExchange, _ first: HTTPExchange.Step) {
            (self.exchange, self.first) = (exchange, first)
        }

        func received(_ head: HTTPExchange.Head) -> HTTPExchange.Step { exchange.received(head) }

        func received(_ body: [UInt8], after head: HTTPExchange.Head) -> ProbeOutcome {
            exchange.received(body, after: head)
        }

        func failed(_ failure: NetworkFailure, after head: HTTPExchange.Head?) -> HTTPExchange.Step {
            exchange.failed(failure, after: head)
        }
    }

    private static func begun(
        scheme: URIScheme = .http,
        headers: [(String, String)] = [],
        purpose: NetworkCall.Purpose = .probe
    ) -> Begun {
        let (exchange, step) = call(scheme: scheme, headers: headers, purpose: purpose)
        guard let exchange else { preconditionFailure("the headers of this test are valid") }
        return Begun(exchange, step)
    }

    private static func call(
        _ path: String = "/a/b?c",
        host: String = "10.0.0.5",
        scheme: URIScheme = .http,
        headers: [(String, String)] = [],
        purpose: NetworkCall.Purpose = .probe
    ) -> (HTTPExchange?, HTTPExchange.Step) {
        let http = HTTPCall(
            scheme: scheme,
            target: HTTPTarget(path: path),
            headers: headers.map { HTTPHeader(name: $0.0, value: $0.1) }
        )
        let network = NetworkCall(
            .http(http),
            host: host,
            port: 8080,
            timeout: .seconds(1),
            purpose: purpose
        )
        return HTTPExchange.begin(http, in: network)
    }

    private static func request(_ step: HTTPExchange.Step) -> HTTPProbeRequest? {
        if case .send(let request) = step { request } else { nil }
    }

    struct Redirect: CustomTestStringConvertible {
        let location: String
        /// Where the next request goes; nil when there is none.
        let leads: String?
        var testDescription: String { location.debugDescription }
    }

    @Test(
        "A redirect is followed within the host and nowhere else",
        arguments: [
            Redirect(location: "/x", leads: "http://10.0.0.5:8080/x"),
            Redirect(location: "x", leads: "http://10.0.0.5:8080/a/x"),
            Redirect(location: "../../x?y", leads: "http://10.0.0.5:8080/x?y"),
            Redirect(location: "?z", leads: "http://10.0.0.5:8080/a/b?z"),
            Redirect(location: "#z", leads: "http://10.0.0.5:8080/a/b?c"),
            Redirect(location: "//10.0.0.5/x", leads: "http://10.0.0.5/x"),
            Redirect(location: "https://10.0.0.5:8443/./x/", leads: "https://10.0.0.5:8443/x/"),
            Redirect(location: "HTTP://user:word@10.0.0.5:/", leads: "http://10.0.0.5/"),
            Redirect(location: "http://10.0.0.6/", leads: nil),
            Redirect(location: "http://10.0.0.5.example/", leads: nil),
            Redirect(location: "http://10.0.0.5@example/", leads: nil),
            Redirect(location: "//example/x", leads: nil),
            Redirect(location: "file:///etc/passwd", leads: nil),
            Redirect(location: "mailto:x", leads: nil),
            Redirect(location: "http:x", leads: nil),
            Redirect(location: "", leads: nil),
        ]
    )
    func redirect(_ redirect: Redirect) {
        let exchange = Self.begun()
        let head = HTTPExchange.Head(status: 302, location: redirect.location)
        let step = exchange.received(head)
        if let leads = redirect.leads {
            #expect(Self.request(step)?.location.description == leads)
        } else {
            #expect(step == .readBody)
            #expect(
                exchange.received(Array("gone".utf8), after: head)
                    == .warning("Probe terminated redirects, Response body: gone")
            )
        }
    }

    @Test("Only the statuses that redirect do so", arguments: [200, 300, 304, 305, 306])
    func noRedirect(_ status: Int) {
        let exchange = Self.begun()
        #expect(exchange.received(HTTPExchange.Head(status: status, location: "/x")) == .readBody)
    }

    @Test("A redirect that cannot be followed is told with where it leads")
    func badRedirects() {
        let failures = [
            "/%zz":
                "Get \"http://10.0.0.5:8080/a/b?c\": failed to parse Location header \"/%zz\": invalid URL",
            "http://10.0.0.5:99999/":
                "Get \"http://10.0.0.5:8080/a/b?c\": failed to parse Location header "
                + "\"http://10.0.0.5:99999/\": invalid URL",
            "ftp://10.0.0.5/": "Get \"ftp://10.0.0.5/\": unsupported protocol scheme \"ftp\"",
        ]
        for (location, text) in failures {
            let exchange = Self.begun()
            let head = HTTPExchange.Head(status: 307, location: location)
            #expect(exchange.received(head) == .done(.failure(text)))
        }
    }

    @Test("A Host of the user's goes with relative redirects, and not with others")
    func hostHeader() throws {
        let exchange = Self.begun(headers: [("Host", "web")])
        #expect(Self.request(exchange.first)?.host == "web")
        let near = exchange.received(HTTPExchange.Head(status: 302, location: "/x"))
        #expect(Self.request(near)?.host == "web")
        let far = HTTPExchange.Head(status: 302, location: "https://10.0.0.5/y")
        let request = try #require(Self.request(exchange.received(far)))
        #expect(request.host == "10.0.0.5")
        #expect(request.headers.last == HTTPHeader(name: "Referer", value: "http://10.0.0.5:8080/x"))
        // What was asked under TLS is not told without.
        let back = HTTPExchange.Head(status: 302, location: "http://10.0.0.5/z")
        let plain = try #require(Self.request(exchange.received(back)))
        #expect(!plain.headers.contains { $0.name == "Referer" })
    }

    @Test("An IPv6 address has brackets in URLs and in Host")
    func brackets() {
        let (_, step) = Self.call("/", host: "fd00::5")
        #expect(Self.request(step)?.location.description == "http://[fd00::5]:8080/")
        #expect(Self.request(step)?.host == "[fd00::5]:8080")
    }

    struct Headers: CustomTestStringConvertible {
        let testDescription: String
        let given: [(String, String)]
        let sent: [String]

        init(_ name: String, _ given: [(String, String)], _ sent: [String]) {
            (testDescription, self.given, self.sent) = (name, given, sent)
        }
    }

    @Test(
        "Headers are those of the probe, and the kubelet's where it has none",
        arguments: [
            Headers("none", [], ["User-Agent: kube-probe/1.36", "Accept: */*", "Connection: close"]),
            Headers(
                "repeated",
                [("x-a", " 1\t"), ("X-A", "2")],
                ["User-Agent: kube-probe/1.36", "Accept: */*", "X-A: 1", "X-A: 2", "Connection: close"]
            ),
            Headers(
                "of one's own",
                [("USER-AGENT", "me"), ("accept", "text/plain")],
                ["User-Agent: me", "Accept: text/plain", "Connection: close"]
            ),
            Headers("empty", [("User-Agent", ""), ("Accept", "")], ["Connection: close"]),
            Headers(
                "those that frame the message are not the user's",
                [("Content-Length", "5"), ("transfer-encoding", "chunked"), ("Accept", "")],
                ["User-Agent: kube-probe/1.36", "Connection: close"]
            ),
            Headers(
                "closed once",
                [("connection", "close"), ("Accept", "")],
                ["User-Agent: kube-probe/1.36", "Connection: close"]
            ),
        ]
    )
    func headers(_ headers: Headers) {
        let (_, step) = Self.call(headers: headers.given)
        #expect(Self.request(step)?.headers.map { "\($0.name): \($0.value)" } == headers.sent)
    }

    @Test(
        "Headers that would be something else on the wire are refused",
        arguments: [
            ("X", "a\nb", "net/http: invalid header field value for \"X\""),
            ("X", "a\r\nb", "net/http: invalid header field value for \"X\""),
            ("X", "\u{0}", "net/http: invalid header field value for \"X\""),
            ("X: Y", "a", "net/http: invalid header field name \"X: Y\""),
            ("", "a", "net/http: invalid header field name \"\""),
            ("Host", "a b", "http: invalid Host header"),
        ]
    )
    func refusedHeaders(_ name: String, _ value: String, _ reason: String) {
        let (_, step) = Self.call(headers: [(name, value)])
        #expect(step == .done(.failure("Get \"http://10.0.0.5:8080/a/b?c\": \(reason)")))
    }

    @Test("A node's own shortage counts as nothing, also within a hook")
    func shortage() {
        for purpose in [NetworkCall.Purpose.probe, .hook] {
            let exchange = Self.begun(purpose: purpose)
            #expect(
                exchange.failed(.unable("socket: Too many open files"), after: nil)
                    == .done(.error("socket: Too many open files"))
            )
        }
    }

    @Test("A hook falls back to plain HTTP once")
    func fallback() {
        let exchange = Self.begun(scheme: .https, headers: [("authorization", "x")], purpose: .hook)
        let step = exchange.failed(.plainHTTP, after: nil)
        #expect(Self.request(step)?.location.scheme == .http)
        #expect(Self.request(step)?.headers.contains { $0.name == "Authorization" } == false)
        #expect(
            exchange.failed(.plainHTTP, after: nil)
                == .done(
                    .failure(
                        "Get \"http://10.0.0.5:8080/a/b?c\": http: server gave HTTP response to HTTPS client"
                    )
                )
        )
    }
}

import Testing

@testable import PodCore

/// What registries and token servers say: RFC 9110 §11.6.1 and §14.4, OCI distribution specification "Error Codes".
@Suite struct RegistryAnswerTests {
    private static let hub =
        #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#

    @Test(
        "Challenges are read as they come",
        arguments: [
            (
                hub,
                [
                    "bearer realm=https://auth.docker.io/token scope=repository:library/nginx:pull service=registry.docker.io"
                ]
            ),
            (#"Basic realm="Registry Realm""#, ["basic realm=Registry Realm"]),
            (
                #"Basic realm="a", Bearer realm="b" , scope="c,d""#,
                ["basic realm=a", "bearer realm=b scope=c,d"]
            ),
            (#"bEaReR REALM=https://r/t?x=1,service=s"#, ["bearer realm=https://r/t?x=1 service=s"]),
            (#"Bearer realm="a\"b\\c""#, [#"bearer realm=a"b\c"#]),
            ("Negotiate", ["negotiate"]),
            ("Negotiate, Basic realm=x", ["negotiate", "basic realm=x"]),
            (#"Bearer realm="a",realm="b""#, ["bearer realm=a"]),
            (#"Bearer realm="open"#, ["bearer"]),
            ("", []), (",, ,", []), ("=x", []), ("\"\"", []),
        ]
    )
    func challenges(header: String, expected: [String]) {
        let found = AuthChallenge.parse(header).map { challenge in
            ([challenge.scheme] + challenge.parameters.sorted { $0.key < $1.key }.map { "\($0)=\($1)" })
                .joined(separator: " ")
        }
        #expect(found == expected)
    }

    @Test(
        "Credentials go to a token server of the registry's own, and to no other",
        arguments: [
            ("https://registry-1.docker.io", "https://auth.docker.io/token", true),
            ("https://registry.example.org", "https://example.org/jwt", true),
            ("https://example.org", "https://auth.example.org", true),
            ("https://r.example.org:5000", "https://r.example.org/token", true),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
            ("https://registry.example.org", "https://evil.org/token", false),
            ("https://registry.example.org", "https://notexample.org/token", false),
            ("https://registry.example.org", "https://example.org.evil.net/", false),
            ("https://registry.example.org", "http://registry.example.org/token", false),
            ("https://10.0.0.1", "https://9.0.0.1", false),
            ("https://localhost:5000", "https://elsewhere", false),
            ("https://registry.example.org", "https://sso.other.net/token", true),
        ]
    )
    func trust(registry: String, server: String, isTrusted: Bool) throws {
        let registry = try #require(WebOrigin(of: registry))
        let server = try #require(WebOrigin(of: server))
        #expect(server.isTrusted(by: registry, tokenHosts: ["sso.other.net"]) == isTrusted)
    }

    @Test(
        "Origins are scheme, host and port",
        arguments: [
            ("https://R.Example:443/a?b", "https r.example 443"), ("http://[::1]:5000/v2/", "http ::1 5000"),
            ("https://user:word@host/", "https host 443"), ("http://h", "http h 80"),
        ]
    )
    func origins(url: String, expected: String) throws {
        let origin = try #require(WebOrigin(of: url))
        #expect("\(origin.scheme) \(origin.host) \(origin.port)" == expected)
    }

    @Test(
        "What is no URL of HTTP has no origin",
        arguments: ["", "/v2/", "ftp://h/", "file:///etc/passwd", "//h/x", "https://"]
    )
    func noOrigin(url: String) { #expect(WebOrigin(of: url) == nil) }

    @Test(
        "Errors come as one line in the registry's own words",
        arguments: [
            (
                #"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"x"}}]}"#,
                "MANIFEST_UNKNOWN: manifest unknown"
            ),
            (#"{"errors":[{"code":"A"},{"message":"b"}]}"#, "A; b"),
            (#"{"details":"incorrect username or password"}"#, "incorrect username or password"),
            (#"{"message":"a\nb"}"#, "a b"),
            (#"{"errors":[]}"#, nil), ("<html>", nil), ("", nil), (#"{"errors":"x"}"#, nil), ("[]", nil),
        ] as [(String, String?)]
    )
    func errors(body: String, expected: String?) {
        #expect(RegistryAnswer.errors(in: Array(body.utf8)) == expected)
    }

    @Test("Long errors are cut")
    func longErrors() throws {
        let body = #"{"message":"\#(String(repeating: "x", count: 5000))"}"#
        #expect(try #require(RegistryAnswer.errors(in: Array(body.utf8))).count == 301)
    }

    @Test("Tokens are taken from either member, and only such as fit into a header")
    func tokens() {
        func token(_ body: String) -> String? {
            RegistryAnswer.token(in: Array(body.utf8)).map { "\($0.token) \($0.seconds)" }
        }
        #expect(token(#"{"token":"a","expires_in":300}"#) == "a 300")
        #expect(token(#"{"access_token":"b"}"#) == "b 60")
        #expect(token(#"{"token":"","access_token":"c","expires_in":5}"#) == "c 60")
        #expect(token(#"{"token":"a\r\nX-Evil: 1"}"#) == nil)
        #expect(token(#"{"expires_in":300}"#) == nil)
        #expect(token("not JSON") == nil)
    }

    @Test(
        "Parts of a blob say where they belong",
        arguments: [
            ("bytes 100-199/1000", "100 199 1000"), ("bytes 0-0/*", "0 0 -"), ("bytes 5-4/10", nil),
            ("bytes 0-10/10", nil), ("bytes -1-3/10", nil), ("items 0-1/2", nil), ("bytes 1/2", nil),
            ("", nil),
            ("bytes 0-99999999999999999999/*", nil),
        ] as [(String, String?)]
    )
    func ranges(header: String, expected: String?) {
        let range = ContentRange(header)
        #expect(range.map { "\($0.start) \($0.end) \($0.size.map(String.init) ?? "-")" } == expected)
    }
}

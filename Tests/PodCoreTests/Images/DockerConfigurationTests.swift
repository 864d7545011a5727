import Testing

@testable import PodCore

/// Which credentials of a docker configuration are for which repository, and what a wrong one is told.
@Suite struct DockerConfigurationTests {
    private static func configuration(
        _ keys: [String],
        form: DockerConfiguration.Form = .config
    ) throws -> DockerConfiguration {
        // Each key's user is the key itself.
        let entries = keys.map { #""\#($0)": {"username": "\#($0)", "password": "p"}"# }.joined(
            separator: ", "
        )
        let text = form == .config ? #"{"auths": {\#(entries)}}"# : "{\(entries)}"
        return try DockerConfiguration(parsing: Array(text.utf8), form: form)
    }

    struct Match: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var keys: [String]
        var host: String
        var repository = "team/app"
        /// The keys whose credentials are tried, in order.
        var tried: [String]
    }

    @Test(
        "Keys match by host, port and the beginning of the path",
        arguments: [
            Match(
                testDescription: "host alone",
                keys: ["r.example"],
                host: "r.example",
                tried: ["r.example"]
            ),
            Match(testDescription: "another host", keys: ["r.example"], host: "s.example", tried: []),
            Match(testDescription: "a host below", keys: ["r.example"], host: "a.r.example", tried: []),
            Match(testDescription: "any case", keys: ["R.Example"], host: "r.exAmple", tried: ["R.Example"]),
            Match(
                testDescription: "schemes and the API's version are nothing",
                keys: ["https://r.example", "http://r.example/v1/", "r.example/v2/", "https://r.example/v2"],
                host: "r.example",
                tried: ["https://r.example", "http://r.example/v1/", "r.example/v2/", "https://r.example/v2"]
            ),
            Match(
                testDescription: "a path behind the version",
                keys: ["https://r.example/v2/team", "https://r.example/v2/other"],
                host: "r.example",
                tried: ["https://r.example/v2/team"]
            ),
            Match(
                testDescription: "the longest path first",
                keys: ["r.example", "r.example/team/app", "r.example/team"],
                host: "r.example",
                tried: ["r.example/team/app", "r.example/team", "r.example"]
            ),
            Match(
                testDescription: "whole components",
                keys: ["r.example/te", "r.example/team/", "r.example/team/app/x"],
                host: "r.example",
                tried: ["r.example/team/"]
            ),
            Match(
                testDescription: "ports",
                keys: ["r.example", "r.example:5000", "r.example:5001"],
                host: "r.example:5000",
                tried: ["r.example:5000"]
            ),
            Match(testDescription: "no port", keys: ["r.example:443"], host: "r.example", tried: []),
            Match(
                testDescription: "addresses",
                keys: ["127.0.0.1:5000", "[::1]:5000", "[::2]:5000"],
                host: "[::1]:5000",
                tried: ["[::1]:5000"]
            ),
            Match(
                testDescription: "globs, one label each",
                keys: ["*.example", "*.*.example", "*"],
                host: "a.b.example",
                tried: ["*.*.example"]
            ),
            Match(
                testDescription: "globs within a label",
                keys: ["r?.example", "r*.example", "r[0-4].example", "r[^5].example", "r[5-9].example"],
                host: "r7.example",
                tried: ["r[^5].example", "r[5-9].example", "r?.example", "r*.example"]
            ),
            Match(
                testDescription: "no glob in ports",
                keys: ["r.example:*"],
                host: "r.example:5000",
                tried: []
            ),
            Match(
                testDescription: "a glob that is malformed",
                keys: ["r[.example", "r[5-.example"],
                host: "r5.example",
                tried: []
            ),
            Match(
                testDescription: "a glob with a path",
                keys: ["*.example/team", "*.example/other"],
                host: "r.example",
                tried: ["*.example/team"]
            ),
            Match(
                testDescription: "the names of Docker Hub are one",
                keys: [
                    "https://index.docker.io/v1/", "docker.io", "registry-1.docker.io", "index.docker.io",
                ],
                host: "docker.io",
                repository: "library/nginx",
                tried: [
                    "https://index.docker.io/v1/", "docker.io", "registry-1.docker.io", "index.docker.io",
                ]
            ),
            Match(
                testDescription: "a path of Docker Hub",
                keys: ["docker.io/team", "docker.io/library"],
                host: "docker.io",
                repository: "library/nginx",
                tried: ["docker.io/library"]
            ),
            Match(testDescription: "not Docker Hub", keys: ["docker.io"], host: "quay.example", tried: []),
        ]
    )
    func match(_ expected: Match) throws {
        for form in [DockerConfiguration.Form.config, .legacy] {
            let found = try Self.configuration(expected.keys, form: form)
                .credentials(host: expected.host, repository: expected.repository)
            #expect(found == expected.tried.map { .password(user: $0, password: "p") })
        }
    }

    struct Entry: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        var credentials: [RegistryCredential]
    }

    @Test(
        "What an entry has",
        arguments: [
            Entry(
                testDescription: "base64",
                text: #"{"auth": "dXNlcjpwYTpzcw=="}"#,
                credentials: [.password(user: "user", password: "pa:ss")]
            ),
            Entry(
                testDescription: "base64 without padding",
                text: #"{"auth": "dXNlcjpwYTpzcw"}"#,
                credentials: [.password(user: "user", password: "pa:ss")]
            ),
            Entry(
                testDescription: "auth before the others, and an address for mails",
                text: #"{"auth": "dTpw", "username": "x", "password": "y", "email": "a@b"}"#,
                credentials: [.password(user: "u", password: "p")]
            ),
            Entry(
                testDescription: "an identity token beside a placeholder",
                text: #"{"auth": "MDAwMDo=", "identitytoken": "tok"}"#,
                credentials: [.identityToken("tok")]
            ),
            Entry(
                testDescription: "all there is",
                text: #"{"auth": "dTpw", "identitytoken": "i", "registrytoken": "r"}"#,
                credentials: [.registryToken("r"), .identityToken("i"), .password(user: "u", password: "p")]
            ),
            Entry(testDescription: "nothing", text: "{}", credentials: []),
            Entry(testDescription: "empty texts", text: #"{"auth": "", "username": null}"#, credentials: []),
        ]
    )
    func entry(_ expected: Entry) throws {
        let text = #"{"auths": {"r.example": \#(expected.text)}, "psFormat": "x"}"#
        let configuration = try DockerConfiguration(parsing: Array(text.utf8), form: .config)
        #expect(configuration.credentials(host: "r.example", repository: "a") == expected.credentials)
        #expect(configuration.isEmpty == expected.credentials.isEmpty)
        #expect(configuration.notes.isEmpty == !configuration.isEmpty)
    }

    @Test("Of a registry that stands there twice the last entry counts, and equal credentials are tried once")
    func repeated() throws {
        let text = """
            {"auths": {"r.example": {"auth": "YTph"}, "r.example": {"auth": "dTpw"}, "https://r.example": {"auth": "dTpw"}}}
            """
        let configuration = try DockerConfiguration(parsing: Array(text.utf8), form: .config)
        #expect(
            configuration.credentials(host: "r.example", repository: "a") == [
                .password(user: "u", password: "p")
            ]
        )
    }

    @Test(
        "Programs are not run, and that is said",
        arguments: [
            (
                #"{"auths": {"r.example": {}}, "credsStore": "desktop"}"#,
                [
                    #"auths[r.example] leaves its credentials to credsStore "desktop", a program that podagent does not run"#
                ]
            ),
            (
                #"{"credHelpers": {"r.example": "cloud", "s.example": "cloud"}}"#,
                [
                    #"credHelpers[r.example] names "cloud", a program that podagent does not run"#,
                    #"credHelpers[s.example] names "cloud", a program that podagent does not run"#,
                ]
            ),
            (#"{"auths": {"r.example": {"auth": "dTpw"}}, "credsStore": "desktop"}"#, []),
            (#"{"auths": {"r.example": {}}}"#, ["auths[r.example] has no credentials, and has no effect"]),
            (
                #"{"auths": {"https:///x": {"auth": "dTpw"}}}"#,
                ["auths[https:///x] names no registry, and has no effect"]
            ),
        ] as [(String, [String])]
    )
    func programs(text: String, notes: [String]) throws {
        #expect(try DockerConfiguration(parsing: Array(text.utf8), form: .config).notes == notes)
    }

    @Test(
        "What is wrong is told without what stands there",
        arguments: [
            (#"{"auths": {"r.example": {"auth": hunter2}}}"#, "not valid JSON (line 1)"),
            ("{} {}", "not valid JSON"), ("", "not valid JSON"), ("[]", "must be a map"),
            (#"{"auths": "hunter2"}"#, "auths: must be a map"),
            (#"{"auths": {"r.example": "hunter2"}}"#, "auths[r.example]: must be a map"),
            (
                #"{"auths": {"r.example": {"auth": "hunter2!"}}}"#,
                "auths[r.example].auth: must be the base64 of USER:PASSWORD, and is not base64 of a text"
            ),
            (
                #"{"auths": {"r.example": {"auth": "aHVudGVyMg=="}}}"#,
                "auths[r.example].auth: must be the base64 of USER:PASSWORD, and has no colon"
            ),
            (#"{"auths": {"r.example": {"password": 7}}}"#, "auths[r.example].password: must be a string"),
            (
                #"{"auths": {"r.example": {"registrytoken": "hunter2\r\nX: y"}}}"#,
                "auths[r.example].registrytoken: must consist of printable ASCII characters without blanks"
            ),
            (
                #"{"auths": {"https://u:hunter2@r.example/v1/": {"auth": 7}}}"#,
                "auths[https://r.example/v1/].auth: must be a string"
            ),
        ]
    )
    func refused(text: String, words: String) {
        let failure = #expect(throws: DockerConfigurationFailure.self) {
            _ = try DockerConfiguration(parsing: Array(text.utf8), form: .config)
        }
        #expect(failure?.description == words)
    }

    @Test("A configuration that is printed or dumped tells no secret")
    func silence() throws {
        let text =
            #"{"auths": {"r.example": {"auth": "dTpodW50ZXIy", "identitytoken": "hunter2", "registrytoken": "hunter2"}}}"#
        let configuration = try DockerConfiguration(parsing: Array(text.utf8), form: .config)
        var dumped = ""
        dump(configuration, to: &dumped)
        for shown in [dumped, "\(configuration)", String(reflecting: configuration)] {
            #expect(!shown.contains("hunter2"), "\(shown)")
        }
    }

    @Test(
        "Globs read like Go's",
        arguments: [
            ("", "", true), ("*", "", true), ("*", "abc", true), ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*a*b*", "xxaxxbxx", true), ("*a*b*", "xxbxxaxx", false), ("?", "", false), ("[a-c]", "b", true),
            ("[^a-c]", "b", false), ("[abc", "a", false), ("\\*", "*", true), ("\\*", "x", false),
            ("\\", "\\", false),
            ("a**b", "ab", true),
        ]
    )
    func glob(pattern: String, text: String, isMatch: Bool) {
        #expect(Glob.matches(pattern, text) == isMatch)
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Token servers, as Docker Hub has one.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct TokenTests {
    private static let image = TestImage(layers: [TestImage.layer("lower"), TestImage.layer("upper")])
    private static let secret = RegistryCredential.password(user: "me", password: "swordfish")
    private static let header = "Basic bWU6c3dvcmRmaXNo"

    /// Wants a token of `realm`, by default a path of its own host. Tokens are `t0`, `t1` and so on; which of them are
    /// good for a request is up to the test.
    private static func script(
        realm: String? = nil,
        _ isGood: @escaping @Sendable (String, HostileRegistry.Request) -> Bool = { _, _ in true }
    ) -> HostileRegistry.Script {
        { request, _ in
            if request.path == "/token" {
                return .status(200, [:], #"{"token":"t\#(request.earlier)","expires_in":300}"#)
            }
            let shown = request.headers["authorization"] ?? ""
            if shown.hasPrefix("Bearer t"), isGood(String(shown.dropFirst("Bearer ".count)), request) {
                return nil
            }
            let realm = realm ?? "http://\(request.host)/token"
            let challenge =
                #"Bearer realm="\#(realm)",service="registry.example",scope="repository:app:pull""#
            return .status(401, ["WWW-Authenticate": challenge], #"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
        }
    }

    private func tokenRequests(_ registry: HostileRegistry) -> [HostileRegistry.Request] {
        registry.requests.filter { $0.path == "/token" }
    }

    @Test("One token is asked for and used for all of the image", arguments: [false, true])
    func once(withPassword: Bool) throws {
        try HostileRegistry.facing(Self.image.published(), Self.script()) { registry, setting in
            var setting = setting
            if withPassword { setting.credentials = [Self.secret] }
            try setting.pull("\(registry.host)/app:1")
            try setting.expect("\(registry.host)/app:1", is: Self.image)
            let asked = tokenRequests(registry)
            #expect(asked.map(\.method) == ["GET"])
            #expect(asked.first?.headers["authorization"] == (withPassword ? Self.header : nil))
            let target = asked.first?.target ?? ""
            #expect(target.contains("service=registry.example"), "\(target)")
            #expect(target.contains("scope=repository%3Aapp%3Apull"), "\(target)")
            let others = registry.requests.filter { $0.path != "/token" }.dropFirst()
            #expect(others.allSatisfy { $0.headers["authorization"] == "Bearer t0" })
        }
    }

    @Test("A token that is over in the middle is replaced, once for all threads")
    func expiry() throws {
        let script = Self.script { token, request in
            token == "t1" || request.path.contains("/manifests/")
        }
        try HostileRegistry.facing(Self.image.published(), script) { registry, setting in
            try setting.pull("\(registry.host)/app:1")
            try setting.expect("\(registry.host)/app:1", is: Self.image)
            #expect(tokenRequests(registry).count == 2)
        }
    }

    @Test("A registry that takes no token is not asked for ever")
    func never() throws {
        try HostileRegistry.facing(Self.image.published(), Self.script { _, _ in false }) {
            registry,
            setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            #expect("\(try #require(problem))".contains("access denied without credentials: UNAUTHORIZED"))
            #expect(registry.requests.count < 10)
        }
    }

    @Test("An identity token goes by POST, in the body")
    func identity() throws {
        try HostileRegistry.facing(Self.image.published(), Self.script()) { registry, setting in
            var setting = setting
            setting.credentials = [.identityToken("refresh/me+")]
            try setting.pull("\(registry.host)/app:1")
            let asked = try #require(tokenRequests(registry).first)
            #expect(tokenRequests(registry).count == 1)
            #expect(asked.method == "POST")
            #expect(asked.target == "/token")
            #expect(asked.headers["authorization"] == nil)
            #expect(asked.body.contains("grant_type=refresh_token"))
            #expect(asked.body.contains("refresh_token=refresh%2Fme%2B"))
        }
    }

    @Test("A stranger that poses as the token server sees no credentials", arguments: [false, true])
    func stranger(withIdentity: Bool) throws {
        let stranger = try HostileRegistry([:]) { request, _ in
            .status(200, [:], #"{"token":"t-stolen"}"#)
        }
        let realm = "http://\(stranger.host.replacing("127.0.0.1", with: "127.0.0.2"))/token"
        // Nobody listens there: 127.0.0.2 stands for any other host.
        try withExtendedLifetime(stranger) {
            try HostileRegistry.facing(Self.image.published(), Self.script(realm: realm)) {
                registry,
                setting in
                var setting = setting
                setting.credentials = [withIdentity ? .identityToken("refresh") : Self.secret]
                let problem = "\(try #require(try setting.failure("\(registry.host)/app:1")))"
                #expect(problem.contains("127.0.0.2"))
                #expect(problem.contains("tokenHosts"))
                #expect(registry.requests.allSatisfy { $0.headers["authorization"] == nil })
            }
        }
    }

    @Test("A token server that the configuration names gets them")
    func namedServer() throws {
        let server = try HostileRegistry([:]) { request, _ in
            .status(200, [:], #"{"access_token":"t0"}"#)
        }
        try withExtendedLifetime(server) {
            let name = server.host.replacing("127.0.0.1", with: "localhost")
            let script = Self.script(realm: "http://\(name)/token?account=x")
            try HostileRegistry.facing(Self.image.published(), script) { registry, setting in
                var setting = setting
                setting.credentials = [Self.secret]
                var host = RegistryConfiguration.Host()
                host.tokenHosts = ["localhost"]
                setting.configuration.hosts[registry.host] = host
                try setting.pull("\(registry.host)/app:1")
                try setting.expect("\(registry.host)/app:1", is: Self.image)
                let asked = try #require(server.requests.first)
                #expect(asked.headers["authorization"] == Self.header)
                #expect(asked.target.hasPrefix("/token?account=x&"))
            }
        }
    }

    struct BadToken: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var status = 200
        var body: String
        var says: String
    }

    @Test(
        "A token server that gives none says why",
        arguments: [
            BadToken(
                testDescription: "refuses",
                status: 403,
                body: #"{"details":"go away"}"#,
                says: "403: go away"
            ),
            BadToken(testDescription: "has none", body: "{}", says: "has none in it"),
            BadToken(testDescription: "is cut short", body: #"{"token":"t"#, says: "has none in it"),
            BadToken(
                testDescription: "smuggles a header",
                body: #"{"token":"t0\r\nX-Evil: 1"}"#,
                says: "has none in it"
            ),
            BadToken(
                testDescription: "talks without end",
                body: String(repeating: " ", count: 2 << 20),
                says: "longer than"
            ),
        ]
    )
    func noToken(bad: BadToken) throws {
        try HostileRegistry.facing(Self.image.published()) { request, contents in
            request.path == "/token" ? .status(bad.status, [:], bad.body) : Self.script()(request, contents)
        } _: { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            #expect("\(try #require(problem))".contains(bad.says), "\(String(describing: problem))")
        }
    }

    @Test(
        "A realm that is no HTTP URL is refused",
        arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "", "token"]
    )
    func realm(realm: String) throws {
        try HostileRegistry.facing(Self.image.published(), Self.script(realm: realm)) { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            #expect("\(try #require(problem))".contains("token server that is no HTTP URL"))
        }
    }

    @Test("Wrong credentials do not keep anybody from what is for all")
    func anonymous() throws {
        try HostileRegistry.facing(Self.image.published()) { request, _ in
            request.headers["authorization"] == nil ? nil : .status(401, ["WWW-Authenticate": "Basic"])
        } _: { registry, setting in
            var setting = setting
            setting.credentials = [.registryToken("stale")]
            try setting.pull("\(registry.host)/app:1")
            #expect(registry.requests.first?.headers["authorization"] == "Bearer stale")
            try setting.expect("\(registry.host)/app:1", is: Self.image)
        }
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Where registries send their clients on to, and what those show there.
@Suite(.blocking, .enabled(if: geteuid() == 0, "owners and whiteouts need root"))
struct RedirectTests {
    private static let image = TestImage()
    private static let blob = image.blobs[0]
    private static let path = image.blobPath(blob)
    private static let secret = RegistryCredential.password(user: "me", password: "swordfish")
    private static let header = "Basic bWU6c3dvcmRmaXNo"

    /// Asks for a password, whatever is wanted.
    @Sendable
    private static func guarded(_ request: HostileRegistry.Request) -> HostileRegistry.Reply? {
        request.headers["authorization"] == header
            ? nil : .status(401, ["WWW-Authenticate": #"Basic realm="test""#])
    }

    @Test("Credentials are shown to the registry, and not to where it sends on to")
    func otherHost() throws {
        let storage = try HostileRegistry([
            "/storage/blob": .init(bytes: Self.blob), "/v2/app/blobs/x": .init(bytes: Self.blob),
        ])
        try withExtendedLifetime(storage) {
            let elsewhere = "http://\(storage.host)/storage/blob?signature=key"
            try HostileRegistry.facing(Self.image.published()) { request, _ in
                if let reply = Self.guarded(request) { return reply }
                return request.path == Self.path ? .redirect(to: elsewhere) : nil
            } _: { registry, setting in
                var setting = setting
                setting.credentials = [Self.secret]
                try setting.pull("\(registry.host)/app:1")
                try setting.expect("\(registry.host)/app:1", is: Self.image)
                #expect(registry.requests.last?.headers["authorization"] == Self.header)
            }
            #expect(storage.asked == ["GET /storage/blob?signature=key"])
            #expect(storage.requests.first?.headers["authorization"] == nil)
            #expect(storage.requests.first?.headers["cookie"] == nil)
        }
    }

    @Test("A redirect within the registry's own host goes on with the credentials, relative or not")
    func sameHost() throws {
        try HostileRegistry.facing(
            Self.image.published().merging(["/moved": .init(bytes: Self.blob)]) { old, _ in old }
        ) {
            request,
            _ in
            if let reply = Self.guarded(request) { return reply }
            return request.path == Self.path ? .redirect(to: "/moved") : nil
        } _: { registry, setting in
            var setting = setting
            setting.credentials = [Self.secret]
            try setting.pull("\(registry.host)/app:1")
            let moved = registry.requests.first { $0.path == "/moved" }
            #expect(moved?.headers["authorization"] == Self.header)
        }
    }

    @Test("A storage server that wants credentials gets none")
    func deniedElsewhere() throws {
        let storage = try HostileRegistry([:]) { _, _ in
            .status(401, ["WWW-Authenticate": #"Basic realm="give me""#])
        }
        try withExtendedLifetime(storage) {
            try HostileRegistry.facing(Self.image.published()) { request, _ in
                if let reply = Self.guarded(request) { return reply }
                return request.path == Self.path ? .redirect(to: "http://\(storage.host)/x?key=secret") : nil
            } _: { registry, setting in
                var setting = setting
                setting.credentials = [Self.secret]
                let problem = "\(try #require(try setting.failure("\(registry.host)/app:1")))"
                #expect(problem.contains("401"))
                #expect(!problem.contains("key=secret") && !problem.contains("swordfish"))
            }
            #expect(storage.requests.allSatisfy { $0.headers["authorization"] == nil })
            #expect(storage.requests.count == 1)
        }
    }

    @Test(
        "What is no HTTP is not followed",
        arguments: [
            "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:1/x", "dict://127.0.0.1:1/x",
            "http:",
            "",
        ]
    )
    func schemes(url: String) throws {
        try HostileRegistry.facing(Self.image.published()) { request, _ in
            request.path == Self.path ? .redirect(to: url) : nil
        } _: { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            guard case .layer(_, _, .stream(.registry(.redirect)))? = problem else {
                Issue.record("\(String(describing: problem))")
                return
            }
            #expect(registry.fetches(of: Self.blob) == 1)
        }
    }

    @Test("Circles are left")
    func circle() throws {
        try HostileRegistry.facing(Self.image.published()) { request, _ in
            request.path == Self.path ? .redirect(to: Self.path) : nil
        } _: { registry, setting in
            let problem = try setting.failure("\(registry.host)/app:1")
            #expect("\(try #require(problem))".contains("is sent on more than 5 times"))
            #expect(registry.fetches(of: Self.blob) == 6)
        }
    }

    /// openssl(1) as a registry: it answers with files that have the headers in them.
    @Test("From TLS nobody is sent on to where there is none")
    func downgrade() throws {
        let storage = try HostileRegistry(["/blob": .init(bytes: Self.image.manifestBytes)])
        try Scratch.run { scratch in
            let authority = try TestAuthority(in: "\(scratch.path)/tls")
            _ = try scratch.write(
                "www/v2/app/manifests/1",
                Array(
                    "HTTP/1.1 302 Found\r\nLocation: http://\(storage.host)/blob\r\nContent-Length: 0\r\n\r\n"
                        .utf8
                )
            )
            let output = "\(scratch.path)/openssl"
            let server = try Subprocess(
                [
                    "/bin/sh", "-c",
                    "cd \(scratch.path)/www && exec openssl s_server -accept 127.0.0.1:0 -HTTP "
                        + "-key \(authority.serverKey) -cert \(authority.serverCertificate)",
                ],
                output: output,
                errors: output
            )
            defer {
                kill(server.pid, SIGKILL)
                server.wait()
            }
            try eventually("openssl listens") { readText(output).contains("ACCEPT 127.0.0.1:") }
            let text = readText(output)
            let start = try #require(text.firstRange(of: "ACCEPT 127.0.0.1:")).upperBound
            let host = "127.0.0.1:\(text[start...].prefix { $0.isNumber })"
            var setting = PullSetting(scratch: scratch, store: try scratch.store())
            setting.configuration.hosts[host] = .over(authority)
            let problem = try setting.failure("\(host)/app:1")
            #expect("\(try #require(problem))".contains("without TLS, which is refused"))
            #expect(storage.asked == [])
        }
    }
}

extension RegistryConfiguration.Host {
    /// TLS with certificates of this authority.
    static func over(_ authority: TestAuthority, showingCertificate: Bool = false) -> Self {
        var host = Self()
        host.isPlainHTTP = false
        host.authoritiesFile = authority.certificate
        guard showingCertificate else { return host }
        host.certificateFile = authority.clientCertificate
        host.keyFile = authority.clientKey
        return host
    }
}

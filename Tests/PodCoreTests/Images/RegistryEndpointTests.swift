import Testing

@testable import PodCore

/// Where a repository is asked for.
@Suite struct RegistryEndpointTests {
    private func bases(_ image: String, _ change: (inout RegistryConfiguration) -> Void = { _ in }) throws
        -> [String]
    {
        var configuration = RegistryConfiguration()
        change(&configuration)
        return configuration.endpoints(for: try ImageReference(parsing: image)).map(\.base)
    }

    @Test(
        "A name leads to its registry, with TLS unless that is this machine",
        arguments: [
            ("nginx", "https://registry-1.docker.io/v2/library/nginx"),
            ("docker.io/team/app:1", "https://registry-1.docker.io/v2/team/app"),
            ("registry.example:5000/x", "https://registry.example:5000/v2/x"),
            ("localhost/x", "http://localhost/v2/x"), ("127.0.0.1:5000/a/b", "http://127.0.0.1:5000/v2/a/b"),
            ("127.1.2.3:5000/a", "http://127.1.2.3:5000/v2/a"), ("[::1]:5000/a", "http://[::1]:5000/v2/a"),
            ("127.example.org/a", "https://127.example.org/v2/a"),
            ("localhost.example/a", "https://localhost.example/v2/a"),
        ]
    )
    func own(image: String, base: String) throws { #expect(try bases(image) == [base]) }

    @Test("Mirrors come first, with their paths and their own settings")
    func mirrors() throws {
        let found = try bases("nginx:1.27") { configuration in
            configuration.hosts["docker.io", default: .init()].mirrors = [
                "mirror.example:5000", "m.example/hub",
            ]
            configuration.hosts["mirror.example:5000", default: .init()].isPlainHTTP = true
        }
        #expect(
            found == [
                "http://mirror.example:5000/v2/library/nginx", "https://m.example/v2/hub/library/nginx",
                "https://registry-1.docker.io/v2/library/nginx",
            ]
        )
    }

    @Test("TLS can be asked of this machine, and left out elsewhere")
    func plain() throws {
        #expect(
            try bases("localhost/x") { $0.hosts["localhost", default: .init()].isPlainHTTP = false } == [
                "https://localhost/v2/x"
            ]
        )
        #expect(
            try bases("r.example/x") { $0.hosts["r.example", default: .init()].isPlainHTTP = true } == [
                "http://r.example/v2/x"
            ]
        )
    }

    @Test("No description of a credential has the secret in it")
    func secrecy() {
        let credentials: [RegistryCredential] = [
            .password(user: "me", password: "hunter2"), .identityToken("hunter2"), .registryToken("hunter2"),
        ]
        for credential in credentials {
            var dumped = ""
            dump(credential, to: &dumped)
            for text in [
                "\(credential)", String(reflecting: credential), dumped, "\([credential])",
                "\(Optional(credential) as Any)",
            ] {
                #expect(!text.contains("hunter2"))
            }
        }
    }

    @Test("How far a pull is, in one line")
    func progress() {
        let digest = Digest(algorithm: .sha256, bytes: [UInt8](repeating: 1, count: 32))
        var state = PullState()
        #expect(state.summary == "asking the registry")
        #expect(PullState.queued.summary == "waiting for other pulls")
        state.layers = [
            .init(digest: digest, size: 30_000_000, received: 4_500_000),
            .init(digest: digest, size: 90_000_000, isHere: true),
            .init(digest: digest, size: 10, received: 99),
        ]
        #expect(state.summary == "94.5MB of 120MB, 1 of 3 layers")
    }
}

import PodCore
import Testing

@testable import PodAgent

/// Which Secrets are in force as files come and go.
@Suite @NodeActor struct PullSecretsTests {
    private typealias Change = ManifestSet<PullSecret>.Change

    private static func secret(_ name: String, user: String?, namespace: String = "default") throws
        -> ManifestSet<PullSecret>.Definition
    {
        let entry = user.map { #""r.example": {"username": "\#($0)", "password": "p"}"# } ?? ""
        let config = Document(.string("{\"auths\": {\(entry)}}"))
        let document = Document.map([
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": .map(["name": Document(.string(name)), "namespace": Document(.string(namespace))]),
            "stringData": .map([".dockerconfigjson": config]),
        ])
        let secret = try #require(SecretAdmission.all(in: document).first?.secret)
        return .init(secret.key, secret)
    }

    private static func pod(_ names: String..., namespace: String = "default") -> Pod {
        var pod = Pod()
        pod.metadata.namespace = namespace
        pod.spec.imagePullSecrets = names.map { name in
            var reference = LocalObjectReference()
            reference.name = name
            return reference
        }
        return pod
    }

    /// The users that a Pod's Secrets have, in order.
    private static func users(_ secrets: PullSecrets, _ pod: Pod) -> [String] {
        secrets.configurations(for: pod).found.flatMap { $0.credentials(host: "r.example", repository: "a") }
            .map {
                if case .password(let user, _) = $0 { user } else { "" }
            }
    }

    @Test(
        "A Pod gets the Secrets that it names, in its order and of its namespace; what is missing is told by name"
    )
    func lookup() throws {
        let secrets = PullSecrets()
        let changes: [Change] = [
            .defines(
                path: "/a",
                firstSeen: 1,
                [
                    try Self.secret("one", user: "1"), try Self.secret("two", user: "2"),
                    try Self.secret("empty", user: nil),
                    try Self.secret("other", user: "3", namespace: "else"),
                ]
            )
        ]
        #expect(secrets.take(changes) == [])
        let pod = Self.pod("two", "", "none", "one", "other", "empty")
        #expect(Self.users(secrets, pod) == ["2", "1"])
        #expect(secrets.configurations(for: pod).missing == ["none", "other", "empty"])
        #expect(Self.users(secrets, Self.pod("other", namespace: "else")) == ["3"])
        #expect(secrets.configurations(for: Self.pod()).missing == [])
    }

    @Test("Who waits is told when a Secret comes or changes, and at no other time")
    func news() throws {
        let secrets = PullSecrets()
        var count = 0
        secrets.onChange = { count += 1 }
        func take(_ change: Change, count expected: Int, users: [String]) {
            _ = secrets.take([change])
            #expect(count == expected)
            #expect(Self.users(secrets, Self.pod("s")) == users)
        }
        let (old, new) = (try Self.secret("s", user: "old"), try Self.secret("s", user: "new"))
        take(.defines(path: "/a", firstSeen: 1, []), count: 0, users: [])
        take(.defines(path: "/a", firstSeen: 1, [old]), count: 1, users: ["old"])
        take(.defines(path: "/a", firstSeen: 1, [old]), count: 1, users: ["old"])
        take(.defines(path: "/a", firstSeen: 1, [new]), count: 2, users: ["new"])
        // The last good version stays.
        take(.unusable(path: "/a", firstSeen: 1), count: 2, users: ["new"])
        // Of two the older counts, and the other takes over.
        take(.defines(path: "/b", firstSeen: 2, [old]), count: 2, users: ["new"])
        take(.removed(path: "/a"), count: 3, users: ["old"])
        take(.removed(path: "/b"), count: 3, users: [])
    }
}

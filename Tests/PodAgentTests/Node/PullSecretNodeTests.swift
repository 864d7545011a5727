import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Secrets in the manifest directory of a real agent, and what it is told of registries.
@Suite(.enabled(if: TestNode.hasRights, TestNode.needsRoot), .serialized, .blocking)
struct PullSecretNodeTests {
    private static func secret(_ password: String, type: String = "kubernetes.io/dockerconfigjson") -> String
    {
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: regcred}
        type: \(type)
        stringData:
          .dockerconfigjson: '{"auths": {"registry.example": {"username": "u", "password": "\(password)"}}}'

        """
    }

    private static let pod = """
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: private}
        spec:
          terminationGracePeriodSeconds: 0
          imagePullSecrets: [{name: regcred}]
          containers: [{name: c, image: "registry.example/a:1", imagePullPolicy: Never}]
        """

    private func putPrivate(_ name: String, _ text: String, in node: TestNode) throws {
        let path = "\(node.manifests)/\(name)"
        let raw = cns_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(raw >= 0)
        try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: path)
    }

    private func count(_ reason: String, in node: TestNode) throws -> Int {
        try node.toldEvents().filter { $0.reason == reason }.reduce(0) { $0 + Int($1.count) }
    }

    /// Everything that the agent says and writes has to do without the secret.
    private func expectSilence(_ node: TestNode) throws {
        var told = node.agentLog
        for words in [
            ["events", "-o", "json"], ["get", "pods", "-o", "json"], ["describe", "pod", "private"],
        ] {
            let outcome = try Subprocess.run(
                ["\(TestNode.products)/podagent"] + words,
                environment: ["PODAGENT_SOCKET=\(node.socket)"],
                scratch: "\(node.directory)/scratch"
            )
            told += outcome.output + outcome.errors
        }
        #expect(!told.contains("hunter2"), "\(told)")
        let found = try Subprocess.run(
            [
                "/bin/grep", "-rl", "--devices=skip", "hunter2", "\(node.directory)/state",
                "\(node.directory)/run",
            ],
            scratch: "/tmp"
        )
        #expect(found.output == "")
    }

    @Test("A Secret comes beside its Pod, changes, is kept while its file is wrong, and is told nowhere")
    func life() throws {
        let node = try TestNode()
        try node.put("private.yaml", Self.secret("hunter2") + Self.pod)
        try eventually("others can read it") {
            try node.hasEvent("SecretExposed", "private.yaml holds a Secret")
        }
        try eventually("its Pod is there") { try node.podagent("get", "pod", "private").code == 0 }
        try node.put("private.yaml", Self.secret("hunter22") + Self.pod)
        try node.put("second.yaml", Self.secret("hunter2"))
        try eventually("of two, one is refused") {
            try node.hasEvent("FailedValidation", "Secret default/regcred is refused: it is in force from")
        }
        #expect(try count("SecretExposed", in: node) == 2)

        // A quote that ends the JSON string too early.
        try node.put("private.yaml", Self.secret(#"hunter2"x"#) + Self.pod)
        try eventually("it is kept") {
            try node.hasEvent("ManifestKept", "Secret default/regcred stays as it was before")
        }
        #expect(
            try node.hasEvent(
                "FailedValidation",
                #"stringData[.dockerconfigjson]: Invalid value: "<secret contents redacted>": not valid JSON"#
            ),
            "\(node.eventsText)"
        )
        try expectSilence(node)
        node.remove("second.yaml")
        node.remove("private.yaml")
        try node.wait("private", for: "delete")
        try node.end()
    }

    @Test("What is wrong with a Secret is told by field, and never what stands there")
    func refused() throws {
        let node = try TestNode()
        try putPrivate("opaque.yaml", Self.secret("hunter2", type: "Opaque"), in: node)
        try eventually("other types are refused by name") {
            try node.hasEvent(
                "FailedValidation",
                #"type: Forbidden: secrets of type "Opaque" are not supported"#
            )
        }
        let words = #"{apiVersion: "v1", kind: "Secret", stringData: {".dockerconfigjson": hunter2}}"#
        try putPrivate("words.json", words, in: node)
        try eventually("a slip in the syntax is told without the words around it") {
            try node.hasEvent(
                "FailedValidation",
                "words.json:1: <redacted> is not a value; strings need quotes"
            )
        }
        try putPrivate("kindless.yaml", "apiVersion: v1\nstringData: {a: hunter2}\n", in: node)
        try eventually("what does not say what it is is refused") {
            try node.hasEvent("FailedValidation", "Object 'Kind' is missing")
        }
        #expect(try count("SecretExposed", in: node) == 0)
        chmod("\(node.manifests)/opaque.yaml", 0o640)
        try eventually("it is open to others now") { try count("SecretExposed", in: node) == 1 }
        try node.put("private.yaml", Self.pod)
        try eventually("its Pod is there") { try node.podagent("get", "pod", "private").code == 0 }
        try expectSilence(node)
        try node.end()
    }

    @Test("validate takes a Secret; apply and delete say where it belongs")
    func commands() throws {
        let node = try TestNode()
        let file = "\(node.directory)/scratch/private.yaml"
        let raw = cns_openat(AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(raw >= 0)
        let text = Self.secret("hunter2") + Self.pod
        try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: file)
        let valid = try node.ask("validate", "-f", file)
        #expect(valid == "\(file): secret/regcred is valid\n\(file): pod/private-node is valid\n")
        let remedies = [
            "apply": "put it there with mode 0600, and apply the Pods alone",
            "delete": "remove it there, and delete the Pods alone",
        ]
        for (verb, remedy) in remedies {
            let outcome = try node.podagent(verb, "-f", file)
            #expect(outcome.code == 1)
            #expect(
                outcome.errors.contains("a Secret is a file of the manifest directory: \(remedy)"),
                "\(outcome)"
            )
        }
        try node.end()
    }

    @Test("Registries are taken over by a reload, and a section that is wrong changes nothing")
    func reload() throws {
        let file = "/tmp/podagent-test-\(getpid())-registries.yaml"
        defer { unlink(file) }
        func write(_ text: String) throws {
            let raw = cns_openat(AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            try #require(raw >= 0)
            try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: file)
        }
        try write("{}")
        let node = try TestNode(flags: ["--config", file])
        let agent = try #require(node.agent)
        let steps = [
            (
                "registries:\n  docker.io: {mirrors: [127.0.0.1:5000]}",
                "configuration reloaded: registries in effect"
            ),
            (
                "registries:\n  docker.io: {mirrors: [docker.io]}",
                "\(file):2: registries[docker.io].mirrors[0]: \"docker.io\" is the registry itself"
            ),
            (
                "registryCredentials: /nowhere",
                "configuration reloaded: registry-credentials, registries in effect"
            ),
        ]
        for (text, words) in steps {
            try write(text)
            kill(agent.pid, SIGHUP)
            try eventually(words) { node.agentLog.contains(words) }
        }
        try node.end()
    }
}

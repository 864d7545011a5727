import PodCore
import Testing

/// Secrets as files define them: what is taken, what is refused, and that no word of either tells the content.
@Suite struct PullSecretTests {
    /// `{"auths":{"r.example":{"auth":"dTpodW50ZXIy"}}}`, whose password is hunter2.
    private static let config = "eyJhdXRocyI6eyJyLmV4YW1wbGUiOnsiYXV0aCI6ImRUcG9kVzUwWlhJeSJ9fX0="
    private static let password = RegistryCredential.password(user: "u", password: "hunter2")

    private static func secret(_ change: String) -> Document {
        relaxed(
            """
            {apiVersion: v1, kind: Secret, metadata: {name: s},
             type: kubernetes.io/dockerconfigjson,
             data: {.dockerconfigjson: '\(config)'}}
            """
        ).changed(relaxed(change))
    }

    @Test(
        "Taken are both types, in base64 and as they are",
        arguments: [
            "{}", "{immutable: true, metadata: {name: s, labels: {a: b}, annotations: {c: d}}}",
            "{data: {.dockerconfigjson: null}, data: null, stringData: {.dockerconfigjson: '{\"auths\": {\"r.example\": {\"auth\": \"dTpodW50ZXIy\"}}}'}}",
            "{stringData: {.dockerconfigjson: '{\"auths\": {\"r.example\": {\"auth\": \"dTpodW50ZXIy\"}}}'}}",
            "{type: kubernetes.io/dockercfg, data: null, stringData: {.dockercfg: '{\"r.example\": {\"auth\": \"dTpodW50ZXIy\"}}'}}",
            "{data: {.dockerconfigjson: 'eyJhdXRocyI6eyJyLmV4YW1wbGUiOnsiYXV0aCI6ImRU\ncG9kVzUwWlhJeSJ9fX0=\n'}}",
        ]
    )
    func taken(change: String) throws {
        let results = SecretAdmission.all(in: Self.secret(change))
        #expect(results.flatMap(\.problems) == [])
        let secret = try #require(results.first?.secret)
        #expect(secret.key == PodKey(namespace: "default", name: "s"))
        #expect(secret.configuration.credentials(host: "r.example", repository: "a") == [Self.password])
    }

    private static let redacted = #""<secret contents redacted>""#

    @Test(
        "What is wrong is told by field, and what stands there is not",
        arguments: [
            ("{metadata: {}}", "metadata.name: Required value: name is needed for the secret"),
            (
                "{metadata: {name: s, namespace: a.b}}",
                #"metadata.namespace: Invalid value: "a.b": must not contain dots"#
            ),
            ("{metadata: hunter2}", "metadata: Invalid value: \(redacted): must be a map, not a string"),
            (
                "{metadata: {name: s, annotations: {a: {b: hunter2}}}}",
                "metadata.annotations[a]: Invalid value: \(redacted): must be a string"
            ),
            (
                "{type: Opaque}",
                #"type: Forbidden: secrets of type "Opaque" are not supported by this version of podagent yet (volumes)"#
            ),
            (
                "{type: null}",
                #"type: Forbidden: secrets of type "Opaque" are not supported by this version of podagent yet (volumes)"#
            ),
            (
                "{type: kubernetes.io/tls}",
                #"type: Forbidden: secrets of type "kubernetes.io/tls" are not supported by this version of podagent yet (volumes)"#
            ),
            ("{type: kubernetes.io/dockercfg}", "data[.dockercfg]: Required value"),
            ("{data: null}", "data[.dockerconfigjson]: Required value"),
            ("{data: hunter2}", "data: Invalid value: \(redacted): must be a map, not a string"),
            (
                "{data: {.dockerconfigjson: {auths: hunter2}}}",
                "data[.dockerconfigjson]: Invalid value: \(redacted): must be a string"
            ),
            (
                "{data: {.dockerconfigjson: hunter2}}",
                "data[.dockerconfigjson]: Invalid value: \(redacted): must be base64"
            ),
            (
                "{stringData: {.dockerconfigjson: hunter2}}",
                "stringData[.dockerconfigjson]: Invalid value: \(redacted): not valid JSON (line 1)"
            ),
            (
                "{stringData: {.dockerconfigjson: '{\"auths\": {\"r.example\": {\"auth\": \"hunter2!\"}}}'}}",
                "stringData[.dockerconfigjson]: Invalid value: \(redacted): auths[r.example].auth: must be the base64 of USER:PASSWORD, and is not base64 of a text"
            ),
            (
                "{immutable: hunter2}",
                "immutable: Invalid value: \(redacted): must be a boolean, not a string"
            ),
        ]
    )
    func refused(change: String, problem: String) {
        let results = SecretAdmission.all(in: Self.secret(change))
        #expect(results.flatMap(\.problems).map(\.text).first == problem)
        #expect(results.flatMap(\.problems).allSatisfy { !$0.description.contains("hunter2") })
        #expect(results.allSatisfy { $0.secret == nil })
    }

    @Test("What is probably a mistake is warned of")
    func warnings() {
        let change = """
            {dta: {a: hunter2}, metadata: {name: s, nmespace: x}, stringData: {other: hunter2,
             .dockerconfigjson: '{"auths": {"r.example": {}}, "credsStore": "x"}'}}
            """
        let results = SecretAdmission.all(in: Self.secret(change))
        #expect(results.flatMap(\.problems) == [])
        #expect(
            results.flatMap(\.warnings).map(\.text) == [
                #"dta: unknown field, did you mean "data"?"#,
                #"metadata.nmespace: unknown field, did you mean "namespace"?"#,
                "stringData[other]: has no effect: podagent reads .dockerconfigjson alone",
                #"stringData[.dockerconfigjson]: auths[r.example] leaves its credentials to credsStore "x", a program that podagent does not run"#,
            ]
        )
    }

    @Test("Secrets are found alone and in lists, with their lines")
    func lists() {
        let text = """
            {apiVersion: v1, kind: List, items: [
              {apiVersion: v1, kind: Pod},
              {apiVersion: v1, kind: SecretList, items: [
                {metadata: {name: a}}]}]}
            """
        let results = SecretAdmission.all(in: relaxed(text))
        #expect(PodDocuments(relaxed(text)).items.map(\.path.description) == ["items[0]"])
        #expect(results.map(\.path.description) == ["items[1].items[0]"])
        #expect(results.first?.problems.first?.line == 4)
    }

    @Test("A Secret that does not say what it is is not shown in the complaint")
    func nameless() {
        for text in [
            "{kind: Secret, metadata: {annotations: {a: hunter2}}, stringData: {a: hunter2}}",
            "{data: {a: hunter2}}", "{apiVersion: v1, kind: SecretList, items: {data: {a: hunter2}}}",
            "{apiVersion: v1, kind: List, items: [{stringData: {a: hunter2}}]}",
        ] {
            let problems = PodDocuments(relaxed(text)).problems
            #expect(problems.count == 1)
            #expect(problems.allSatisfy { !$0.description.contains("hunter2") }, "\(problems)")
        }
    }

    @Test("imagePullSecrets are taken as Kubernetes takes them: an empty name is a warning")
    func references() {
        let pod = relaxed(
            """
            {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {
             imagePullSecrets: [{name: s}, {name: Not_A_Name},
              {}],
             containers: [{name: c, image: i}]}}
            """
        )
        let result = Admission(nodeName: "n").admit(pod, source: .file("/f"), seenAt: .init(seconds: 0))
        #expect(result.problems == [])
        #expect(result.pod?.spec.imagePullSecrets.map(\.name) == ["s", "Not_A_Name", ""])
        #expect(
            result.warnings.map(\.description) == [
                #"line 3: spec.imagePullSecrets[2].name: invalid empty name """#
            ]
        )
    }
}

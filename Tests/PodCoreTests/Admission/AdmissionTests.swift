import Testing

@testable import PodCore

@Suite struct AdmissionTests {
    static let seenAt = Timestamp(nanoseconds: 1_767_323_045_123_456_789)
    static let web =
        "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c, image: i}]}}"

    private func admit(
        _ document: Document,
        node: String = "node1",
        source: ManifestSource = .file("/etc/pods/web.yaml"),
        seenAt: Timestamp = seenAt
    ) -> AdmissionResult {
        Admission(nodeName: node).admit(document, source: source, seenAt: seenAt)
    }

    @Test("A Pod from a file gets its node's name, a UID, annotations and a toleration")
    func staticPod() throws {
        let pod = try #require(admit(relaxed(Self.web)).pod)
        #expect(pod.metadata.name == "web-node1")
        #expect(pod.metadata.namespace == "default")
        #expect(pod.metadata.uid.utf8.count == 32)
        #expect(pod.metadata.uid.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        #expect(pod.metadata.creationTimestamp == Timestamp(seconds: 1_767_323_045))
        #expect(
            pod.metadata.annotations == [
                "kubernetes.io/config.hash": pod.metadata.uid, "kubernetes.io/config.source": "file",
                "kubernetes.io/config.seen": "2026-01-02T03:04:05.123456789Z",
            ]
        )
        #expect(pod.spec.nodeName == "node1")
        #expect(
            pod.spec.tolerations.map { $0.document.json() } == [
                #"{"effect":"NoExecute","operator":"Exists"}"#
            ]
        )
        #expect(pod.status.phase == .pending && pod.status.qosClass == .bestEffort)
    }

    @Test(
        "The suffix is the node's name in lower case, but an upper-case node name is refused as the kubelet does"
    )
    func upperCaseNode() {
        let result = admit(relaxed(Self.web), node: "Node1")
        #expect(result.name == "web-node1")
        #expect(result.problems.map(\.text) == ["spec.nodeName: Invalid value: \"Node1\": \(Text.subdomain)"])
    }

    @Test("A Pod made over the socket keeps its name and is a new one each time")
    func apiPod() throws {
        let pod = try #require(admit(relaxed(Self.web), source: .api).pod)
        #expect(pod.metadata.name == "web")
        #expect(pod.spec.tolerations == [])
        #expect(pod.metadata.annotations["kubernetes.io/config.source"] == "api")
        let later = admit(relaxed(Self.web), source: .api, seenAt: Timestamp(seconds: 5))
        #expect(later.pod?.metadata.uid != pod.metadata.uid)
    }

    @Test(
        "The UID does not change with",
        arguments: [
            (
                "the order of the keys",
                "{kind: Pod, apiVersion: v1, spec: {containers: [{image: i, name: c}]}, metadata: {name: web}}"
            ),
            ("the layout", web.replacing(", ", with: ",\n\n")),
            ("what is null", web.replacing("spec: {", with: "spec: {hostname: null, ")),
            ("a status", web.replacing("kind: Pod", with: "kind: Pod, status: {phase: Running}")),
        ]
    )
    func sameUID(what: String, text: String) {
        let original = admit(relaxed(Self.web)).pod?.metadata.uid
        #expect(original != nil)
        #expect(admit(relaxed(text)).pod?.metadata.uid == original)
    }

    @Test("The UID is that of the content and the node, not of the file's path or of the time")
    func contentUID() {
        let original = admit(relaxed(Self.web)).pod?.metadata.uid
        // Computed elsewhere. It must stay: another value would restart every Pod when podagent is upgraded.
        #expect(original == "5159210c43b2114fa3d3968def2a5d51")
        #expect(admit(relaxed(Self.web), source: .file("/elsewhere")).pod?.metadata.uid == original)
        #expect(admit(relaxed(Self.web), seenAt: Timestamp(seconds: 1)).pod?.metadata.uid == original)
        #expect(admit(relaxed(Self.web), node: "node2").pod?.metadata.uid != original)
        let changed = Self.web.replacing("image: i", with: "image: j")
        #expect(admit(relaxed(changed)).pod?.metadata.uid != original)
    }

    @Test(
        "Every annotation is kept; what podagent sets itself is not taken over, and least of all the UID"
    )
    func givenMetadata() throws {
        let text = Self.web.replacing(
            "name: web",
            with:
                "name: web, uid: ../../../etc, annotations: {a: b}, resourceVersion: '7', deletionTimestamp: '2020-01-01T00:00:00Z'"
        )
        let result = admit(relaxed(text))
        let pod = try #require(result.pod)
        #expect(pod.metadata.uid.utf8.count == 32)
        #expect(pod.metadata.annotations["kubernetes.io/config.hash"] == pod.metadata.uid)
        #expect(pod.metadata.annotations["a"] == "b")
        #expect(pod.metadata.resourceVersion == "" && pod.metadata.deletionTimestamp == nil)
        #expect(
            result.notes.map(\.text) == [
                "metadata.deletionTimestamp: has no effect: set by podagent",
                "metadata.resourceVersion: has no effect: set by podagent",
                "metadata.uid: has no effect: set by podagent",
            ]
        )
    }

    @Test("Decoding, support and validation report together, in the order of the file")
    func together() {
        let result = admit(
            relaxed(
                """
                {apiVersion: v1, kind: Pod, metadata: {name: Web},
                 spec: {
                  containers: [
                   {name: c, image: i, stdinOnce: true, livenessProbe: {tcpSocket: {port: 0}}},
                   {name: c,
                    ports: [{containerPort: "80"}],
                    colour: red}]}}
                """
            )
        )
        #expect(
            result.problems.map(\.description) == [
                "line 1: metadata.name: Invalid value: \"Web-node1\": \(Text.subdomain)",
                "line 4: spec.containers[0].stdinOnce: Forbidden: not supported by this version of podagent yet (attach)",
                "line 4: spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: 0: \(Text.port)",
                "line 5: spec.containers[1].image: Required value",
                "line 5: spec.containers[1].name: Duplicate value: \"c\"",
                "line 6: spec.containers[1].ports[0].containerPort: Invalid value: \"80\": must be an integer, not a string (write the digits without quotes)",
            ]
        )
        #expect(result.warnings.map(\.description) == ["line 7: spec.containers[1].colour: unknown field"])
        #expect(result.name == "Web-node1" && result.namespace == "default")
        #expect(result.pod == nil)
    }

    @Test("A field that could not be read is not complained of twice")
    func once() {
        let text = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: {}}}"
        #expect(
            admit(relaxed(text)).problems.map(\.text)
                == ["spec.containers: Invalid value: {}: must be a list, not a map"]
        )
    }

    @Test("A Pod that is no map is refused")
    func noMap() {
        #expect(admit([1]).problems.map(\.text) == ["Invalid value: [1]: must be a map, not a list"])
    }

    @Test("Another node's name is overwritten with a note")
    func otherNode() throws {
        let result = admit(relaxed(Self.web.replacing("spec: {", with: "spec: {nodeName: other, ")))
        #expect(result.pod?.spec.nodeName == "node1")
        #expect(
            result.notes.map(\.text) == ["spec.nodeName: has no effect: the Pod runs on this node, node1"]
        )
    }

    @Test("Every Pod of a list is admitted by itself, with paths into the list")
    func list() {
        let text = """
            {apiVersion: v1, kind: List, items: [
              \(Self.web),
              {apiVersion: v1, kind: Service, metadata: {name: s}},
              {apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {containers:
               [{name: c}]}}]}
            """
        let (results, problems) = Admission(nodeName: "n")
            .admitAll(in: relaxed(text), source: .file("/f"), seenAt: Self.seenAt)
        #expect(results.map(\.name) == ["web-n", "b-n"])
        #expect(results[0].pod != nil)
        #expect(
            results[1].problems.map(\.description) == [
                "line 5: items[2].spec.containers[0].image: Required value"
            ]
        )
        #expect(
            problems.map(\.description) == [
                #"line 3: items[1]: no kind "Service" is registered for version "v1": podagent takes Pod, Secret and lists of them of version "v1""#
            ]
        )
    }

    @Test("300 Pods are admitted, all with different UIDs")
    func many() {
        let admission = Admission(nodeName: "n")
        let uids = (0..<300).compactMap { index in
            let text = Self.web.replacing("name: web", with: "name: web\(index)")
            return admission.admit(relaxed(text), source: .file("/f"), seenAt: Self.seenAt).pod?.metadata.uid
        }
        #expect(Set(uids).count == 300)
    }

    @Test(
        "The hash is FNV-1a of 128 bits",
        arguments: [
            ("", "6c62272e07bb014262b821756295c58d"), ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
        ]
    )
    func hash(text: String, hexadecimal: String) {
        var hash = FNV1a128()
        hash.combine(text)
        #expect(hash.hexadecimal == hexadecimal)
    }
}

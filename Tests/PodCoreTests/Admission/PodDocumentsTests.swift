import PodCore
import Testing

@Suite struct PodDocumentsTests {
    @Test(
        "What is no Pod is refused with the kubelet's words",
        arguments: [
            ("{apiVersion: v1}", #"line 1: Object 'Kind' is missing in '{"apiVersion":"v1"}'"#),
            ("null", "line 1: Object 'Kind' is missing in 'null'"),
            ("[]", "line 1: Object 'Kind' is missing in '[]'"),
            ("{kind: Pod}", #"line 1: Object 'apiVersion' is missing in '{"kind":"Pod"}'"#),
            ("{kind: 7}", #"line 1: Object 'Kind' is missing in '{"kind":7}'"#),
            (
                "{apiVersion: v1, kind: pod}",
                #"line 1: no kind "pod" is registered for version "v1": podagent takes Pod, Secret and lists of them of version "v1""#
            ),
            (
                "{apiVersion: apps/v1, kind: Deployment}",
                #"line 1: no kind "Deployment" is registered for version "apps/v1": podagent takes Pod, Secret and lists of them of version "v1""#
            ),
            (
                "{apiVersion: v1, kind: List, items: {}}",
                "line 1: items: Invalid value: {}: must be a list, not a map"
            ),
            (
                "{apiVersion: v1, kind: List, items: [{metadata: {name: a}}]}",
                #"line 1: items[0]: Object 'Kind' is missing in '{"metadata":{"name":"a"}}'"#
            ),
        ]
    )
    func refused(text: String, problem: String) {
        let documents = PodDocuments(relaxed(text))
        #expect(documents.items == [])
        #expect(documents.problems.map(\.description) == [problem])
    }

    @Test(
        "Pods are found alone and in lists",
        arguments: [
            ("{apiVersion: v1, kind: Pod}", [""]),
            (
                "{apiVersion: v1, kind: PodList, items: [{metadata: {}}, {apiVersion: v1, kind: Pod}]}",
                ["items[0]", "items[1]"]
            ),
            ("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod}]}", ["items[0]"]),
            (
                "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: PodList, items: [{apiVersion: v1, kind: Pod}]}]}",
                ["items[0].items[0]"]
            ),
            ("{apiVersion: v1, kind: List, items: null}", []), ("{apiVersion: v1, kind: PodList}", []),
        ] as [(String, [String])]
    )
    func found(text: String, paths: [String]) {
        let documents = PodDocuments(relaxed(text))
        #expect(documents.items.map(\.path.description) == paths)
        #expect(documents.problems == [])
    }
}

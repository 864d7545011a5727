import Testing

@testable import PodCore

@Suite struct QOSClassTests {
    private static let whole = "{limits: {cpu: 1, memory: 1Gi}}"

    @Test(
        "The class follows from cpu and memory of all containers, or of the Pod as a whole",
        arguments: [
            ("{containers: [{}, {}]}", .bestEffort), ("{containers: [{resources: \(whole)}]}", .guaranteed),
            (
                "{containers: [{resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: '1', memory: 1024Mi}}}]}",
                .guaranteed
            ),
            ("{containers: [{resources: \(whole)}, {}]}", .burstable),
            ("{containers: [{resources: {limits: {cpu: 1}}}]}", .burstable),
            ("{containers: [{resources: {requests: {cpu: 1}}}]}", .burstable),
            (
                "{containers: [{resources: {requests: {cpu: 500m}, limits: {cpu: 1, memory: 1Gi}}}]}",
                .burstable
            ),
            ("{initContainers: [{}], containers: [{resources: \(whole)}]}", .burstable),
            ("{initContainers: [{resources: \(whole)}], containers: [{resources: \(whole)}]}", .guaranteed),
            ("{containers: [{resources: {limits: {ephemeral-storage: 1Gi}}}]}", .bestEffort),
            ("{containers: [{resources: {requests: {cpu: 0}}}]}", .bestEffort),
            ("{resources: \(whole), containers: [{}]}", .guaranteed),
            ("{resources: {}, containers: [{resources: \(whole)}]}", .guaranteed),
            ("{resources: {requests: {cpu: 1}}, containers: [{}]}", .burstable),
        ] as [(String, PodQOSClass)]
    )
    func classes(text: String, expected: PodQOSClass) {
        #expect(PodQOSClass(of: podSpec(text)) == expected)
    }

    @Test("A Pod needs what its busiest moment needs, and the overhead on top")
    func sums() {
        let spec = podSpec(
            """
            {overhead: {cpu: 10m}, initContainers: [{resources: {requests: {cpu: 900m}}},
             {restartPolicy: Always, resources: {requests: {cpu: 100m}}}, {resources: {requests: {cpu: 700m, memory: 1Gi}}}],
             containers: [{resources: {requests: {cpu: 300m}}}, {resources: {requests: {cpu: 200m, memory: 1Mi}}}]}
            """
        )
        #expect(
            PodResources.ofContainers(.requests, in: spec).mapValues(\.description) == [
                "cpu": "900m", "memory": "1Gi",
            ]
        )
        #expect(
            PodResources.ofPod(.requests, in: spec).mapValues(\.description) == [
                "cpu": "910m", "memory": "1Gi",
            ]
        )
    }
}

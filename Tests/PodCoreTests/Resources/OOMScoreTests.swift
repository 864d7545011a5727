import Testing

@testable import PodCore

@Suite struct OOMScoreTests {
    private func score(_ spec: String, nodeMemory: Int64 = 16 << 30, source: ManifestSource = .api) -> Int {
        var pod = Pod()
        pod.spec = podSpec(spec)
        pod.metadata.annotations[PodAnnotation.configSource] = source.annotation
        return OOMScore.adjustment(of: pod.spec.containers[0], in: pod, nodeMemory: nodeMemory)
    }

    @Test(
        "Who asks for more of a node of 16 GiB is killed later",
        arguments: [
            ("{containers: [{}]}", 1000),
            ("{containers: [{resources: {limits: {cpu: 1, memory: 1Gi}}}]}", -997),
            ("{containers: [{resources: {requests: {memory: 1Mi}}}]}", 999),
            ("{containers: [{resources: {requests: {memory: 100Mi}}}]}", 994),
            ("{containers: [{resources: {requests: {memory: 1Gi}}}]}", 938),
            ("{containers: [{resources: {requests: {memory: 4Gi}}}]}", 750),
            ("{containers: [{resources: {requests: {memory: 16Gi}}}]}", 3),
            ("{containers: [{resources: {requests: {memory: 1Ti}}}]}", 3),
            ("{containers: [{resources: {requests: {cpu: 1}}}]}", 999),
            ("{containers: [{}, {resources: {requests: {memory: 4Gi}}}]}", 999),
            (
                "{resources: {requests: {memory: 9Gi}}, containers: [{resources: {requests: {memory: 1Gi}}}, {}]}",
                688
            ),
        ]
    )
    func burstable(spec: String, expected: Int) { #expect(score(spec) == expected) }

    @Test("A node-critical Pod goes last, if it is static or of that priority")
    func nodeCritical() {
        let spec = "{priorityClassName: system-node-critical, containers: [{}]}"
        #expect(score(spec, source: .file("/etc/pods/p.yaml")) == -997)
        #expect(score(spec) == 1000)
        #expect(
            score("{priorityClassName: system-node-critical, priority: 2000000000, containers: [{}]}") == -997
        )
        #expect(score("{priority: 2000000000, containers: [{}]}", source: .file("/p")) == 1000)
    }

    @Test("On a node whose memory is not known, a request counts for nothing")
    func unknownNode() {
        #expect(score("{containers: [{resources: {requests: {memory: 4Gi}}}]}", nodeMemory: 0) == 999)
    }
}

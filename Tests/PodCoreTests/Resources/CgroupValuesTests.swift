import Testing

@testable import PodCore

@Suite struct CgroupValuesTests {
    /// What is always written for a container, besides cpu.weight.
    private static let always = ["memory.oom.group 1", "memory.swap.max 0"]

    private func texts(_ values: CgroupValues) -> [String] {
        values.settings.map { setting in
            #expect(setting.file.hasPrefix(setting.controller.rawValue + "."))
            return "\(setting.file) \(setting.value)"
        }
    }

    @Test(
        "A container's requests and limits become the values of its cgroup",
        arguments: [
            ("{}", ["cpu.weight 1"]), ("{requests: {cpu: 500m}}", ["cpu.weight 59"]),
            ("{requests: {cpu: 0}, limits: {cpu: 1}}", ["cpu.weight 1", "cpu.max 100000 100000"]),
            ("{limits: {cpu: 500m}}", ["cpu.weight 59", "cpu.max 50000 100000"]),
            ("{requests: {cpu: 100m}, limits: {cpu: 2.5}}", ["cpu.weight 17", "cpu.max 250000 100000"]),
            ("{limits: {cpu: 5m}}", ["cpu.weight 2", "cpu.max 1000 100000"]),
            ("{limits: {cpu: 100u}}", ["cpu.weight 1", "cpu.max 1000 100000"]),
            ("{limits: {cpu: 0}}", ["cpu.weight 1"]),
            ("{limits: {memory: 64Mi}}", ["cpu.weight 1", "memory.max 67108864"]),
            ("{limits: {memory: 1500m}}", ["cpu.weight 1", "memory.max 2"]),
            ("{limits: {memory: 0}}", ["cpu.weight 1"]),
            ("{requests: {memory: 64Mi}}", ["cpu.weight 1"]),
            (
                "{limits: {cpu: 8E}}",
                ["cpu.weight 10000", "cpu.max 9223372036854775807 100000"]
            ),
        ] as [(String, [String])]
    )
    func container(resources: String, expected: [String]) {
        let spec = podSpec("{containers: [{resources: \(resources)}]}")
        #expect(texts(CgroupValues(of: spec.containers[0], in: spec)) == expected + Self.always)
    }

    @Test("A request that is missing is the limit, also where nobody has filled it in")
    func missingRequest() {
        var container = Container()
        container.resources.limits["cpu"] = Quantity(1)
        #expect(CgroupValues(of: container, in: PodSpec()).cpuWeight == 100)
    }

    @Test("A container without a limit has the Pod's own, if there is one")
    func podLevel() {
        let spec = podSpec(
            "{resources: {limits: {cpu: 1, memory: 1Gi}}, containers: [{}, {resources: {limits: {cpu: 500m}}}]}"
        )
        let values = spec.containers.map { CgroupValues(of: $0, in: spec) }
        #expect(values.map(\.cpuQuota) == [100_000, 50_000])
        #expect(values.map(\.memoryMax) == [1 << 30, 1 << 30])
    }

    @Test(
        "A Pod's cgroup has the sums, and is limited only if every container is",
        arguments: [
            ("{containers: [{}, {}]}", ["cpu.weight 1"]),
            (
                "{containers: [{resources: {limits: {cpu: 1, memory: 1Gi}}}, {resources: {limits: {cpu: 500m, memory: 1Gi}}}]}",
                ["cpu.weight 59", "cpu.max 150000 100000", "memory.max 2147483648"]
            ),
            (
                "{containers: [{resources: {requests: {cpu: 1}, limits: {memory: 1Gi}}}, {resources: {limits: {memory: 1Mi}}}]}",
                ["cpu.weight 39", "memory.max 1074790400"]
            ),
            (
                "{containers: [{resources: {limits: {cpu: 1, memory: 1Gi}}}, {resources: {limits: {cpu: 1}}}]}",
                ["cpu.weight 79", "cpu.max 200000 100000"]
            ),
            (
                "{initContainers: [{}], containers: [{resources: {limits: {cpu: 1, memory: 1Gi}}}]}",
                ["cpu.weight 39"]
            ),
            (
                "{initContainers: [{resources: {limits: {cpu: 4}}}], containers: [{resources: {limits: {cpu: 1}}}]}",
                ["cpu.weight 157", "cpu.max 400000 100000"]
            ),
            (
                "{initContainers: [{restartPolicy: Always, resources: {limits: {cpu: 1}}}], containers: [{resources: {limits: {cpu: 1}}}]}",
                ["cpu.weight 79", "cpu.max 200000 100000"]
            ),
            (
                "{containers: [{resources: {limits: {memory: 1Gi}}}, {resources: {limits: {memory: 0}}}]}",
                ["cpu.weight 1"]
            ),
            (
                "{resources: {requests: {cpu: 2}, limits: {cpu: 3, memory: 1Gi}}, containers: [{}]}",
                ["cpu.weight 79", "cpu.max 300000 100000", "memory.max 1073741824"]
            ),
            (
                "{overhead: {cpu: 1, memory: 1Mi}, containers: [{resources: {limits: {cpu: 1, memory: 1Mi}}}]}",
                ["cpu.weight 79", "cpu.max 200000 100000", "memory.max 2097152"]
            ),
        ] as [(String, [String])]
    )
    func pod(text: String, expected: [String]) {
        #expect(texts(CgroupValues(ofPod: podSpec(text))) == expected)
    }
}

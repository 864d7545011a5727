import Testing

@testable import PodCore

@Suite struct ResourceEnforcementTests {
    private static let all: [CgroupController: String] = [.cpu: "A", .memory: "B", .pids: "C"]

    @Test(
        "What a node cannot enforce is named with the reason, and only what was asked for",
        arguments: [
            ("{containers: [{}]}", all, nil),
            ("{containers: [{resources: {limits: {memory: 1Gi}}}]}", [:], nil),
            ("{containers: [{resources: {limits: {memory: 1Gi}}}]}", [.cpu: "A", .pids: "C"], nil),
            ("{containers: [{resources: {requests: {memory: 1Gi}}}]}", all, nil),
            ("{containers: [{resources: {limits: {memory: 0}}}]}", all, nil),
            ("{containers: [{resources: {limits: {memory: 1Gi}}}]}", all, "limits.memory: memory: B"),
            (
                "{containers: [{}, {resources: {limits: {cpu: 1}}}]}", all,
                "limits.cpu, requests.cpu: cpu: A"
            ),
            (
                "{initContainers: [{resources: {requests: {cpu: 1}}}], containers: [{}]}", all,
                "requests.cpu: cpu: A"
            ),
            (
                "{containers: [{resources: {limits: {cpu: 1, memory: 1Gi}}}]}", all,
                "limits.cpu, limits.memory, requests.cpu: cpu: A; memory: B"
            ),
            ("{resources: {limits: {memory: 1Gi}}, containers: [{}]}", all, "limits.memory: memory: B"),
        ] as [(String, [CgroupController: String], String?)]
    )
    func warnings(spec: String, missing: [CgroupController: String], expected: String?) {
        let record = ResourceEnforcement.warning(about: podSpec(spec), missing: missing)
        let message = expected.map { "This node does not enforce \($0)" }
        #expect(record == message.map { PodRecord(.warning, "ResourcesNotEnforced", $0) })
    }

    @Test(
        "In force is what no missing controller takes away",
        arguments: [
            ("{}", [.cpu, .memory], nil),
            (
                "{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2, memory: 2Gi}}", [],
                "{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2, memory: 2Gi}}"
            ),
            (
                "{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2, memory: 2Gi}}", [.cpu],
                "{requests: {memory: 1Gi}, limits: {memory: 2Gi}}"
            ),
            (
                "{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2, memory: 2Gi}}", [.memory, .pids],
                "{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2}}"
            ),
            ("{limits: {cpu: 1}}", [.cpu], "{}"),
        ] as [(String, Set<CgroupController>, String?)]
    )
    func inForce(text: String, missing: Set<CgroupController>, expected: String?) throws {
        var report = DecodeReport(checksSupport: false)
        let read = { (text: String) in ResourceRequirements.decode(relaxed(text), at: .root, report: &report)
        }
        let resources = try #require(read(text))
        #expect(ResourceEnforcement.inForce(resources, unenforced: missing) == expected.flatMap(read))
    }

    @Test(
        "OOM kills are counted in memory.events",
        arguments: [
            ("", 0), ("low 0\nhigh 0\nmax 12\noom 3\noom_kill 0\noom_group_kill 0\n", 0),
            ("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n", 2), ("oom_kill\n", 0),
            ("oom_kill x\n", 0),
        ]
    )
    func memoryEvents(text: String, kills: Int) { #expect(MemoryEvents(parsing: text).oomKills == kills) }
}

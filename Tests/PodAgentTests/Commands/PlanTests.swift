import Testing

@testable import PodAgent

@Suite struct PlanTests {
    private static let examples: String = {
        let parts = #filePath.split(separator: "/").dropLast(4)
        return parts.reduce("") { $0 + "/" + $1 } + "/examples"
    }()

    @Test(
        "A plan is printed without rights and without an agent, pause first, then the containers in their order"
    )
    func sections() {
        let result = podagent("plan", "-f", "\(Self.examples)/init-container.yaml", "--node-name", "n1")
        #expect(result.code == 0 && result.err == "", "\(result)")
        let titles = result.out.split(separator: "\n").filter { !$0.hasPrefix(" ") }
        #expect(
            titles.map { $0.split(separator: ":").first.map(String.init) ?? "" } == [
                "pod default/init-container-n1", "sandbox", "init container install", "container nginx",
            ]
        )
    }

    @Test(
        "A plan shows what the spec asks for",
        arguments: [
            ("securityContext: {runAsUser: 1000, runAsGroup: 1001}", "setresuid 1000, setresgid 1001"),
            ("securityContext: {runAsUser: 1000}", "capset none"),
            ("securityContext: {capabilities: {drop: [ALL], add: [CHOWN]}}", "capset CHOWN"),
            ("securityContext: {allowPrivilegeEscalation: false}", "set no_new_privs"),
            ("workingDir: /srv", "chdir /srv"),
            ("tty: true", "open a terminal for uid 0"),
            ("args: [$(A)]\n    env: [{name: A, value: b}]", "exec \"[entrypoint of busybox]\" b"),
            ("command: [sleep, '5']", "exec sleep 5"),
            ("volumeMounts: [{name: v, mountPath: /v, readOnly: true}]", "move_mount passed:0 on /v"),
            ("volumeMounts: [{name: m, mountPath: /m}]", "open_tree /volumes/m"),
            (
                "resources: {limits: {cpu: 500m, memory: 64Mi}}",
                "  cgroup: cpu.weight 59, cpu.max 50000 100000, memory.max 67108864, memory.oom.group 1"
            ),
            ("resources: {limits: {cpu: 1}}", "pod default/p-node\n  cgroup: cpu.weight 39, cpu.max 100000"),
            (
                "env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]\n    args: [$(A)]",
                "exec \"[entrypoint of busybox]\" \"[the Pod's address]\""
            ),
            ("# names", "sethostname p-node.s.default.svc.cluster.local"),
            ("# sysctls", "write 1 to /proc/sys/kernel/shm_rmid_forced"),
            ("securityContext: {capabilities: {add: [FLY]}}", "waits with CreateContainerConfigError"),
        ]
    )
    func fields(field: String, line: String) throws {
        let directory = try TemporaryDirectory()
        let manifest = """
            apiVersion: v1
            kind: Pod
            metadata: {name: p}
            spec:
              subdomain: s
              setHostnameAsFQDN: true
              securityContext: {sysctls: [{name: kernel.shm_rmid_forced, value: "1"}]}
              volumes: [{name: v, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}]
              containers:
              - name: c
                image: busybox
                \(field)
            """
        let file = "\(directory.path)/p.yaml"
        try RootedDirectory(hostPath: directory.path).replaceFile(
            "p.yaml",
            with: Array(manifest.utf8),
            mode: 0o600
        )
        let result = podagent("plan", "-f", file)
        #expect(result.code == 0 && result.out.contains(line), "\(result)")
    }

    @Test("A manifest that would be refused has no plan")
    func refused() throws {
        let directory = try TemporaryDirectory()
        try RootedDirectory(hostPath: directory.path).replaceFile(
            "p.yaml",
            with: Array("kind: Pod".utf8),
            mode: 0o600
        )
        let result = podagent("plan", "-f", "\(directory.path)/p.yaml")
        #expect(result.code == 1 && result.out == "" && result.err.contains("p.yaml"), "\(result)")
    }
}

import Testing

@testable import PodCore

@Suite struct SecurityAndResourceValidationTests {
    static let sysctlName =
        #"must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"#

    static let security: [ValidationCase] = [
        .init(
            .container,
            "{securityContext: {runAsUser: -1, runAsGroup: 2147483648}}",
            "c.securityContext.runAsUser: Invalid value: -1: \(Text.id)",
            "c.securityContext.runAsGroup: Invalid value: 2147483648: \(Text.id)"
        ),
        .init(
            .spec,
            "{securityContext: {fsGroup: -1, supplementalGroups: [1, -2]}}",
            "securityContext.supplementalGroups[1]: Invalid value: -2: \(Text.id)",
            "securityContext.fsGroup: Invalid value: -1: \(Text.id)"
        ),
        .init(
            .spec,
            "{securityContext: {sysctls: [{name: Net.x, value: '1'}]}}",
            "securityContext.sysctls[0].name: Invalid value: \"Net.x\": \(sysctlName)"
        ),
        .init(
            .spec,
            "{securityContext: {sysctls: [{name: 'kernel.shm_rmid_forced=1+kernel.core_pattern', value: '1'}]}}",
            "securityContext.sysctls[0].name: Invalid value: \"kernel.shm_rmid_forced=1+kernel.core_pattern\": \(sysctlName)"
        ),
        .init(
            .spec,
            "{securityContext: {sysctls: [{name: net/../kernel/core_pattern, value: '1'}, {name: net..a}, {name: net a}]}}",
            "securityContext.sysctls[0].name: Invalid value: \"net/../kernel/core_pattern\": \(sysctlName)",
            "securityContext.sysctls[1].name: Invalid value: \"net..a\": \(sysctlName)",
            "securityContext.sysctls[2].name: Invalid value: \"net a\": \(sysctlName)"
        ),
        .init(
            .spec,
            "{securityContext: {sysctls: [{name: net.a, value: '1'}, {name: net.a, value: '2'}]}}",
            "securityContext.sysctls[1].name: Duplicate value: \"net.a\""
        ),
        .init(
            .spec,
            "{hostNetwork: true, securityContext: {sysctls: [{name: net/a, value: '1'}]}}",
            "securityContext.sysctls[0].name: Invalid value: \"net/a\": may not be specified when 'hostNetwork' is true"
        ),
        .init(
            .spec,
            "{hostIPC: true, securityContext: {sysctls: [{name: kernel.shmmax, value: '1'}]}}",
            "securityContext.sysctls[0].name: Invalid value: \"kernel.shmmax\": may not be specified when 'hostIPC' is true"
        ),
        .init(
            .container,
            "{securityContext: {seccompProfile: {type: Off}}}",
            "c.securityContext.seccompProfile.type: Unsupported value: \"Off\": supported values: \"Localhost\", \"RuntimeDefault\", \"Unconfined\"",
            "c.securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set"
        ),
        .init(
            .container,
            "{securityContext: {seccompProfile: {type: Localhost}}}",
            "c.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost"
        ),
        .init(
            .container,
            "{securityContext: {seccompProfile: {type: Unconfined, localhostProfile: p}}}",
            "c.securityContext.seccompProfile.localhostProfile: Invalid value: \"p\": can only be set when seccomp type is Localhost"
        ),
        .init(
            .container,
            "{securityContext: {appArmorProfile: {type: Localhost}}}",
            "c.securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost"
        ),
        .init(
            .container,
            "{securityContext: {procMount: Unmasked}}",
            "c.securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`"
        ),
        .init(
            .container,
            "{securityContext: {procMount: None}}",
            "c.securityContext.procMount: Unsupported value: \"None\": supported values: \"Default\", \"Unmasked\""
        ),
        .init(
            .container,
            "{securityContext: {allowPrivilegeEscalation: false, privileged: true}}",
            "c.securityContext: Invalid value: {\"allowPrivilegeEscalation\":false,\"privileged\":true}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        ),
        .init(
            .container,
            "{securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}}}",
            "c.securityContext: Invalid value: {\"allowPrivilegeEscalation\":false,\"capabilities\":{\"add\":[\"CAP_SYS_ADMIN\"]}}: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
        ),
        .init(
            .container,
            "{securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [SYS_ADMIN]}}}"
        ),
        .init(
            .spec,
            "{securityContext: {fsGroupChangePolicy: Never, supplementalGroupsPolicy: Mix}}",
            "securityContext.fsGroupChangePolicy: Unsupported value: \"Never\": supported values: \"Always\", \"OnRootMismatch\"",
            "securityContext.supplementalGroupsPolicy: Unsupported value: \"Mix\": supported values: \"Merge\", \"Strict\""
        ),
    ]

    static let resources: [ValidationCase] = [
        .init(
            .resources,
            "{limits: {foo: 1}}",
            "c.resources.limits[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified",
            "c.resources.limits[foo]: Invalid value: \"foo\": must be a standard resource for containers",
            "c.resources.requests[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified",
            "c.resources.requests[foo]: Invalid value: \"foo\": must be a standard resource for containers"
        ),
        .init(
            .resources,
            "{limits: {cpu: '-1'}, requests: {cpu: 0}}",
            "c.resources.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
            "c.resources.requests: Invalid value: \"0\": must be less than or equal to cpu limit of -1"
        ),
        .init(
            .resources,
            "{requests: {memory: 2Gi}, limits: {memory: 1Gi}}",
            "c.resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit of 1Gi"
        ),
        .init(
            .resources,
            "{requests: {example.com/x: 1}}",
            "c.resources.limits: Required value: Limit must be set for non overcommitable resources"
        ),
        .init(
            .resources,
            "{requests: {example.com/x: 1}, limits: {example.com/x: 2}}",
            "c.resources.requests: Invalid value: \"1\": must be equal to example.com/x limit of 2"
        ),
        .init(
            .resources,
            "{limits: {example.com/x: 1.5}}",
            "c.resources.limits[example.com/x]: Invalid value: \"1500m\": must be an integer",
            "c.resources.requests[example.com/x]: Invalid value: \"1500m\": must be an integer"
        ),
        .init(
            .resources,
            "{limits: {hugepages-2Mi: 4Mi}}",
            "c.resources: Forbidden: HugePages require cpu or memory"
        ),
        .init(
            .resources,
            "{limits: {hugepages-2Mi: 4Mi, cpu: 1}, requests: {hugepages-2Mi: 2Mi}}",
            "c.resources.requests: Invalid value: \"2Mi\": must be equal to hugepages-2Mi limit of 4Mi"
        ),
        .init(
            .resources,
            "{limits: {hugepages-2Mi: 3Mi, cpu: 1}}",
            "c.resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi",
            "c.resources.requests[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi"
        ),
        .init(
            .spec,
            "{resources: {limits: {ephemeral-storage: 1Gi}}}",
            "spec.resources.limits[ephemeral-storage]: Unsupported value: \"ephemeral-storage\": supported values: \"cpu\", \"hugepages-\", \"memory\"",
            "spec.resources.requests[ephemeral-storage]: Unsupported value: \"ephemeral-storage\": supported values: \"cpu\", \"hugepages-\", \"memory\""
        ),
        .init(
            .spec,
            "{resources: {requests: {cpu: 1}}, containers: [{name: c, image: i, resources: {requests: {cpu: 2}}}]}",
            "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container requests of 2"
        ),
        .init(
            .spec,
            "{resources: {limits: {cpu: 1}}, containers: [{name: c, image: i, resources: {requests: {cpu: 1}, limits: {cpu: 2}}}]}",
            "spec.resources.containers[0][cpu].limits: Invalid value: \"2\": must be less than or equal to pod limits of 1"
        ),
        .init(
            .container,
            "{resizePolicy: [{resourceName: disk, restartPolicy: NotRequired}]}",
            "c.resizePolicy[0].resourceName: Unsupported value: \"disk\": supported values: \"cpu\", \"memory\"",
            "c.resizePolicy[0].resourceName: Unsupported value: \"\": supported values: \"cpu\", \"memory\""
        ),
        .init(
            .container,
            "{resizePolicy: [{resourceName: cpu, restartPolicy: Yes}]}",
            "c.resizePolicy[0].restartPolicy: Unsupported value: \"Yes\": supported values: \"NotRequired\", \"RestartContainer\"",
            "c.resizePolicy[0].restartPolicy: Unsupported value: \"\": supported values: \"NotRequired\", \"RestartContainer\""
        ),
        .init(
            .resources,
            "{requests: {cpu: 500m, ephemeral-storage: 1Gi}, limits: {memory: 1Gi, example.com/x: 1}}"
        ),
    ]

    @Test("Rules of security contexts, in Kubernetes' words", arguments: security)
    func checksSecurity(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of resources, in Kubernetes' words", arguments: resources)
    func checksResources(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }
}

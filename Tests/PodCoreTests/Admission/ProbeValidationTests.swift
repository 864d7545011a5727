import Testing

@testable import PodCore

@Suite struct ProbeValidationTests {
    static let probes: [ValidationCase] = [
        .init(.probe, "{}"),
        .init(.probe, "{exec: null}", "c.livenessProbe: Required value: must specify a handler type"),
        .init(
            .probe,
            "{tcpSocket: {port: 80}}",
            "c.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"
        ),
        .init(
            .probe,
            "{periodSeconds: -1}",
            "c.livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0"
        ),
        .init(
            .probe,
            "{successThreshold: 2}",
            "c.livenessProbe.successThreshold: Invalid value: 2: must be 1"
        ),
        .init(.probe, "{successThreshold: 0}"),
        .init(
            .container,
            "{readinessProbe: {tcpSocket: {port: 1}, successThreshold: 2, terminationGracePeriodSeconds: 5}}",
            "c.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes"
        ),
        .init(
            .probe,
            "{terminationGracePeriodSeconds: 0}",
            "c.livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0"
        ),
        .init(.probe, "{exec: {command: []}}", "c.livenessProbe.exec.command: Required value"),
        .init(
            .probe,
            "{exec: null, httpGet: {port: a--b}}",
            "c.livenessProbe.httpGet.port: Invalid value: \"a--b\": must not contain consecutive hyphens"
        ),
        .init(.probe, "{exec: null, httpGet: {port: nowhere}}"),
        .init(
            .probe,
            "{exec: null, httpGet: {}}",
            "c.livenessProbe.httpGet.port: Invalid value: 0: \(Text.port)"
        ),
        .init(
            .probe,
            "{exec: null, httpGet: {port: 80, scheme: http}}",
            "c.livenessProbe.httpGet.scheme: Unsupported value: \"http\": supported values: \"HTTP\", \"HTTPS\""
        ),
        .init(
            .probe,
            "{exec: null, httpGet: {port: 80, httpHeaders: [{name: a b, value: x}]}}",
            "c.livenessProbe.httpGet.httpHeaders: Invalid value: \"a b\": \(Text.header)"
        ),
        .init(
            .probe,
            "{exec: null, grpc: {port: 70000}}",
            "c.livenessProbe.grpc.port: Invalid value: 70000: \(Text.port)"
        ),
    ]

    static let lifecycle: [ValidationCase] = [
        .init(
            .container,
            "{lifecycle: {preStop: {sleep: {seconds: 31}}}}",
            "c.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)"
        ),
        .init(.container, "{lifecycle: {preStop: {sleep: {seconds: 30}}}}"),
        .init(.container, "{lifecycle: {postStart: {tcpSocket: {port: 80}}}}"),
        .init(
            .container,
            "{lifecycle: {postStart: {}}}",
            "c.lifecycle.postStart: Required value: must specify a handler type"
        ),
        .init(
            .initContainer,
            """
            {lifecycle: {}, livenessProbe: {tcpSocket: {port: 1}}, readinessProbe: {tcpSocket: {port: 1}},
            startupProbe: {tcpSocket: {port: 1}}}
            """,
            "initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always",
            "initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
            "initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
            "initContainers[0].startupProbe: Forbidden: may not be set for init containers without restartPolicy=Always"
        ),
        .init(.initContainer, "{restartPolicy: Always, startupProbe: {tcpSocket: {port: 1}}}"),
        .init(
            .container,
            "{lifecycle: {stopSignal: SIGUSR1}}",
            "c.lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"
        ),
        .init(
            .spec,
            "{os: {name: linux}, containers: [{name: c, image: i, lifecycle: {stopSignal: SIGRTMIN+3}}]}"
        ),
    ]

    static let restartRules: [ValidationCase] = [
        .init(
            .container,
            "{restartPolicy: always}",
            "c.restartPolicy: Unsupported value: \"always\": supported values: \"Always\", \"Never\", \"OnFailure\""
        ),
        .init(
            .container,
            "{restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]}",
            "c.restartPolicy: Required value: must specify restartPolicy when restart rules are used"
        ),
        .init(
            .container,
            "{restartPolicy: Never, restartPolicyRules: [{action: Stop, exitCodes: {operator: Is, values: [1]}}]}",
            "c.restartPolicyRules[0].action: Unsupported value: \"Stop\": supported values: \"Restart\", \"RestartAllContainers\"",
            "c.restartPolicyRules[0].exitCodes.operator: Unsupported value: \"Is\": supported values: \"In\", \"NotIn\"",
            "c.restartPolicyRules[0].action: Unsupported value: \"\": supported values: \"Restart\", \"RestartAllContainers\"",
            "c.restartPolicyRules[0].exitCodes.operator: Unsupported value: \"\": supported values: \"In\", \"NotIn\""
        ),
        .init(
            .container,
            "{restartPolicy: Never, restartPolicyRules: [{action: Restart}]}",
            "c.restartPolicyRules[0].exitCodes: Required value: must be specified"
        ),
        .init(
            .container,
            "{restartPolicy: Never, restartPolicyRules: [\(Array(repeating: "{action: Restart, exitCodes: {operator: In, values: [1]}}", count: 21).joined(separator: ","))]}",
            "c.restartPolicyRules: Too many: 21: must have at most 20 items"
        ),
        .init(
            .container,
            "{restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [\((0..<256).map(String.init).joined(separator: ","))]}}]}",
            "c.restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items"
        ),
    ]

    @Test("Rules of probes, in Kubernetes' words", arguments: probes)
    func checksProbes(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of lifecycle hooks, in Kubernetes' words", arguments: lifecycle)
    func checksLifecycle(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of restart rules, in Kubernetes' words", arguments: restartRules)
    func checksRestartRules(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("An unknown stop signal is answered with those that exist")
    func stopSignals() throws {
        let text = "{os: {name: linux}, containers: [{name: c, image: i, lifecycle: {stopSignal: TERM}}]}"
        let error = try #require(ValidationCase(.spec, text).errors().first)
        let start =
            "spec.containers[0].lifecycle.stopSignal: Unsupported value: \"TERM\": supported values: \"SIGABRT\", "
        #expect(error.hasPrefix(start))
        #expect(error.hasSuffix("\"SIGXCPU\", \"SIGXFSZ\""))
        #expect(
            error.contains("\"SIGRTMAX\"") && error.contains("\"SIGRTMIN\"") && error.contains("\"SIGTERM\"")
        )
    }
}

import Testing

@testable import PodCore

@Suite struct ContainerValidationTests {
    static let metadata: [ValidationCase] = [
        .init(.metadata, "{}"),
        .init(.metadata, "{name: Web}", "metadata.name: Invalid value: \"Web-node1\": \(Text.subdomain)"),
        .init(.metadata, "{name: a_b}", "metadata.name: Invalid value: \"a_b-node1\": \(Text.subdomain)"),
        .init(.metadata, "{name: a.b}"),
        .init(.metadata, "{name: null}", "metadata.name: Required value: name is needed for the pod"),
        .init(
            .metadata,
            "{name: null, generateName: web-}",
            "metadata.name: Required value: name is needed for the pod"
        ),
        .init(
            .metadata,
            "{name: \(String(repeating: "a", count: 248))}",
            "metadata.name: Invalid value: \"\(String(repeating: "a", count: 248))-node1\": must be no more than 253 characters"
        ),
        .init(.metadata, "{namespace: My_NS}", "metadata.namespace: Invalid value: \"My_NS\": \(Text.label)"),
        .init(.metadata, "{namespace: a.b}", "metadata.namespace: Invalid value: \"a.b\": \(Text.dots)"),
        .init(
            .metadata,
            "{namespace: \(String(repeating: "n", count: 64))}",
            "metadata.namespace: Invalid value: \"\(String(repeating: "n", count: 64))\": \(Text.tooLong)"
        ),
        .init(
            .metadata,
            "{labels: {a b: x}}",
            "metadata.labels: Invalid value: \"a b\": \(Text.qualifiedName)"
        ),
        .init(
            .metadata,
            "{labels: {Ex.com/a: x}}",
            "metadata.labels: Invalid value: \"Ex.com/a\": prefix part \(Text.subdomain)"
        ),
        .init(.metadata, "{labels: {example.com/a: x, b: ''}}"),
        .init(.metadata, "{labels: {a: x y}}", "metadata.labels: Invalid value: \"x y\": \(Text.labelValue)"),
        .init(
            .metadata,
            "{labels: {a: \(String(repeating: "v", count: 64))}}",
            "metadata.labels: Invalid value: \"\(String(repeating: "v", count: 64))\": must be no more than 63 bytes"
        ),
        .init(
            .metadata,
            "{annotations: {a b: x}}",
            "metadata.annotations: Invalid value: \"a b\": \(Text.qualifiedName)"
        ),
        .init(.metadata, "{annotations: {a: any text}}"),
        .init(
            .metadata,
            "{annotations: {a: \(String(repeating: "v", count: 262_144))}}",
            "metadata.annotations: Too long: may not be more than 262144 bytes"
        ),
    ]

    static let containers: [ValidationCase] = [
        .init(.spec, "{containers: []}", "containers: Required value"),
        .init(.container, "{name: null}", "c.name: Required value"),
        .init(.container, "{name: a.b}", "c.name: Invalid value: \"a.b\": \(Text.dots)"),
        .init(.container, "{name: A}", "c.name: Invalid value: \"A\": \(Text.label)"),
        .init(
            .container,
            "{name: \(String(repeating: "n", count: 64))}",
            "c.name: Invalid value: \"\(String(repeating: "n", count: 64))\": \(Text.tooLong)"
        ),
        .init(
            .spec,
            "{containers: [{name: c, image: i}, {name: c, image: i}]}",
            "spec.containers[1].name: Duplicate value: \"c\""
        ),
        .init(.initContainer, "{name: c}", "spec.initContainers[0].name: Duplicate value: \"c\""),
        .init(.container, "{image: null}", "c.image: Required value"),
        .init(
            .container,
            "{image: ' i'}",
            "c.image: Invalid value: \" i\": must not have leading or trailing whitespace"
        ),
        .init(.container, "{image: BAD IMAGE}"),
        .init(
            .container,
            "{imagePullPolicy: Sometimes}",
            "c.imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\""
        ),
        .init(
            .container,
            "{terminationMessagePolicy: Log}",
            "c.terminationMessagePolicy: Unsupported value: \"Log\": supported values: \"File\", \"FallbackToLogsOnError\""
        ),
        .init(.container, "{workingDir: relative}"),
        .init(.container, "{stdinOnce: true}"),
        .init(.container, "{env: [{name: A, value: '1'}, {name: A, value: '2'}]}"),
        .init(.container, "{securityContext: {capabilities: {add: [NO_SUCH]}}}"),
    ]

    static let ports: [ValidationCase] = [
        .init(.port, "{}"),
        .init(.port, "{containerPort: 0}", "c.ports[0].containerPort: Required value"),
        .init(.port, "{containerPort: null}", "c.ports[0].containerPort: Required value"),
        .init(
            .port,
            "{containerPort: 70000}",
            "c.ports[0].containerPort: Invalid value: 70000: \(Text.port)"
        ),
        .init(.port, "{hostPort: -1}", "c.ports[0].hostPort: Invalid value: -1: \(Text.port)"),
        .init(
            .port,
            "{protocol: tcp}",
            "c.ports[0].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\""
        ),
        .init(
            .port,
            "{name: sixteen-letters-x}",
            "c.ports[0].name: Invalid value: \"sixteen-letters-x\": must be no more than 15 characters"
        ),
        .init(
            .port,
            "{name: '80'}",
            "c.ports[0].name: Invalid value: \"80\": must contain at least one letter (a-z)"
        ),
        .init(
            .port,
            "{name: a--b}",
            "c.ports[0].name: Invalid value: \"a--b\": must not contain consecutive hyphens"
        ),
        .init(
            .port,
            "{name: -ab}",
            "c.ports[0].name: Invalid value: \"-ab\": must not begin or end with a hyphen"
        ),
        .init(
            .port,
            "{name: Web}",
            "c.ports[0].name: Invalid value: \"Web\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
        ),
        .init(
            .container,
            "{ports: [{containerPort: 1, name: a}, {containerPort: 2, name: a}]}",
            "c.ports[1].name: Duplicate value: \"a\""
        ),
        .init(
            .spec,
            """
            {containers: [{name: a, image: i, ports: [{containerPort: 80, hostPort: 80}]},
            {name: b, image: i, ports: [{containerPort: 80, hostPort: 80}]}]}
            """,
            "spec.containers[1].ports[0].hostPort: Duplicate value: \"TCP//80\""
        ),
        .init(
            .container,
            "{ports: [{containerPort: 80, hostPort: 80}, {containerPort: 80, hostPort: 80, hostIP: 127.0.0.1}]}"
        ),
        .init(
            .container,
            "{ports: [{containerPort: 80, hostPort: 80}, {containerPort: 80, hostPort: 80, hostIP: 0.0.0.0}]}",
            "c.ports[1].hostPort: Duplicate value: \"TCP/0.0.0.0/80\""
        ),
        .init(
            .spec,
            """
            {containers: [{name: a, image: i, ports: [{containerPort: 80, hostPort: 80}]}],
            initContainers: [{name: b, image: i, ports: [{containerPort: 80, hostPort: 80}]}]}
            """
        ),
        .init(
            .spec,
            "{hostNetwork: true, containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 81}]}]}",
            "c.ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"
        ),
        .init(
            .port,
            "{hostIP: nonsense}",
            "c.ports[0].hostIP: Invalid value: \"nonsense\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        ),
        .init(.port, "{hostIP: '2001:db8::1'}"),
        .init(
            .port,
            "{hostIP: '::1'}",
            "c.ports[0].hostIP: Invalid value: \"::1\": must be an address that a node can have, and that packets from it can leave by"
        ),
    ]

    static let environment: [ValidationCase] = [
        .init(.env, "{name: '', value: x}", "c.env[0].name: Required value"),
        .init(.env, "{name: A=B}", "c.env[0].name: Invalid value: \"A=B\": \(Text.environment)"),
        .init(.env, "{name: Ä}", "c.env[0].name: Invalid value: \"Ä\": \(Text.environment)"),
        .init(.env, "{name: 1-odd.name}"),
        .init(
            .env,
            "{value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}",
            "c.env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty"
        ),
        .init(
            .env,
            "{valueFrom: {}}",
            "c.env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        ),
        .init(
            .env,
            "{valueFrom: {fieldRef: {fieldPath: spec.hostname}}}",
            "c.env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.hostname\": error converting fieldPath: field label not supported: spec.hostname"
        ),
        .init(
            .env,
            "{valueFrom: {fieldRef: {fieldPath: metadata.labels}}}",
            "c.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"metadata.labels\": supported values: \"metadata.name\", \"metadata.namespace\", \"metadata.uid\", \"spec.nodeName\", \"spec.serviceAccountName\", \"status.hostIP\", \"status.hostIPs\", \"status.podIP\", \"status.podIPs\""
        ),
        .init(
            .env,
            #"{valueFrom: {fieldRef: {fieldPath: "metadata.labels['a b']"}}}"#,
            "c.env[0].valueFrom.fieldRef: Invalid value: \"a b\": \(Text.qualifiedName)"
        ),
        .init(.env, #"{valueFrom: {fieldRef: {fieldPath: "metadata.annotations['A/b']"}}}"#),
        .init(
            .env,
            "{valueFrom: {resourceFieldRef: {resource: limits.gpu}}}",
            "c.env[0].valueFrom.resourceFieldRef.resource: Unsupported value: \"limits.gpu\": supported values: \"limits.cpu\", \"limits.ephemeral-storage\", \"limits.memory\", \"requests.cpu\", \"requests.ephemeral-storage\", \"requests.memory\""
        ),
        .init(.env, "{valueFrom: {resourceFieldRef: {resource: limits.hugepages-2Mi}}}"),
        .init(
            .env,
            "{valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1Mi}}}",
            "c.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"cpu\": only divisor's values 1m and 1 are supported with the cpu resource"
        ),
        .init(
            .env,
            "{valueFrom: {resourceFieldRef: {resource: requests.memory, divisor: 3}}}",
            "c.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"memory\": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource"
        ),
        .init(.env, "{valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}"),
        .init(
            .env,
            "{valueFrom: {fileKeyRef: {key: K, path: a, volumeName: v}}}",
            "c.env[0].valueFrom.fileKeyRef.volumeName: Not found: \"v\""
        ),
        .init(
            .container,
            "{envFrom: [{prefix: a=, configMapRef: {name: m}}]}",
            "c.envFrom[0].prefix: Invalid value: \"a=\": \(Text.environment)"
        ),
    ]

    @Test("Rules of metadata, in Kubernetes' words", arguments: metadata)
    func checksMetadata(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of containers, in Kubernetes' words", arguments: containers)
    func checksContainers(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of ports, in Kubernetes' words", arguments: ports)
    func checksPorts(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of the environment, in Kubernetes' words", arguments: environment)
    func checksEnvironment(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }
}

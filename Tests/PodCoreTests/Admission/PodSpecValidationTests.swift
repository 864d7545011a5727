import Testing

@testable import PodCore

@Suite struct PodSpecValidationTests {
    static let fields: [ValidationCase] = [
        .init(
            .spec,
            "{restartPolicy: always}",
            "restartPolicy: Unsupported value: \"always\": supported values: \"Always\", \"OnFailure\", \"Never\""
        ),
        .init(
            .spec,
            "{dnsPolicy: Cluster}",
            "dnsPolicy: Unsupported value: \"Cluster\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\""
        ),
        .init(
            .spec,
            "{activeDeadlineSeconds: 0}",
            "activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"
        ),
        .init(.spec, "{hostname: a.b}", "hostname: Invalid value: \"a.b\": \(Text.dots)"),
        .init(.spec, "{subdomain: A}", "subdomain: Invalid value: \"A\": \(Text.label)"),
        .init(
            .spec,
            "{hostnameOverride: h, setHostnameAsFQDN: true}",
            "hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true"
        ),
        .init(
            .spec,
            "{hostnameOverride: h, hostNetwork: true}",
            "hostnameOverride: Forbidden: may not be specified when hostNetwork is true"
        ),
        .init(
            .spec,
            "{hostnameOverride: \(String(repeating: "h", count: 60)).five}",
            "hostnameOverride: Too long: may not be more than 64 bytes"
        ),
        .init(
            .spec,
            "{hostAliases: [{ip: 1.2.3, hostnames: [a]}]}",
            "hostAliases[0].ip: Invalid value: \"1.2.3\": \(Text.address)"
        ),
        .init(
            .spec,
            "{hostAliases: [{ip: '::1', hostnames: [a_b]}]}",
            "hostAliases[0].hostnames: Invalid value: \"a_b\": \(Text.subdomain)"
        ),
        .init(
            .spec,
            "{schedulingGates: [{name: g}]}",
            "nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"
        ),
        .init(
            .spec,
            "{os: {name: mac}}",
            "spec.os: Unsupported value: \"mac\": supported values: \"linux\", \"windows\""
        ),
        .init(
            .spec,
            "{nodeSelector: {a b: x}}",
            "spec.nodeSelector: Invalid value: \"a b\": \(Text.qualifiedName)"
        ),
        .init(
            .spec,
            "{nodeSelector: {a: x y}}",
            "spec.nodeSelector: Invalid value: \"x y\": \(Text.labelValue)"
        ),
        .init(.spec, "{priorityClassName: A}", "priorityClassName: Invalid value: \"A\": \(Text.subdomain)"),
        .init(.spec, "{priority: -5000000}"),
        .init(.spec, "{runtimeClassName: A}", "runtimeClassName: Invalid value: \"A\": \(Text.subdomain)"),
        .init(
            .spec,
            "{preemptionPolicy: Maybe}",
            "preemptionPolicy: Unsupported value: \"Maybe\": supported values: \"PreemptLowerPriority\", \"Never\""
        ),
        .init(
            .spec,
            "{shareProcessNamespace: true, hostPID: true}",
            "securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled"
        ),
        .init(
            .spec,
            "{hostUsers: false, hostNetwork: true, hostPID: true, hostIPC: true}",
            "hostNetwork: Forbidden: when `hostUsers` is false",
            "spec.HostPID: Forbidden: when `hostUsers` is false",
            "spec.HostIPC: Forbidden: when `hostUsers` is false"
        ),
    ]

    static let dns: [ValidationCase] = [
        .init(
            .spec,
            "{dnsPolicy: None}",
            "dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"
        ),
        .init(
            .spec,
            "{dnsPolicy: None, dnsConfig: {}}",
            "dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None"
        ),
        .init(
            .spec,
            "{dnsConfig: {nameservers: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4]}}",
            "dnsConfig.nameservers: Invalid value: [\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\"]: must not have more than 3 nameservers"
        ),
        .init(
            .spec,
            "{dnsConfig: {nameservers: [dns.example]}}",
            "dnsConfig.nameservers[0]: Invalid value: \"dns.example\": \(Text.address)"
        ),
        .init(
            .spec,
            "{dnsConfig: {searches: [_tcp.Example, ok_name.example, a.b., .]}}",
            searchText("_tcp.Example")
        ),
        .init(
            .spec,
            "{dnsConfig: {options: [{value: x}]}}",
            "dnsConfig.options[0]: Required value: must not be empty"
        ),
    ]

    /// Attack class 17: whatever would end a line of a file that is made from these, or begin another word of it.
    static let forgeries: [ValidationCase] = [
        .init(
            .spec,
            "{hostname: 'h\n127.0.0.1 evil'}",
            "hostname: Invalid value: \"h\\n127.0.0.1 evil\": \(Text.label)"
        ),
        .init(.spec, "{hostname: 'h\r'}", "hostname: Invalid value: \"h\\r\": \(Text.label)"),
        .init(.spec, "{hostname: 'a:b'}", "hostname: Invalid value: \"a:b\": \(Text.label)"),
        .init(.spec, "{subdomain: 's\t'}", "subdomain: Invalid value: \"s\\t\": \(Text.label)"),
        .init(
            .spec,
            "{hostnameOverride: 'a\nb'}",
            "hostnameOverride: Invalid value: \"a\\nb\": \(Text.subdomain)"
        ),
        .init(
            .spec,
            "{hostAliases: [{ip: '10.0.0.1\n10.0.0.2', hostnames: [a]}]}",
            "hostAliases[0].ip: Invalid value: \"10.0.0.1\\n10.0.0.2\": \(Text.address)"
        ),
        .init(
            .spec,
            "{hostAliases: [{ip: 10.0.0.1, hostnames: ['a\n10.0.0.2\tbank.example']}]}",
            "hostAliases[0].hostnames: Invalid value: \"a\\n10.0.0.2\\tbank.example\": \(Text.subdomain)"
        ),
        .init(
            .spec,
            "{dnsConfig: {nameservers: ['1.1.1.1\nnameserver 6.6.6.6']}}",
            "dnsConfig.nameservers[0]: Invalid value: \"1.1.1.1\\nnameserver 6.6.6.6\": \(Text.address)"
        ),
        .init(
            .spec,
            "{dnsConfig: {options: [{name: 'rotate\nnameserver 6.6.6.6'}]}}",
            "dnsConfig.options[0].name: Invalid value: \"rotate\\nnameserver 6.6.6.6\": \(plain)"
        ),
        .init(
            .spec,
            "{dnsConfig: {options: [{name: ndots, value: '5 rotate'}, {name: 'ü'}]}}",
            "dnsConfig.options[0].value: Invalid value: \"5 rotate\": \(plain)",
            "dnsConfig.options[1].name: Invalid value: \"ü\": \(plain)"
        ),
        .init(
            .metadata,
            "{labels: {a: 'b\nc'}}",
            "metadata.labels: Invalid value: \"b\\nc\": \(Text.labelValue)"
        ),
        .init(
            .metadata,
            "{name: 'web\nroot'}",
            "metadata.name: Invalid value: \"web\\nroot-node1\": \(Text.subdomain)"
        ),
        .init(.env, "{name: 'A\nB'}", "c.env[0].name: Invalid value: \"A\\nB\": \(Text.environment)"),
        .init(.env, "{value: 'a\nb:c\r'}"),
    ]

    private static let plain = "must consist of printable ASCII characters other than blanks"

    @Test("What would forge a line of a Pod's files is refused", arguments: forgeries)
    func checksForgeries(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test(
        "A search domain with more than a name in it is refused",
        arguments: ["a\nnameserver 6.6.6.6", "a b", "a\t", ".."]
    )
    func forgedSearches(_ search: String) {
        let errors = ValidationCase(.spec, "{dnsConfig: {searches: [\"\(search)\"]}}").errors()
        #expect(errors.count == 1 && errors[0].hasPrefix("spec.dnsConfig.searches[0]: Invalid value: "))
    }

    private static func searchText(_ name: String) -> String {
        #"dnsConfig.searches[0]: Invalid value: "\#(name)": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"#
    }

    static let tolerations: [ValidationCase] = [
        .init(
            .spec,
            "{tolerations: [{key: a, operator: Is}]}",
            "tolerations[0].operator: Unsupported value: \"Is\": supported values: \"Equal\", \"Exists\""
        ),
        .init(
            .spec,
            "{tolerations: [{operator: Equal}]}",
            "tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\""
        ),
        .init(
            .spec,
            "{tolerations: [{key: a, operator: Exists, value: b}]}",
            "tolerations[0].operator: Invalid value: {\"key\":\"a\",\"operator\":\"Exists\",\"value\":\"b\"}: value must be empty when `operator` is 'Exists'"
        ),
        .init(
            .spec,
            "{tolerations: [{key: a, value: b, tolerationSeconds: 5}]}",
            "tolerations[0].effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set"
        ),
        .init(
            .spec,
            "{tolerations: [{operator: Exists}, {key: a, value: b, effect: NoExecute, tolerationSeconds: 5}]}"
        ),
    ]

    @Test("Rules of the fields of the spec, in Kubernetes' words", arguments: fields)
    func checksFields(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of DNS, in Kubernetes' words", arguments: dns)
    func checksDns(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of tolerations, in Kubernetes' words", arguments: tolerations)
    func checksTolerations(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Too many search domains and too long a list of them are refused")
    func searches() {
        let many = (1...33).map { "s\($0)" }.joined(separator: ",")
        let long = (1...32).map { "\(String(repeating: "a", count: 62)).d\($0)" }.joined(separator: ",")
        let tooMany = ValidationCase(.spec, "{dnsConfig: {searches: [\(many)]}}").errors()
        let tooLong = ValidationCase(.spec, "{dnsConfig: {searches: [\(long)]}}").errors()
        #expect(tooMany.map { $0.hasSuffix(": must not have more than 32 search paths") } == [true])
        let text = ": must not have more than 2048 characters (including spaces) in the search list"
        #expect(tooLong.map { $0.hasSuffix(text) } == [true])
    }
}

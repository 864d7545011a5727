import Testing

@testable import PodCore

/// resolv.conf (reference §7.5).
@Suite struct ResolverConfigurationTests {
    private static let node = ResolverConfiguration(
        parsing: """
            # the node's own
            search old.example
            search corp.example. . home.example
            nameserver 192.0.2.53
            options ndots:1 timeout:2
            options ndots:2
            sortlist 130.155.160.0
            """
    )
    private static let none = NodeNaming(nodeName: "n")
    private static let cluster = NodeNaming(nodeName: "n", clusterDNS: ["10.96.0.10"])
    private static let nodeText = """
        search corp.example home.example
        nameserver 192.0.2.53
        options timeout:2 ndots:2

        """
    private static let clusterText = """
        search shop.svc.cluster.local svc.cluster.local cluster.local corp.example home.example
        nameserver 10.96.0.10
        options ndots:5

        """

    private func text(
        _ policy: DNSPolicy,
        _ naming: NodeNaming,
        hostNetwork: Bool = false,
        _ config: PodDNSConfig? = nil
    ) -> (text: String, records: [PodRecord]) {
        var pod = Pod()
        pod.metadata.namespace = "shop"
        (pod.spec.dnsPolicy, pod.spec.hostNetwork, pod.spec.dnsConfig) = (policy, hostNetwork, config)
        let (result, records) = ResolverConfiguration.forPod(pod, node: Self.node, naming: naming)
        return (result.text, records)
    }

    @Test(
        "What each policy makes of the node's file and the cluster's servers",
        arguments: [
            (.clusterFirst, false, false, nodeText), (.clusterFirst, true, false, clusterText),
            (.clusterFirst, true, true, nodeText), (.clusterFirstWithHostNet, true, true, clusterText),
            (.clusterFirstWithHostNet, true, false, clusterText),
            (.clusterFirstWithHostNet, false, true, nodeText),
            (.default, true, false, nodeText), (.none, true, false, ""),
        ] as [(DNSPolicy, Bool, Bool, String)]
    )
    func policies(policy: DNSPolicy, hasCluster: Bool, hostNetwork: Bool, expected: String) {
        let told = text(policy, hasCluster ? Self.cluster : Self.none, hostNetwork: hostNetwork)
        #expect(told.text == expected)
        #expect(told.records == [])
    }

    private func option(_ name: String, _ value: String? = nil) -> PodDNSConfigOption {
        var option = PodDNSConfigOption()
        (option.name, option.value) = (name, value)
        return option
    }

    @Test("dnsConfig adds to what the policy gives; of an option the Pod's word counts")
    func config() {
        var config = PodDNSConfig()
        config.nameservers = ["10.96.0.10", "192.0.2.1"]
        config.searches = ["svc.cluster.local", "own.example"]
        config.options = [option("ndots", "3"), option("rotate"), option("edns0", "")]
        #expect(
            text(.clusterFirst, Self.cluster, config).text == """
                search shop.svc.cluster.local svc.cluster.local cluster.local corp.example home.example own.example
                nameserver 10.96.0.10
                nameserver 192.0.2.1
                options ndots:3 rotate edns0

                """
        )
        #expect(
            text(.none, Self.cluster, config).text == """
                search svc.cluster.local own.example
                nameserver 10.96.0.10
                nameserver 192.0.2.1
                options ndots:3 rotate edns0

                """
        )
    }

    @Test("What exceeds the limits is left out, and the Pod's events say so")
    func limits() {
        var config = PodDNSConfig()
        config.nameservers = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        config.searches = (1...31).map { "s\($0)" }
        let told = text(.default, Self.none, config)
        #expect(told.text.split(separator: "\n").filter { $0.hasPrefix("nameserver") }.count == 3)
        #expect(
            told.text.contains("nameserver 192.0.2.53\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions")
        )
        #expect(told.records.map(\.reason) == ["DNSConfigForming", "DNSConfigForming"])
        #expect(
            told.records.first?.message
                == "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver "
                + "line is: 192.0.2.53 192.0.2.1 192.0.2.2"
        )
        #expect(told.records.last?.message.hasSuffix(" s29 s30") == true)
    }

    @Test(
        "Servers on the node's loopback are out of a Pod's reach",
        arguments: [
            ("nameserver 127.0.0.53", true, true), ("nameserver 127.0.0.1", true, false),
            ("nameserver ::1\nnameserver 127.0.0.1", true, false),
            ("nameserver 127.0.0.1\nnameserver 192.0.2.53", false, false), ("", false, false),
            ("nameserver fe80::1%eth0", false, false),
        ]
    )
    func loopback(text: String, isLoopback: Bool, isStub: Bool) {
        let configuration = ResolverConfiguration(parsing: text)
        #expect(configuration.isLoopbackOnly == isLoopback)
        #expect(configuration.isStub == isStub)
    }
}

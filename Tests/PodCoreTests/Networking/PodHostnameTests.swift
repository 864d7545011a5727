import Testing

@testable import PodCore

/// Host names and /etc/hosts (reference §7.3, §7.4).
@Suite struct PodHostnameTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout Pod) -> Void
        var kernel: String
        var line: String
    }

    private static let node = NodeNaming(nodeName: "node1", clusterDomain: "pods.example")

    private static func pod(_ change: (inout Pod) -> Void = { _ in }) -> Pod {
        var pod = Pod()
        (pod.metadata.name, pod.metadata.namespace) = ("web-node1", "shop")
        change(&pod)
        return pod
    }

    @Test(
        "The Pod's names",
        arguments: [
            Case(testDescription: "its own", change: { _ in }, kernel: "web-node1", line: "web-node1"),
            Case(testDescription: "hostname", change: { $0.spec.hostname = "h" }, kernel: "h", line: "h"),
            Case(
                testDescription: "subdomain",
                change: { $0.spec.subdomain = "sub" },
                kernel: "web-node1",
                line: "web-node1.sub.shop.svc.pods.example\tweb-node1"
            ),
            Case(
                testDescription: "hostname, subdomain and setHostnameAsFQDN",
                change: {
                    ($0.spec.hostname, $0.spec.subdomain, $0.spec.setHostnameAsFQDN) = ("h", "sub", true)
                },
                kernel: "h.sub.shop.svc.pods.example",
                line: "h.sub.shop.svc.pods.example\th"
            ),
            Case(
                testDescription: "setHostnameAsFQDN without a domain",
                change: { $0.spec.setHostnameAsFQDN = true },
                kernel: "web-node1",
                line: "web-node1"
            ),
            Case(
                testDescription: "hostnameOverride goes before all else",
                change: {
                    ($0.spec.hostnameOverride, $0.spec.hostname, $0.spec.subdomain) = ("a.b", "h", "s")
                },
                kernel: "a.b",
                line: "a.b"
            ),
            Case(
                testDescription: "64 bytes are cut, and what a name cannot end with",
                change: { $0.metadata.name = String(repeating: "x", count: 61) + "-.y" },
                kernel: String(repeating: "x", count: 61),
                line: String(repeating: "x", count: 61)
            ),
        ]
    )
    func names(_ test: Case) throws {
        let pod = Self.pod(test.change)
        let hostname = PodHostname(of: pod, on: Self.node)
        #expect(hostname.kernel == test.kernel)
        try hostname.check()
        let hosts = PodFiles.hosts(
            of: pod,
            hostname: hostname,
            addresses: ["10.88.0.2", "fd00::2"],
            nodeHosts: ""
        )
        #expect(hosts.hasSuffix("fe00::2\tip6-allrouters\n10.88.0.2\t\(test.line)\nfd00::2\t\(test.line)\n"))
    }

    @Test("With hostNetwork the Pod has the node's name and file, and its own aliases behind it")
    func hostNetwork() {
        let pod = Self.pod { pod in
            (pod.spec.hostNetwork, pod.spec.hostname, pod.spec.subdomain) = (true, "h", "s")
            var alias = HostAlias()
            (alias.ip, alias.hostnames) = ("192.0.2.7", ["a", "b.c"])
            pod.spec.hostAliases = [alias]
        }
        let hostname = PodHostname(of: pod, on: Self.node)
        #expect(hostname.kernel == "node1")
        #expect(
            PodFiles.hosts(of: pod, hostname: hostname, addresses: [], nodeHosts: "127.0.0.1 node1") == """
                # Kubernetes-managed hosts file (host network).
                127.0.0.1 node1

                # Entries added by HostAliases.
                192.0.2.7\ta\tb.c

                """
        )
    }

    @Test("A name that the kernel does not take is an error in the kubelet's words")
    func tooLong() {
        let pod = Self.pod { pod in
            pod.spec.hostname = String(repeating: "h", count: 40)
            (pod.spec.subdomain, pod.spec.setHostnameAsFQDN) = ("sub", true)
        }
        let name = String(repeating: "h", count: 40) + ".sub.shop.svc.pods.example"
        let error = #expect(throws: PodHostname.TooLong.self) {
            try PodHostname(of: pod, on: Self.node).check()
        }
        #expect(
            error?.description
                == "failed to construct FQDN from pod hostname and cluster domain, FQDN \(name) is too long "
                + "(64 characters is the max, 66 characters requested)"
        )
    }
}

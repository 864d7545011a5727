import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Names, name servers, addresses and kernel parameters, as a container sees them.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .blocking
)
struct PodNamesTests {
    private func manifest(_ name: String, spec: [String] = [], container: [String] = []) -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 0
          \(spec.joined(separator: "\n  "))
          containers:
          - name: c
            image: busybox:1.36
            command: [sleep, "1000"]
            \(container.joined(separator: "\n    "))
        """
    }

    private func inside(_ node: TestNode, _ pod: String, _ command: String) throws -> String {
        try node.ask("exec", pod, "--", "/bin/sh", "-c", command)
    }

    @Test("A Pod with a subdomain knows itself by its full name, and asks the cluster's servers for others")
    func names() throws {
        let flags = [
            "--pod-cidr", "10.88.0.0/24,fd00:88::/64", "--cluster-domain", "pods.example", "--cluster-dns",
            "10.96.0.10,fd00::a",
        ]
        let node = try TestNode(images: ["busybox"], flags: flags, ownNetwork: true)
        let spec = ["hostname: h", "subdomain: sub", "setHostnameAsFQDN: true"]
        try node.put("named.yaml", manifest("named", spec: spec))
        try node.wait("named", for: "condition=Ready")
        let full = "h.sub.default.svc.pods.example"
        #expect(
            try inside(node, "named", "hostname; cat /etc/hostname; echo $HOSTNAME")
                == "\(full)\n\(full)\n\(full)\n"
        )
        #expect(
            try inside(node, "named", "tail -n 2 /etc/hosts")
                == "10.88.0.2\t\(full)\th\nfd00:88::2\t\(full)\th\n"
        )
        let resolver = try inside(node, "named", "cat /etc/resolv.conf")
        #expect(resolver.hasPrefix("search default.svc.pods.example svc.pods.example pods.example"))
        #expect(resolver.hasSuffix("\nnameserver 10.96.0.10\nnameserver fd00::a\noptions ndots:5\n"))

        try node.put("other.yaml", manifest("other", spec: ["hostnameOverride: a.b.example"]))
        try node.wait("other", for: "condition=Ready")
        #expect(
            try inside(node, "other", "hostname; tail -n 1 /etc/hosts")
                == "a.b.example\nfd00:88::3\ta.b.example\n"
        )

        let long = String(repeating: "l", count: 40)
        let tooLong = ["hostname: \(long)", "subdomain: sub", "setHostnameAsFQDN: true"]
        try node.put("long.yaml", manifest("long", spec: tooLong))
        try eventually("the event says what is too long") {
            try node.ask("events").contains(
                "FQDN \(long).sub.default.svc.pods.example is too long (64 characters"
            )
        }
        try node.end()
    }

    @Test("Name servers on the node's loopback are reported once, with what to do")
    func loopbackServers() throws {
        let file = "/tmp/podagent-test-resolver-\(getpid())"
        defer { unlink(file) }
        try RootedDirectory(hostPath: "/tmp").replaceFile(
            String(file.dropFirst(5)),
            with: Array("search corp.example\nnameserver 127.0.0.1\n".utf8),
            mode: 0o644
        )
        let flags = ["--pod-cidr", "10.88.0.0/24", "--resolv-conf", file]
        let node = try TestNode(images: ["busybox"], flags: flags, ownNetwork: true)
        for name in ["first", "second"] {
            try node.put("\(name).yaml", manifest(name))
            try node.wait(name, for: "condition=Ready")
        }
        #expect(
            try inside(node, "first", "cat /etc/resolv.conf") == "search corp.example\nnameserver 127.0.0.1\n"
        )
        let told = try node.ask("events").split(separator: "\n").filter { $0.contains("LoopbackNameserver") }
        #expect(told.count == 1 && told[0].contains("Pods get 127.0.0.1 from \(file)"), "\(told)")
        try node.end()
    }

    @Test("A container is told the addresses of its Pod and its node")
    func addresses() throws {
        let fields = ["podIP", "podIPs", "hostIP", "hostIPs"]
        let variables = fields.map {
            "- {name: \($0), valueFrom: {fieldRef: {fieldPath: status.\($0)}}}"
        }
        let print = "echo $podIP $podIPs $hostIP $hostIPs"
        let node = try TestNode(
            images: ["busybox"],
            flags: ["--pod-cidr", "10.88.0.0/24,fd00:88::/64"],
            ownNetwork: true
        )
        try node.put("web.yaml", manifest("web", container: ["env:"] + variables))
        try node.put(
            "host.yaml",
            manifest("host", spec: ["hostNetwork: true"], container: ["env:"] + variables)
        )
        for name in ["web", "host"] { try node.wait(name, for: "condition=Ready") }
        let pods = try node.toldPods()
        for (name, own) in [("web", ["10.88.0.2", "fd00:88::2"]), ("host", nil)] {
            let status = try #require(pods.first { $0.metadata.name == "\(name)-node1" }).status
            let told = [
                status.podIP, status.podIPs.map(\.ip).joined(separator: ","), status.hostIP,
                status.hostIPs.map(\.ip).joined(separator: ","),
            ]
            if let own {
                #expect(status.podIPs.map(\.ip) == own)
            } else {
                #expect(status.podIP == status.hostIP)
            }
            let shown = told.filter { !$0.isEmpty }.joined(separator: " ") + "\n"
            #expect(try inside(node, name, print) == shown)
        }
        let wide = try node.ask("get", "pods", "-o", "wide").split(separator: "\n")
        let header = #/NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES/#
        #expect(wide.first?.contains(header) == true)
        #expect(
            wide.contains { $0.contains(#/^web-node1 .* 10\.88\.0\.2 +node1 +<none> +<none>/#) },
            "\(wide)"
        )
        try node.end()
    }

    @Test("Texts with line breaks and colons in them add no line to any file that is made for a container")
    func forgeries() throws {
        let node = try TestNode(images: ["busybox"])
        try node.put("plain.yaml", manifest("plain"))
        let container = [
            "env:",
            #"- {name: HOME, value: "/tmp\nevil:x:0:0::/:/bin/sh"}"#,
            #"- {name: USER, value: "evil:x:0:0"}"#,
            #"- {name: HOSTNAME, value: "a\n10.0.0.1 evil"}"#,
            #"- {name: NOTE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}"#,
        ]
        let text = manifest("forger", container: container).replacing(
            "metadata: {name: forger}",
            with: #"metadata: {name: forger, annotations: {note: "x\nnameserver 10.0.0.1\nevil:x:0:"}}"#
        )
        try node.put("forger.yaml", text)
        for name in ["plain", "forger"] { try node.wait(name, for: "condition=Ready") }
        let files = "/etc/passwd /etc/group /etc/hosts /etc/hostname /etc/resolv.conf"
        let lines = "cat \(files) | sed s/forger/plain/g"
        #expect(try inside(node, "forger", lines) == inside(node, "plain", lines))
        #expect(try inside(node, "forger", #"echo "$NOTE" | wc -l"#) == "3\n")
        try node.end()
    }
}

import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The Pods of `examples/`, run by a real agent as a newcomer runs them. Each test asserts what the example promises.
@Suite(
    .enabled(if: TestNode.hasRights, TestNode.needsRoot),
    .enabled(if: TestNode.images != nil, TestNode.needsImages),
    .serialized,
    .blocking
)
struct ExampleTests {
    private static let directory: String = {
        let parts = #filePath.split(separator: "/").dropLast(4)
        return parts.reduce("") { $0 + "/" + $1 } + "/examples"
    }()

    /// Runs an example under an agent of its own; `body` looks at it while it runs.
    private func run(_ name: String, images: [String] = ["busybox"], _ body: (TestNode) throws -> Void) throws
    {
        let node = try TestNode(images: images)
        try node.put("\(name).yaml", readText("\(Self.directory)/\(name).yaml"))
        try body(node)
        try node.end()
    }

    /// The log of a Pod that has run to its end.
    private func finishedLog(_ name: String) throws -> String {
        var log = ""
        try run(name) { node in
            try node.wait(name, for: "phase=Succeeded")
            log = try node.ask("logs", name)
        }
        return log
    }

    @Test("hello greets with its name, and is gone at once when its file is")
    func hello() throws {
        try run("hello") { node in
            try node.wait("hello", for: "condition=Ready")
            #expect(try node.ask("logs", "hello") == "Hello from hello-node1 in namespace default\n")
            let description = try node.ask("describe", "pod", "hello")
            for reason in ["Pulled", "Created", "Started"] { #expect(description.contains(reason)) }
            node.remove("hello.yaml")
            try node.wait("hello", for: "delete")
            #expect(try node.podagent("get", "pod", "hello").code == 1)
        }
    }

    @Test("two containers reach each other on localhost")
    func twoContainers() throws {
        try run("two-containers", images: ["nginx", "curl"]) { node in
            try node.wait("two-containers", for: "condition=Ready")
            try eventually("the client has the page") {
                try node.ask("logs", "two-containers", "-c", "client").contains("<h1>Welcome to nginx!</h1>")
            }
            #expect(try node.ask("get", "pod", "two-containers").contains("2/2"))
            #expect(try node.ask("logs", "two-containers", "-c", "web").contains("127.0.0.1"))
            let head = try node.ask(
                "exec",
                "two-containers",
                "-c",
                "client",
                "--",
                "curl",
                "-sI",
                "http://localhost"
            )
            #expect(head.contains("200 OK"))
        }
    }

    @Test("a sidecar brings another container's log files to its own output, live")
    func logSidecar() throws {
        try run("log-sidecar") { node in
            try node.wait("log-sidecar", for: "condition=Ready")
            try eventually("both sidecars have lines") {
                let first = try node.ask("logs", "log-sidecar", "-c", "count-log-1")
                let second = try node.ask("logs", "log-sidecar", "-c", "count-log-2")
                return first.contains("0: ") && first.contains("1: ") && second.contains("INFO 1")
            }
            let files = try node.ask("exec", "log-sidecar", "-c", "count", "--", "ls", "/var/log")
            #expect(files == "1.log\n2.log\n")
        }
    }

    @Test("an init container prepares the page that nginx serves")
    func initContainer() throws {
        try run("init-container", images: ["busybox", "nginx"]) { node in
            try node.wait("init-container", for: "condition=Ready")
            #expect(try node.ask("logs", "init-container", "-c", "install").contains("/tmp/index.html"))
            try eventually("nginx answers") {
                try node.podagent(
                    "exec",
                    "init-container",
                    "-c",
                    "nginx",
                    "--",
                    "wget",
                    "-qO-",
                    "http://localhost"
                ).output
                    == "<h1>Served from an emptyDir</h1>\n"
            }
        }
    }

    @Test("requests and limits are shown, and make a Burstable Pod")
    func resourceLimits() throws {
        try run("resource-limits", images: ["nginx"]) { node in
            try node.wait("resource-limits", for: "condition=Ready")
            let words = try node.ask("describe", "pod", "resource-limits").split { $0 == " " || $0 == "\n" }
            let shown = words.joined(separator: " ")
            #expect(shown.contains("Limits: cpu: 500m memory: 64Mi Requests: cpu: 250m memory: 32Mi"))
            #expect(shown.contains("QoS Class: Burstable"))
            let score = try node.ask("exec", "resource-limits", "--", "cat", "/proc/self/oom_score_adj")
            #expect((3...999).contains(Int(score.dropLast()) ?? 0), "\(score)")
        }
    }

    @Test("with a shared process namespace PID 1 is pause, and nginx is seen from the shell")
    func sharedProcessNamespace() throws {
        try run("share-process-namespace", images: ["busybox", "nginx"]) { node in
            try node.wait("share-process-namespace", for: "condition=Ready")
            var processes = ""
            try eventually("nginx has workers") {
                processes = try node.ask("exec", "share-process-namespace", "-c", "shell", "--", "ps")
                return processes.contains("nginx: worker")
            }
            let first = processes.split(separator: "\n").dropFirst().first.map(String.init) ?? ""
            #expect(first.split(separator: " ").first == "1")
            #expect(first.contains("/pause"))
        }
    }

    @Test("hostAliases are the last part of /etc/hosts")
    func hostAliases() throws {
        let log = try finishedLog("host-aliases")
        #expect(log.hasPrefix("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"))
        #expect(
            log.hasSuffix(
                "\n# Entries added by HostAliases.\n127.0.0.1\tfoo.local\tbar.local\n10.1.2.3\tfoo.remote\tbar.remote\n"
            )
        )
    }

    @Test("a subdomain and setHostnameAsFQDN give the Pod a full name")
    func hostname() throws {
        let name = "db.shop.default.svc.cluster.local"
        #expect(try finishedLog("hostname") == "\(name)\n127.0.0.1\t\(name)\tdb\n")
    }

    @Test("the Pod's sysctls are its own")
    func sysctls() throws {
        #expect(try finishedLog("sysctls") == "1\n20000\t30000\n")
    }

    @Test("dnsPolicy None takes nothing from the node")
    func dnsConfig() throws {
        #expect(
            try finishedLog("dns-config") == """
                search ns1.svc.cluster-domain.example my.dns.search.suffix
                nameserver 192.0.2.1
                options ndots:2 edns0

                """
        )
    }

    @Test("variables refer to earlier ones and to the Pod's own metadata")
    func environment() throws {
        let lines = Set(try finishedLog("environment").split(separator: "\n").map(String.init))
        #expect(
            lines == [
                "UNCHANGED_REFERENCE=$(PROTOCOL)://172.17.0.1:80", "SERVICE_ADDRESS=https://172.17.0.1:80",
                "ESCAPED_REFERENCE=$(PROTOCOL)://172.17.0.1:80", "POD_NAME=environment-node1", "TIER=example",
                "/tmp",
            ]
        )
    }

    @Test("a task that fails once is run again and succeeds, and both logs can be read")
    func retryOnFailure() throws {
        try run("retry-on-failure") { node in
            try node.wait("retry-on-failure", for: "phase=Succeeded")
            #expect(try node.ask("logs", "retry-on-failure") == "attempt 2 succeeds\n")
            #expect(try node.ask("logs", "-p", "retry-on-failure") == "attempt 1 fails\n")
            #expect(try node.ask("get", "pod", "retry-on-failure").contains("Completed"))
        }
    }

    @Test("a security context is what the process gets")
    func securityContext() throws {
        #expect(
            try finishedLog("security-context") == """
                uid=1000 gid=3000 groups=3000,4000
                CapEff:\t0000000000000000
                NoNewPrivs:\t1
                the root file system is read-only
                the volume is writable

                """
        )
    }

    @Test("volumes on disk, in memory and from the node")
    func volumes() throws {
        try run("volumes") { node in
            try node.wait("volumes", for: "condition=Ready")
            try eventually("it has looked") { try node.ask("logs", "volumes").contains("this node is ") }
            #expect(try node.ask("logs", "volumes").contains("/memory is on tmpfs"))
            let refused = try node.podagent("exec", "volumes", "--", "touch", "/node/os-release")
            #expect(refused.code == 1)
            #expect(refused.errors.contains("Read-only file system"))
        }
    }

    @Test("the shop opens when the stock is ready")
    func startOrder() throws {
        try run("start-order") { node in
            try eventually("shop is held") { try node.ask("get", "pods").contains("WaitingForPods") }
            try node.wait("shop", for: "condition=Ready")
            let pods = try node.toldPods()
            func runs(_ name: String) -> Timestamp? {
                let pod = pods.first { $0.metadata.name == "\(name)-node1" }
                return pod?.status.containerStatuses.first?.state.running?.startedAt
            }
            let (stock, shop) = (try #require(runs("stock")), try #require(runs("shop")))
            #expect(stock <= shop)
        }
    }

    @Test("a container that fails its probe is restarted")
    func livenessProbe() throws {
        try run("liveness-probe") { node in
            try eventually("it is restarted") {
                try node.container("liveness", of: "liveness-probe")?.restartCount == 1
            }
            let description = try node.ask("describe", "pod", "liveness-probe")
            for reason in ["Unhealthy", "Killing"] { #expect(description.contains(reason), "\(description)") }
        }
    }

    @Test("a server is ready when it has a page")
    func readinessProbe() throws {
        try run("readiness-probe") { node in
            try eventually("it is told why it is not ready") {
                try node.hasEvent("Unhealthy", "statuscode: 404")
            }
            #expect(try node.ask("get", "pod", "readiness-probe").contains("0/1"))
            let open = "echo open > /www/ready.html"
            _ = try node.ask("exec", "readiness-probe", "--", "sh", "-c", open)
            try node.wait("readiness-probe", for: "condition=Ready")
            #expect(try node.container("web", of: "readiness-probe")?.restartCount == 0)
        }
    }

    @Test("a command runs after the start, and another one before the end")
    func lifecycleHooks() throws {
        try run("lifecycle-hooks", images: ["nginx"]) { node in
            try node.wait("lifecycle-hooks", for: "condition=Ready")
            let message = try node.ask("exec", "lifecycle-hooks", "--", "cat", "/usr/share/message")
            #expect(message == "Hello from the postStart handler\n")
            // nginx goes by the hook's word, before it is sent a signal: the hook itself goes with the container's namespace.
            node.remove("lifecycle-hooks.yaml")
            try node.wait("lifecycle-hooks", for: "delete")
        }
    }

    @Test("a sidecar has all that the task wrote, and ends with it")
    func nativeSidecar() throws {
        try run("native-sidecar") { node in
            try node.wait("native-sidecar", for: "phase=Succeeded")
            #expect(
                try node.ask("logs", "native-sidecar", "-c", "shipper") == "step 1\nstep 2\nstep 3\ndone\n"
            )
        }
    }

    @Test("a task is run again for the exit code that its rule names")
    func restartRules() throws {
        try run("restart-rules") { node in
            try node.wait("restart-rules", for: "phase=Failed")
            #expect(try node.ask("logs", "-p", "restart-rules") == "not yet\n")
            #expect(try node.ask("logs", "restart-rules") == "giving up\n")
            #expect(try node.container("task", of: "restart-rules")?.restartCount == 1)
        }
    }

    @Test("with hostNetwork the node's name and links are seen")
    func hostNetwork() throws {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count)
        let own = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let lines = try finishedLog("host-network").split(separator: "\n").map(String.init)
        #expect(lines.first == own)
        #expect(lines.contains("lo"))
    }

    @Test("what needs a registry that is not there is valid at least")
    func privateRegistry() throws {
        let outcome = try Subprocess.run(
            ["\(TestNode.products)/podagent", "validate", "-f", "\(Self.directory)/private-registry.yaml"],
            scratch: "/tmp"
        )
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.errors == "")
        for name in ["secret/regcred", "pod/private-registry-node"] {
            #expect(outcome.output.contains("\(name) is valid"), "\(outcome)")
        }
    }

    @Test("every example is run here, and what is kept for later is refused by name")
    func completeness() throws {
        let present = try RootedDirectory(hostPath: Self.directory).entries().filter { $0.hasSuffix(".yaml") }
        #expect(
            present == [
                "dns-config.yaml", "environment.yaml", "hello.yaml", "host-aliases.yaml", "host-network.yaml",
                "hostname.yaml",
                "init-container.yaml", "lifecycle-hooks.yaml", "liveness-probe.yaml", "log-sidecar.yaml",
                "native-sidecar.yaml", "private-registry.yaml", "readiness-probe.yaml",
                "resource-limits.yaml", "restart-rules.yaml",
                "retry-on-failure.yaml", "security-context.yaml",
                "share-process-namespace.yaml", "start-order.yaml", "sysctls.yaml", "two-containers.yaml",
                "volumes.yaml",
            ]
        )
        let later = try RootedDirectory(hostPath: "\(Self.directory)/later").entries().filter {
            $0.hasSuffix(".yaml")
        }
        #expect(!later.isEmpty)
        for name in later {
            let outcome = try Subprocess.run(
                ["\(TestNode.products)/podagent", "validate", "-f", "\(Self.directory)/later/\(name)"],
                scratch: "/tmp"
            )
            #expect(outcome.code == 1, "\(name): \(outcome)")
            #expect((outcome.output + outcome.errors).contains("not supported"), "\(name): \(outcome)")
        }
    }
}

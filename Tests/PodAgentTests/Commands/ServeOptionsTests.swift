import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Flags and configuration file of `podagent serve`, and what a reload makes of a change.
@Suite struct ServeOptionsTests {
    /// The options that flags and a file with `text` make.
    private func options(_ text: String, flags: [String] = [], leaf: String = "podagent.yaml") throws
        -> NodeOptions
    {
        var template = Array("/tmp/podagent-test-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            unlink("\(directory)/\(leaf)")
            rmdir(directory)
        }
        let path = "\(directory)/\(leaf)"
        let raw = cns_openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0o600)
        try #require(raw >= 0)
        try writeAll(Descriptor(adopting: raw), Array(text.utf8), subject: path)
        let words = ["serve", "--config", path] + flags
        guard case .run(_, let arguments) = try ArgumentParser.parse(words, verbs: [ServeCommand.verb]) else {
            preconditionFailure("serve is no request for help")
        }
        do throws(CommandError) {
            return try ServeCommand.options(arguments)
        } catch {
            throw Refusal(text: (error.text ?? "").replacing(path, with: "FILE"))
        }
    }

    private struct Refusal: Error, Equatable {
        var text: String
    }

    @Test(
        "Every setting can stand in the file, under either way of writing its name, and a flag wins over it"
    )
    func everySetting() throws {
        let text = """
            manifests: /m
            stateDir: /s
            run-dir: /r
            logDir: /l
            socketGroup: users
            nodeName: n1
            shim: /bin/podshim
            cgroup: pods/a
            podCidr: 10.1.0.0/16
            bridge: br1
            peers: {n1: 10.1.0.0/16 via 192.0.2.1, n2: 10.2.0.0/16 via 192.0.2.2}
            backend: vxlan
            vxlanVni: 7
            vxlanPort: 8472
            cniConfDir: /etc/cni/net.d
            cni-bin-dir: /opt/cni/bin
            allowedUnsafeSysctls: kernel.msgmax,net.core.*
            clusterDomain: pods.example
            clusterDns: 10.96.0.10,fd00::a
            resolvConf: /etc/upstream.conf
            preloadDir: /p
            imageGcHighThresholdPercent: 70
            image-gc-low-threshold-percent: 60
            maxParallelImagePulls: 7
            containerLogMaxSize: 1Mi
            containerLogMaxFiles: 3
            restartBackoff: 2s
            restartBackoffMax: 1m
            shutdownGracePeriod: 20s
            shutdownGracePeriodCriticalPods: 5s
            logFormat: json
            registryCredentials: /etc/a.json,/etc/b.json
            registries: {registry.example: {ca: /etc/ca.pem}}
            """
        var expected = NodeOptions()
        expected.manifests = "/m"
        expected.stateDirectory = "/s"
        expected.runDirectory = "/r"
        expected.logDirectory = "/flag"
        expected.socket = "/r/podagent.sock"
        expected.socketGroup = "users"
        expected.nodeName = "n1"
        expected.shim = "/bin/podshim"
        expected.cgroup = "pods/a"
        expected.podSubnets = [try Subnet(parsing: "10.1.0.0/16")]
        expected.bridge = "br1"
        expected.peers = try Peer.list(parsing: "n1=10.1.0.0/16 via 192.0.2.1;n2=10.2.0.0/16 via 192.0.2.2")
        expected.backend = .vxlan
        expected.vxlan = VXLANParameters(identifier: 7, port: 8472)
        expected.cniConfigurations = "/etc/cni/net.d"
        expected.cniPlugins = "/opt/cni/bin"
        expected.allowedUnsafeSysctls = ["kernel.msgmax", "net.core.*"]
        expected.clusterDomain = "pods.example"
        expected.clusterDNS = ["10.96.0.10", "fd00::a"]
        expected.resolverFile = "/etc/upstream.conf"
        expected.preloadDirectory = "/p"
        expected.imageCollection.highPercent = 70
        expected.imageCollection.lowPercent = 60
        expected.maxParallelImagePulls = 7
        expected.logLimits = LogLimits(bytesMax: 1 << 20, filesMax: 3)
        expected.backoff = BackoffLimits(initial: .seconds(2), maximum: .seconds(60))
        expected.shutdown = ShutdownPeriods(total: .seconds(20), critical: .seconds(5))
        expected.logFormat = .json
        expected.registryCredentials = ["/etc/a.json", "/etc/b.json"]
        var registry = RegistryConfiguration.Host()
        registry.authoritiesFile = "/etc/ca.pem"
        expected.registries.hosts = ["registry.example": registry]
        #expect(try options(text, flags: ["--log-dir", "/flag"]) == expected)
        let count = text.split(separator: "\n").count
        // The socket has a test of its own: without it, it follows the run directory.
        #expect(ServeSetting.all.count == count + 1, "a setting that is not tried above")
        #expect(try options("socket: /x/y.sock").socket == "/x/y.sock")
    }

    @Test(
        "A file that is wrong is refused in one line that says where",
        arguments: [
            (
                "restartBackof: 1s",
                #"FILE:1: there is no setting "restartBackof"; did you mean restart-backoff?"#
            ),
            (
                "nodeName: n1\nrestart-backoff: soon",
                #"FILE:2: restart-backoff must be a duration such as 10s, not "soon""#
            ),
            (
                "container-log-max-files: 1",
                "FILE:1: container-log-max-files must be a number of at least 2, not 1"
            ),
            (
                "nodeName: my_node",
                #"FILE:1: nodeName must be a name of letters, digits, - and ., such as node-1, not "my_node""#
            ),
            (
                "clusterDns: dns.example",
                "FILE:1: clusterDns must be addresses such as 10.96.0.10 with commas between, at most 3, "
                    + "not \"dns.example\""
            ),
            ("logFormat: xml", #"FILE:1: logFormat must be text or json, not "xml""#),
            ("backend: flannel", #"FILE:1: backend must be host-gw or vxlan, not "flannel""#),
            ("vxlanVni: 16777216", "FILE:1: vxlanVni must be a number from 0 to 16777215, not 16777216"),
            ("vxlan-port: 0", "FILE:1: vxlan-port must be a port number from 1 to 65535, not 0"),
            (
                "peers:\n  n1: 10.1.0.0/16 via 192.0.2.1\n  n2: 10.2.0.1/16 via 192.0.2.2",
                #"FILE:3: peers: n2 is refused: "10.2.0.1/16" is an address in a network; did you mean 10.2.0.0/16?"#
            ),
            ("peers:\n  n1: 7", "FILE:2: peers: n1 must be a text, not a number"),
            (
                "peers:\n  N1: 10.1.0.0/16 via 192.0.2.1\n  n1: 10.2.0.0/16 via 192.0.2.2",
                "FILE:2: peers is refused: the node n1 stands there twice"
            ),
            (
                "registryCredentials: config.json",
                "FILE:1: registryCredentials must be paths that begin with a slash, with commas between, "
                    + "not \"config.json\""
            ),
            (
                "registries:\n  docker.io:\n    mirorrs: [m.example]",
                #"FILE:3: registries[docker.io]: has no setting "mirorrs"; did you mean mirrors?"#
            ),
            ("registries: [docker.io]", "FILE:1: registries: must be a map, not a list"),
            ("peers: [n1]", "FILE:1: peers must be a text, not a list"),
            ("manifests: [/a]", "FILE:1: manifests must be a text, not a list"),
            ("- manifests", "FILE: must hold one map of settings"),
            ("", "FILE: the file is empty: it holds no object"),
            ("a: b\n---\na: b", "FILE: must hold one map of settings"),
        ]
    )
    func refused(text: String, line: String) throws {
        #expect(throws: Refusal(text: line)) { try options(text) }
    }

    struct Change: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout NodeOptions) -> Void
        /// What is in effect afterwards.
        var effect: @Sendable (inout NodeOptions) -> Void
        var summary: String
        var isComplete = true
    }

    @Test(
        "A reload changes what can change while the agent runs, and names the rest",
        arguments: [
            Change(
                testDescription: "nothing",
                change: { _ in },
                effect: { _ in },
                summary: "nothing differs"
            ),
            Change(
                testDescription: "the log's format",
                change: { $0.logFormat = .json },
                effect: { $0.logFormat = .json },
                summary: "log-format in effect"
            ),
            Change(
                testDescription: "log limits",
                change: { $0.logLimits = LogLimits(bytesMax: 7, filesMax: 2) },
                effect: { $0.logLimits = LogLimits(bytesMax: 7, filesMax: 2) },
                summary:
                    "container-log-max-size, container-log-max-files in effect for containers that start from now on"
            ),
            Change(
                testDescription: "the run directory",
                change: {
                    $0.runDirectory = "/r"
                    $0.socket = "/r/podagent.sock"
                },
                effect: { _ in },
                summary: "run-dir, socket NOT in effect before the agent is started again",
                isComplete: false
            ),
            Change(
                testDescription: "registries and credentials",
                change: {
                    $0.registries.hosts["docker.io"] = RegistryConfiguration.Host()
                    $0.registryCredentials = ["/c"]
                },
                effect: {
                    $0.registries.hosts["docker.io"] = RegistryConfiguration.Host()
                    $0.registryCredentials = ["/c"]
                },
                summary: "registry-credentials, registries in effect"
            ),
            Change(
                testDescription: "some of each kind",
                change: {
                    $0.nodeName = "other"
                    $0.backoff.initial = .seconds(1)
                    $0.socketGroup = "users"
                },
                effect: {
                    $0.backoff.initial = .seconds(1)
                    $0.socketGroup = "users"
                },
                summary: "socket-group in effect; restart-backoff in effect for Pods that begin from now on; "
                    + "node-name NOT in effect before the agent is started again",
                isComplete: false
            ),
        ]
    )
    func change(_ expected: Change) {
        let old = NodeOptions()
        var (new, result) = (old, old)
        expected.change(&new)
        expected.effect(&result)
        let change = OptionsChange(from: old, to: new)
        #expect(change.result == result)
        #expect(change.summary == expected.summary)
        #expect(change.isComplete == expected.isComplete)
    }
}

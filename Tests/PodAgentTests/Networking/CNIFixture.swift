import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// Directories of configurations and plugins for one test: the plugins of this system, and shell scripts in their place.
final class CNIFixture {
    let directory: String

    static let systemPlugins = "/usr/lib/cni"
    static let hasPlugins = ["bridge", "host-local", "portmap"].allSatisfy {
        access("\(systemPlugins)/\($0)", X_OK) == 0
    }
    static let needsPlugins: Comment = "needs containernetworking-plugins and iptables in their usual places"
    static let hasFirewall = access("/usr/sbin/iptables", X_OK) == 0

    var flags: [String] { ["--cni-conf-dir", configurations, "--cni-bin-dir", plugins] }
    var configurations: String { "\(directory)/net.d" }
    var plugins: String { "\(directory)/bin" }

    init() throws {
        var template = Array("/tmp/podagent-cni-XXXXXX".utf8CString)
        directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        mkdir(configurations, 0o755)
        mkdir(plugins, 0o755)
        for name in (try? RootedDirectory(hostPath: Self.systemPlugins).entries()) ?? [] {
            symlink("\(Self.systemPlugins)/\(name)", "\(plugins)/\(name)")
        }
    }

    /// A cgroup for plugins that are run without an agent.
    func cgroup(_ uid: String) throws -> PluginCgroup {
        let cgroups = try cgroups ?? Cgroups(name: String(directory.dropFirst("/tmp/".count)))
        self.cgroups = cgroups
        return PluginCgroup(cgroups, pod: uid)
    }

    private var cgroups: Cgroups?

    deinit {
        cgroups?.removeBaseIfEmpty()
        if let leaf = directory.split(separator: "/").last.map(String.init) {
            try? RootedDirectory(hostPath: "/tmp").removeTree(leaf)
        }
    }

    func write(_ path: String, _ text: String, mode: UInt32 = 0o644) throws {
        let root = try RootedDirectory(hostPath: directory)
        let (parent, leaf) = RootedDirectory.split(path)
        try (parent.isEmpty ? root : root.directory(parent))
            .replaceFile(leaf, with: Array(text.utf8), mode: mode)
    }

    /// The network that Debian's documentation would have: a bridge, addresses of its own, ports of the node.
    func describeBridge() throws {
        try write(
            "net.d/10-pods.conflist",
            """
            {"cniVersion": "1.0.0", "name": "pods", "plugins": [
              {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
               "ipam": {"type": "host-local", "dataDir": "\(directory)/leases", "routes": [{"dst": "0.0.0.0/0"}],
                        "ranges": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]]}},
              {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}
            ]}
            """
        )
    }

    /// The addresses that host-local has given away.
    var leases: [String] {
        let entries = (try? RootedDirectory(hostPath: "\(directory)/leases/pods").entries()) ?? []
        return entries.filter { $0.hasPrefix("10.") || $0.hasPrefix("fd00") }
    }

    /// A network whose plugins are scripts: `calls` tells what was asked of them.
    func describeScripts(_ names: String...) throws {
        let plugins = names.map { #"{"type": "\#($0)"}"# }.joined(separator: ", ")
        try write(
            "net.d/10-scripts.conflist",
            #"{"cniVersion": "1.0.0", "name": "scripts", "plugins": [\#(plugins)]}"#
        )
    }

    /// A plugin that answers well to everything, unless `body` ends it before. `$dir` is the fixture's directory.
    func script(_ name: String, _ body: String = "") throws {
        let result =
            #"{"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": "'$CNI_NETNS'"}], "#
            + #""ips": [{"address": "10.9.9.9/24", "interface": 0}]}"#
        try write(
            "bin/\(name)",
            """
            #!/bin/sh
            dir=\(directory)
            cat >$dir/\(name).$CNI_COMMAND.json
            echo "$CNI_COMMAND \(name)${CNI_NETNS:+ in a namespace}" >>$dir/calls
            \(body)
            case $CNI_COMMAND in ADD) echo '\(result)';; esac
            """,
            mode: 0o755
        )
    }

    /// What scripts were asked, in order.
    var calls: [String] { readText("\(directory)/calls").split(separator: "\n").map(String.init) }

    /// What a script was last told by standard input.
    func told(_ name: String, _ command: String) -> Document? {
        JSONReader.read(Array(readText("\(directory)/\(name).\(command).json").utf8)).documents.first
    }
}

import PodCore

/// One setting of `podagent serve`: a flag, and a key of the configuration file. One that is a section has no flag.
struct ServeSetting: Sendable {
    /// Since when a setting that was changed by a reload is in effect.
    enum Effect: Sendable {
        case atOnce
        /// Containers that run keep what they were started with.
        case forNewContainers
        /// Pods keep for life what they were begun with.
        case forNewPods
        /// It names what the agent has built everything on.
        case afterRestart
    }

    /// As the flag has it, without the dashes.
    let name: String
    /// What stands for its value in the help.
    let value: String
    let help: String
    /// What the text must be, for the message when it is not.
    let rule: String
    let effect: Effect
    /// Whether the file has it as a map of texts; a flag then has `KEY=TEXT;KEY=TEXT`.
    let isMap: Bool
    /// Reads a text into the options; false when it is not understood.
    let set: @Sendable (String, inout NodeOptions) -> Bool
    /// What is wrong with a text that is not understood, where there is more to say than the rule.
    let problem: @Sendable (String) -> String?
    /// Reads a section of the file into the options; nil for a setting that is a text.
    let setSection: (@Sendable (Document, inout NodeOptions) throws(ManifestProblem) -> Void)?
    /// Whether two sets of options differ in it.
    let differs: @Sendable (NodeOptions, NodeOptions) -> Bool
    /// Takes it over from other options.
    let copy: @Sendable (NodeOptions, inout NodeOptions) -> Void

    /// - Parameters:
    ///   - property: where it stands in the options.
    ///   - problem: what is wrong with a text, more closely than the rule says.
    ///   - parse: reads a text; nil when it is not understood.
    init<Value: Equatable & Sendable>(
        _ name: String,
        _ value: String,
        _ help: String,
        rule: String,
        effect: Effect = .afterRestart,
        isMap: Bool = false,
        problem: @escaping @Sendable (String) -> String? = { _ in nil },
        _ property: WritableKeyPath<NodeOptions, Value> & Sendable,
        parse: @escaping @Sendable (String) -> Value?
    ) {
        (self.name, self.value, self.help, self.rule, self.effect) = (name, value, help, rule, effect)
        (self.isMap, self.problem) = (isMap, problem)
        set = { text, options in
            guard let value = parse(text) else { return false }
            options[keyPath: property] = value
            return true
        }
        setSection = nil
        differs = { $0[keyPath: property] != $1[keyPath: property] }
        copy = { $1[keyPath: property] = $0[keyPath: property] }
    }

    /// A setting that only the file can have, because it is more than a text. The help of `serve` tells of it in its text.
    ///
    /// - Parameter parse: reads the section; throws the first thing that is wrong with it.
    init<Value: Equatable & Sendable>(
        section name: String,
        effect: Effect,
        _ property: WritableKeyPath<NodeOptions, Value> & Sendable,
        parse: @escaping @Sendable (Document) throws(ManifestProblem) -> Value
    ) {
        (self.name, value, help, rule, self.effect) = (name, "", "", "a map", effect)
        isMap = false
        problem = { _ in nil }
        set = { _, _ in false }
        setSection = { (document, options) throws(ManifestProblem) in
            options[keyPath: property] = try parse(document)
        }
        differs = { $0[keyPath: property] != $1[keyPath: property] }
        copy = { $1[keyPath: property] = $0[keyPath: property] }
    }

    /// Whether it is a flag too.
    var isFlag: Bool { setSection == nil }

    /// Why a text is refused, as the end of a sentence about the setting.
    func refusal(_ text: String) -> String {
        problem(text).map { "is refused: \($0)" } ?? "must be \(rule), not \(text.quoted)"
    }

    /// Whether a text is understood.
    func accepts(_ text: String) -> Bool {
        var options = NodeOptions()
        return set(text, &options)
    }

    /// Texts with commas between; nil unless each is as it must be.
    private static func list(_ text: String, _ isFine: (String) -> Bool) -> [String]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        return parts.allSatisfy(isFine) ? parts : nil
    }

    private static func percent(_ text: String) -> Int? {
        Int(text).flatMap { (0...100).contains($0) ? $0 : nil }
    }

    static func path(
        _ name: String,
        _ help: String,
        _ property: WritableKeyPath<NodeOptions, String> & Sendable
    ) -> ServeSetting {
        ServeSetting(name, "PATH", help, rule: "a path", property) { $0.isEmpty ? nil : $0 }
    }
}

extension ServeSetting {
    static let all: [ServeSetting] = [
        .path("manifests", "The directory whose manifests run; /etc/pods if not given.", \.manifests),
        .path(
            "state-dir",
            "Images, volumes and saved status; /var/lib/podagent if not given.",
            \.stateDirectory
        ),
        .path("run-dir", "Sockets and records of running Pods; /run/podagent if not given.", \.runDirectory),
        .path("log-dir", "What containers print; /var/log/pods if not given.", \.logDirectory),
        .path("socket", "Where clients connect; podagent.sock in --run-dir if not given.", \.socket),
        ServeSetting(
            "socket-group",
            "GROUP",
            "The group that may use the socket; root's if not given.",
            rule: "a group",
            effect: .atOnce,
            \.socketGroup
        ) { $0.isEmpty ? nil : .some($0) },
        ServeSetting(
            "node-name",
            "NAME",
            "The node's name, ends that of each Pod; the host's if not given.",
            rule: "a name of letters, digits, - and ., such as node-1",
            \.nodeName
        ) { $0.isEmpty || NameRules.subdomain($0.lowercased()).isEmpty ? $0 : nil },
        .path("shim", "The podshim program; the one beside podagent if not given.", \.shim),
        ServeSetting(
            "cgroup",
            "NAME",
            "The cgroup for all Pods, below the cgroup2 mount.",
            rule: "a path below the cgroup2 mount, without . and ..",
            \.cgroup
        ) { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            return parts.allSatisfy { !["", ".", ".."].contains($0) && $0.utf8.count <= 255 } ? text : nil
        },
        ServeSetting(
            "pod-cidr",
            "CIDR",
            "The addresses for Pods; if not given, Pods have loopback alone.",
            rule: "a network such as 10.88.0.0/16, or one of each family with a comma between",
            \.podSubnets
        ) { text in
            let subnets = text.split(separator: ",").map { try? Subnet(parsing: String($0)) }
            let found = subnets.compactMap(\.self)
            guard !found.isEmpty, found.count == subnets.count,
                Set(found.map(\.address.width)).count == found.count, found.allSatisfy(\.canBeForPods)
            else { return nil }
            return found
        },
        ServeSetting(
            "bridge",
            "NAME",
            "The bridge that Pods are connected to; podagent0 if not given.",
            rule: "an interface name of at most 15 letters, digits, -, _ and ., beginning with a letter",
            \.bridge
        ) { text in
            guard (1...15).contains(text.utf8.count), let first = text.first, first.isASCII, first.isLetter
            else { return nil }
            return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
                ? text : nil
        },
        .path(
            "cni-conf-dir",
            "Instead of --pod-cidr: where CNI's network is described.",
            \.cniConfigurations
        ),
        .path(
            "cni-bin-dir",
            "CNI's plugins; /opt/cni/bin, else /usr/lib/cni, if not given.",
            \.cniPlugins
        ),
        ServeSetting(
            "peers",
            "NODES",
            "Other nodes, NAME=CIDR via ADDRESS;… or a map in the file.",
            rule: "nodes such as node-2=10.88.2.0/24 via 192.0.2.2, with a semicolon between",
            effect: .atOnce,
            isMap: true,
            problem: { text in
                do throws(Peer.Failure) { _ = try Peer.list(parsing: text) } catch { return "\(error)" }
                return nil
            },
            \.peers
        ) { try? Peer.list(parsing: $0) },
        ServeSetting(
            "backend",
            "BACKEND",
            "The way to other nodes, host-gw or vxlan; host-gw if not given.",
            rule: PeerMap.Backend.allCases.map(\.rawValue).joined(separator: " or "),
            \.backend
        ) { PeerMap.Backend(rawValue: $0) },
        ServeSetting(
            "vxlan-vni",
            "N",
            "The number of the nodes' VXLAN network; 1 if not given.",
            rule: "a number from 0 to 16777215",
            \.vxlan.identifier
        ) { UInt32($0).flatMap { $0 < 1 << 24 ? $0 : nil } },
        ServeSetting(
            "vxlan-port",
            "PORT",
            "The UDP port of VXLAN; 4789 if not given.",
            rule: "a port number from 1 to 65535",
            \.vxlan.port
        ) { UInt16($0).flatMap { $0 > 0 ? $0 : nil } },
        ServeSetting(
            "allowed-unsafe-sysctls",
            "NAMES",
            "Sysctls that Pods may set beside the safe ones.",
            rule: "names such as kernel.msgmax or net.core.* with commas between, of kinds that Pods have to "
                + "themselves: kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*, net.*",
            effect: .forNewPods,
            \.allowedUnsafeSysctls
        ) { list($0, SysctlRules.isPattern) },
        ServeSetting(
            "cluster-domain",
            "DOMAIN",
            "The domain of Pods with a subdomain; cluster.local if not given.",
            rule: "a domain such as cluster.local",
            \.clusterDomain
        ) { NameRules.subdomain($0).isEmpty ? $0 : nil },
        ServeSetting(
            "cluster-dns",
            "ADDRESSES",
            "Name servers of dnsPolicy ClusterFirst; Default if not given.",
            rule: "addresses such as 10.96.0.10 with commas between, at most 3",
            \.clusterDNS
        ) { text in
            list(text) { IPAddress($0) != nil }.flatMap { $0.count <= 3 ? $0 : nil }
        },
        .path("resolv-conf", "The resolv.conf for Pods; the node's own if not given.", \.resolverFile),
        .path(
            "preload-dir",
            "Archives to load at the start; STATE-DIR/preload if not given.",
            \.preloadDirectory
        ),
        ServeSetting(
            "image-gc-high-threshold-percent",
            "N",
            "Disk usage that clears images, 100 is never; 85 if not given.",
            rule: "a whole number from 0 to 100",
            effect: .atOnce,
            \.imageCollection.highPercent
        ) { percent($0) },
        ServeSetting(
            "image-gc-low-threshold-percent",
            "N",
            "Disk usage at which that ends; 80 if not given.",
            rule: "a whole number from 0 to 100",
            effect: .atOnce,
            \.imageCollection.lowPercent
        ) { percent($0) },
        ServeSetting(
            "container-log-max-size",
            "SIZE",
            "When a log file is rotated; 10Mi if not given.",
            rule: "a size such as 10Mi",
            effect: .forNewContainers,
            \.logLimits.bytesMax
        ) { text in
            guard let size = try? Quantity(parsing: text), size.value > 0 else { return nil }
            return Int(clamping: size.value)
        },
        ServeSetting(
            "container-log-max-files",
            "N",
            "Log files kept for a container; 5 if not given.",
            rule: "a number of at least 2",
            effect: .forNewContainers,
            \.logLimits.filesMax
        ) { Int($0).flatMap { $0 >= 2 ? $0 : nil } },
        ServeSetting(
            "restart-backoff",
            "DURATION",
            "The delay before the second restart; 10s if not given.",
            rule: "a duration such as 10s",
            effect: .forNewPods,
            \.backoff.initial
        ) { Duration(parsing: $0).flatMap { $0 > .zero ? $0 : nil } },
        ServeSetting(
            "restart-backoff-max",
            "DURATION",
            "The longest delay before a restart; 300s if not given.",
            rule: "a duration such as 300s",
            effect: .forNewPods,
            \.backoff.maximum
        ) { Duration(parsing: $0).flatMap { $0 > .zero ? $0 : nil } },
        ServeSetting(
            "shutdown-grace-period",
            "DURATION",
            "What Pods get to end as the machine goes down; 60s if not given.",
            rule: "a duration such as 60s",
            effect: .atOnce,
            \.shutdown.total
        ) { Duration(parsing: $0) },
        ServeSetting(
            "shutdown-grace-period-critical-pods",
            "DURATION",
            "Of that, the critical ones, ended last; 10s if not given.",
            rule: "a duration such as 10s",
            effect: .atOnce,
            \.shutdown.critical
        ) { Duration(parsing: $0) },
        ServeSetting(
            "log-format",
            "FORMAT",
            "The agent's own log, as text or json; text if not given.",
            rule: Log.Format.allCases.map(\.rawValue).joined(separator: " or "),
            effect: .atOnce,
            \.logFormat
        ) { Log.Format(rawValue: $0) },
        ServeSetting(
            "registry-credentials",
            "FILES",
            "Docker configurations, beside those in the usual places.",
            rule: "paths that begin with a slash, with commas between",
            effect: .atOnce,
            \.registryCredentials
        ) { list($0) { $0.hasPrefix("/") && !$0.hasSuffix("/") } },
        ServeSetting(
            "max-parallel-image-pulls",
            "N",
            "Images that are pulled at the same time; 3 if not given.",
            rule: "a whole number from 1 to 64",
            effect: .atOnce,
            \.maxParallelImagePulls
        ) { Int($0).flatMap { (1...64).contains($0) ? $0 : nil } },
        ServeSetting(
            section: "registries",
            effect: .atOnce,
            \.registries
        ) { (section) throws(ManifestProblem) in try RegistryConfiguration(section: section) },
    ]
}

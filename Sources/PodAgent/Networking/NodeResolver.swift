import PodCore

/// Where the node's name servers are written down, for its Pods.
struct NodeResolver: Sendable {
    private static let usual = "/etc/resolv.conf"
    /// The servers behind the stub on 127.0.0.53, which no Pod with a network of its own can reach (systemd-resolved(8)).
    private static let behindStub = "/run/systemd/resolve/resolv.conf"

    /// The one that was asked for.
    private let path: String?

    /// A file's content, and which file it was.
    struct Found {
        let path: String
        let configuration: ResolverConfiguration

        /// What to do about servers that Pods cannot reach.
        func problem(_ applied: ResolverConfiguration) -> PodRecord {
            let servers = applied.nameservers.joined(separator: " ")
            return PodRecord(
                .warning,
                "LoopbackNameserver",
                "Pods get \(servers) from \(path) to ask for names, which is the node's loopback and which they cannot "
                    + "reach: name a file with other servers by --resolv-conf, or servers by --cluster-dns"
            )
        }
    }

    /// Fails when the file that was asked for cannot be read. An empty path leaves the choice to the node.
    init(path: String) throws(CommandFailure) {
        self.path = path.isEmpty ? nil : path
        if !path.isEmpty, HostFile.text(path) == nil {
            throw CommandFailure("the file of --resolv-conf, \(path), cannot be read")
        }
    }

    /// What the file says now. Blocks. A node without one has no servers, as resolv.conf(5) does not have it: there nobody
    /// answers on the loopback of a Pod.
    func read() -> Found {
        if let path { return Self.found(path) ?? Found(path: path, configuration: .init()) }
        let usual = Self.found(Self.usual) ?? Found(path: Self.usual, configuration: .init())
        if usual.configuration.isStub, let real = Self.found(Self.behindStub) { return real }
        return usual
    }

    private static func found(_ path: String) -> Found? {
        HostFile.text(path).map { Found(path: path, configuration: ResolverConfiguration(parsing: $0)) }
    }
}

/// A small file of the node's own.
enum HostFile {
    private static let sizeMax = 1 << 20

    /// Its text; nil when there is none that can be read. Links lead where they lead: it is the node that made them.
    static func text(_ path: String) -> String? {
        guard let root = try? RootedDirectory(hostPath: "/"),
            let bytes = try? root.read(String(path.drop { $0 == "/" }), limit: sizeMax)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

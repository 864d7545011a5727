/// How the registries of a node are reached: the `registries` section of the configuration, by host.
public struct RegistryConfiguration: Hashable, Sendable {
    /// What is said of one host, as image names have it: `docker.io`, `registry.example:5000`.
    public struct Host: Hashable, Sendable {
        /// Whether HTTP without TLS is spoken; nil speaks it to loopback addresses alone.
        public var isPlainHTTP: Bool?
        /// A PEM file with the authorities that its certificate is checked against; nil uses the system's.
        public var authoritiesFile: String?
        /// A PEM file with the certificate that the node shows.
        public var certificateFile: String?
        /// A PEM file with that certificate's key; nil when the key stands in ``certificateFile``.
        public var keyFile: String?
        /// Hosts that are asked first, in this order, each perhaps with a path before its repositories:
        /// `mirror.example:5000`, `mirror.example/docker-hub`.
        public var mirrors: [String] = []
        /// Further hosts that credentials may be shown to for a token; see ``WebOrigin/isTrusted(by:tokenHosts:)``.
        public var tokenHosts: [String] = []

        /// A host of which nothing is said.
        public init() {}
    }

    /// By host, with the port if names have one.
    public var hosts: [String: Host] = [:]

    /// No word about any host.
    public init() {}

    /// Where a repository's manifests and blobs may be asked for, in order: the mirrors, then the registry itself.
    public func endpoints(for reference: ImageReference) -> [RegistryEndpoint] {
        let own = RegistryEndpoint(host: reference.domain, repository: reference.path, settings: self)
        return (hosts[reference.domain]?.mirrors ?? []).map { mirror in
            let parts = mirror.split(separator: "/", maxSplits: 1).map(String.init)
            let prefix = parts.count > 1 ? "\(parts[1])/" : ""
            return RegistryEndpoint(
                host: parts.first ?? mirror,
                repository: prefix + reference.path,
                settings: self
            )
        } + [own]
    }
}

/// One place that has a repository, or may have it.
public struct RegistryEndpoint: Hashable, Sendable {
    /// As image names and credentials have it.
    public let host: String
    /// The repository there.
    public let repository: String
    /// What the configuration says of the host.
    public let settings: RegistryConfiguration.Host

    init(host: String, repository: String, settings: RegistryConfiguration) {
        self.host = host
        self.repository = repository
        self.settings = settings.hosts[host] ?? RegistryConfiguration.Host()
    }

    /// Whether requests go without TLS.
    public var isPlainHTTP: Bool { settings.isPlainHTTP ?? Self.isLoopback(host) }

    /// `https://registry-1.docker.io`: scheme, host and port, without a slash at the end.
    public var origin: String {
        // Docker Hub's name in image names is not where its API is.
        let server = host == ImageReference.defaultDomain ? "registry-1.docker.io" : host
        return "\(isPlainHTTP ? "http" : "https")://\(server)"
    }

    /// The start of every URL of the repository: `https://registry-1.docker.io/v2/library/nginx`.
    public var base: String { "\(origin)/v2/\(repository)" }

    /// Whether nobody but this machine answers to the name.
    ///
    /// - Parameter host: As in a URL, or without the brackets of an IPv6 address.
    public static func isLoopback(_ host: String) -> Bool {
        if host == "::1" { return true }
        if host.hasPrefix("[") { return host.hasPrefix("[::1]") }
        let name = host.split(separator: ":").first.map(String.init) ?? host
        if name == "localhost" || name.hasSuffix(".localhost") { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

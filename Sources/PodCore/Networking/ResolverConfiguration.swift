/// The content of a resolv.conf(5) (reference §7.5).
public struct ResolverConfiguration: Hashable, Sendable {
    /// Addresses of name servers, in the order in which they are asked.
    public var nameservers: [String] = []
    /// Domains that are tried behind a short name.
    public var searches: [String] = []
    /// `name` or `name:value`.
    public var options: [String] = []

    /// Limits of the kubelet; what exceeds them is dropped and reported.
    static let nameserversMax = 3
    static let searchesMax = 32
    static let searchMax = 253
    static let searchBytesMax = 2048

    /// Makes an empty configuration.
    public init() {}

    /// Reads a file: nameservers accumulate, a later `search` replaces an earlier one, options are merged by name.
    public init(parsing text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
            guard let keyword = words.first else { continue }
            switch keyword {
            case "nameserver": if words.count > 1 { nameservers.append(words[1]) }
            case "search":
                searches = words.dropFirst().filter { $0 != "." }.map {
                    $0.hasSuffix(".") ? String($0.dropLast()) : $0
                }
            case "options": for option in words.dropFirst() { setOption(option) }
            default: break  // comments, and what resolv.conf(5) knows besides, are the node's own affair
            }
        }
    }

    /// What a Pod's containers get, and the warnings for its events. `node` is what the node's own file says.
    ///
    /// Without a cluster's name servers ClusterFirst means Default, as the kubelet has it; with them the node's own are
    /// not asked, nor its options taken.
    public static func forPod(
        _ pod: Pod,
        node: ResolverConfiguration,
        naming: NodeNaming
    ) -> (ResolverConfiguration, [PodRecord]) {
        var result = base(of: pod, node: node, naming: naming)
        if let wanted = pod.spec.dnsConfig {
            result.add(nameservers: wanted.nameservers, searches: wanted.searches)
            for option in wanted.options {
                result.setOption(
                    option.value.map { $0.isEmpty ? option.name : "\(option.name):\($0)" } ?? option.name
                )
            }
        }
        let records = result.cutToLimits()
        return (result, records)
    }

    private static func base(
        of pod: Pod,
        node: ResolverConfiguration,
        naming: NodeNaming
    ) -> ResolverConfiguration {
        switch pod.spec.dnsPolicy {
        case .none: return ResolverConfiguration()
        case .default: return node
        case .clusterFirst where pod.spec.hostNetwork: return node
        case .clusterFirst, .clusterFirstWithHostNet:
            if naming.clusterDNS.isEmpty { return node }
        }
        let services = "svc.\(naming.clusterDomain)"
        var result = ResolverConfiguration()
        result.add(
            nameservers: naming.clusterDNS,
            searches: ["\(pod.metadata.namespace).\(services)", services, naming.clusterDomain]
                + node.searches
        )
        result.options = ["ndots:5"]
        return result
    }

    /// Whether no server that it names can be reached from a network namespace other than the node's.
    public var isLoopbackOnly: Bool {
        !nameservers.isEmpty
            && nameservers.allSatisfy { server in
                switch IPAddress(server) {
                case .v4(let bits): bits >> 24 == 127
                case .v6(let bits): bits.value == 1
                case nil: false
                }
            }
    }

    /// Whether it leads to systemd-resolved(8) alone, whose servers are in a file of its own.
    public var isStub: Bool {
        !nameservers.isEmpty && nameservers.allSatisfy { $0 == "127.0.0.53" || $0 == "127.0.0.54" }
    }

    private mutating func add(nameservers: [String], searches: [String]) {
        for server in nameservers where !self.nameservers.contains(server) { self.nameservers.append(server) }
        for search in searches where !self.searches.contains(search) { self.searches.append(search) }
    }

    private mutating func setOption(_ option: String) {
        let name = option.split(separator: ":", maxSplits: 1).first ?? ""
        options.removeAll { ($0.split(separator: ":", maxSplits: 1).first ?? "") == name }
        options.append(option)
    }

    private mutating func cutToLimits() -> [PodRecord] {
        var records: [PodRecord] = []
        if nameservers.count > Self.nameserversMax {
            nameservers.removeLast(nameservers.count - Self.nameserversMax)
            records.append(
                PodRecord(
                    .warning,
                    "DNSConfigForming",
                    "Nameserver limits were exceeded, some nameservers have been omitted, "
                        + "the applied nameserver line is: \(nameservers.joined(separator: " "))"
                )
            )
        }
        let wanted = searches.count
        searches.removeAll { $0.utf8.count > Self.searchMax }
        searches = Array(searches.prefix(Self.searchesMax))
        while searches.joined(separator: " ").utf8.count > Self.searchBytesMax { searches.removeLast() }
        if searches.count < wanted {
            records.append(
                PodRecord(
                    .warning,
                    "DNSConfigForming",
                    "Search Line limits were exceeded, some search paths have been omitted, "
                        + "the applied search line is: \(searches.joined(separator: " "))"
                )
            )
        }
        return records
    }

    /// The file.
    public var text: String {
        var lines: [String] = []
        if !searches.isEmpty { lines.append("search " + searches.joined(separator: " ")) }
        lines += nameservers.map { "nameserver \($0)" }
        if !options.isEmpty { lines.append("options " + options.joined(separator: " ")) }
        return lines.map { $0 + "\n" }.joined()
    }
}

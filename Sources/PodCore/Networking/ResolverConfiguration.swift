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

    /// What a Pod's containers get, and the warnings for its events.
    ///
    /// There is no cluster DNS on a node without a cluster, so ClusterFirst means Default, as the kubelet has it.
    public static func forPod(_ pod: Pod, node: ResolverConfiguration) -> (ResolverConfiguration, [PodRecord])
    {
        var result = pod.spec.dnsPolicy == .none ? ResolverConfiguration() : node
        var records: [PodRecord] = []
        if let wanted = pod.spec.dnsConfig {
            for server in wanted.nameservers where !result.nameservers.contains(server) {
                result.nameservers.append(server)
            }
            for search in wanted.searches where !result.searches.contains(search) {
                result.searches.append(search)
            }
            for option in wanted.options {
                result.setOption(
                    option.value.map { $0.isEmpty ? option.name : "\(option.name):\($0)" } ?? option.name
                )
            }
        }
        records += result.cutToLimits()
        return (result, records)
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

import PodCore

@testable import PodAgent

/// What a node's network has of its Pods, beside what its agent tells: the links of those that have a sandbox and no
/// others, what the firewall has of these and nothing else, and no address twice.
struct NetworkAudit {
    let node: TestNode
    let told: [Pod]

    /// One sentence each.
    func differences() -> [String] {
        let standing = told.filter(NodeAudit.hasSandbox)
        var found: [String] = []
        let addresses = standing.flatMap { $0.status.podIPs.map(\.ip) }
        if Set(addresses).count != addresses.count { found.append("an address is told twice: \(addresses)") }
        for pod in standing where pod.status.podIPs.count != 2 {
            found.append("\(pod.metadata.name) has the addresses \(pod.status.podIPs.map(\.ip))")
        }
        let links = lines("ip", "-o", "link", "show", "master", "podagent0").map { line in
            String(line.split(separator: " ")[1].prefix { $0 != "@" })
        }
        let wanted = standing.map { NodeNetwork.linkName($0) }
        if links.sorted() != wanted.sorted() {
            found.append("the bridge has \(links), for Pods with \(wanted)")
        }
        let rules = lines("nft", "list", "ruleset").joined(separator: "\n")
        for (pattern, expected) in [
            (
                #/"(?<link>pod[0-9a-f]+)" \. 0a:58:[0-9a-f:]+ \. (?<address>10\.88\.0\.[0-9]+)/#,
                fourths(standing)
            ),
            (#/tcp \. (?<link>[0-9]+) : (?<address>10\.88\.0\.[0-9]+) \. 80/#, forwards(standing)),
        ] {
            let listed = Set(rules.matches(of: pattern).map { "\($0.output.link) \($0.output.address)" })
            let differing = listed.symmetricDifference(expected)
            if !differing.isEmpty { found.append("the firewall and the Pods differ in \(differing)") }
        }
        return found
    }

    private func fourths(_ pods: [Pod]) -> Set<String> {
        Set(pods.map { "\(NodeNetwork.linkName($0)) \($0.status.podIP)" })
    }

    private func forwards(_ pods: [Pod]) -> Set<String> {
        Set(pods.flatMap { pod in pod.spec.hostPorts.map { "\($0.port) \(pod.status.podIP)" } })
    }

    private func lines(_ command: String...) -> [Substring] {
        let outcome = try? Subprocess.run(node.inNetwork(command), scratch: "\(node.directory)/scratch")
        return outcome?.output.split(separator: "\n") ?? []
    }
}

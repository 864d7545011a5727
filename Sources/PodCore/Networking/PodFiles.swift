/// The small files that every container of a Pod finds in /etc.
public enum PodFiles {
    /// /etc/hosts (reference §7.4). `nodeHosts` is the node's own file, used with `hostNetwork`; `addresses` are the
    /// Pod's, none while it has loopback alone.
    public static func hosts(
        of pod: Pod,
        hostname: PodHostname,
        addresses: [String],
        nodeHosts: String
    ) -> String {
        var text: String
        if pod.spec.hostNetwork {
            text = "# Kubernetes-managed hosts file (host network).\n" + nodeHosts
            if !text.hasSuffix("\n") { text += "\n" }
        } else {
            text = """
                # Kubernetes-managed hosts file.
                127.0.0.1\tlocalhost
                ::1\tlocalhost ip6-localhost ip6-loopback
                fe00::0\tip6-localnet
                fe00::0\tip6-mcastprefix
                fe00::1\tip6-allnodes
                fe00::2\tip6-allrouters

                """
            // A Pod without an address can still find itself by name, as on any machine that is not on a network.
            for address in addresses.isEmpty ? ["127.0.0.1"] : addresses {
                text += line([address] + hostname.aliases)
            }
        }
        guard !pod.spec.hostAliases.isEmpty else { return text }
        text += "\n# Entries added by HostAliases.\n"
        for alias in pod.spec.hostAliases { text += line([alias.ip] + alias.hostnames) }
        return text
    }

    private static func line(_ words: [String]) -> String { words.joined(separator: "\t") + "\n" }
}

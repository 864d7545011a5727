/// The small files that every container of a Pod finds in /etc.
public enum PodFiles {
    /// The kernel host name (reference §7.3): the node's with `hostNetwork`, else the Pod's wish or its name, cut to 63
    /// bytes without a trailing `-` or `.`.
    public static func hostname(of pod: Pod, node: String) -> String {
        if pod.spec.hostNetwork { return node }
        var name = pod.spec.hostname.isEmpty ? pod.metadata.name : pod.spec.hostname
        guard name.utf8.count > 63 else { return name }
        name = String(decoding: name.utf8.prefix(63), as: UTF8.self)
        while let last = name.last, last == "-" || last == "." { name.removeLast() }
        return name
    }

    /// /etc/hosts (reference §7.4). `nodeHosts` is the node's own file, used with `hostNetwork`; `addresses` are the
    /// Pod's, none while it has loopback alone.
    public static func hosts(of pod: Pod, hostname: String, addresses: [String], nodeHosts: String) -> String
    {
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
                text += "\(address)\t\(hostname)\n"
            }
        }
        guard !pod.spec.hostAliases.isEmpty else { return text }
        text += "\n# Entries added by HostAliases.\n"
        for alias in pod.spec.hostAliases {
            text += ([alias.ip] + alias.hostnames).joined(separator: "\t") + "\n"
        }
        return text
    }
}

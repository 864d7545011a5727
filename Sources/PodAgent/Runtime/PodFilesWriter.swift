import Glibc
import PodCore

/// Writes the files that the Pod's containers find in /etc, into the Pod's state directory. Blocks.
struct PodFilesWriter: Sendable {
    let pod: Pod
    let directories: NodeDirectories
    let nodeName: String
    /// The Pod's own.
    var addresses: [String]

    /// The warnings are for the Pod's events.
    func write() throws -> [PodRecord] {
        let root = try directories.podState(pod.metadata.uid)
        let hostname = PodFiles.hostname(of: pod, node: nodeName)
        let hosts = PodFiles.hosts(
            of: pod,
            hostname: hostname,
            addresses: addresses,
            nodeHosts: nodeFile("etc/hosts")
        )
        let node = ResolverConfiguration(parsing: nodeFile("etc/resolv.conf"))
        let (resolver, records) = ResolverConfiguration.forPod(pod, node: node)
        let files = [("etc-hosts", hosts), ("hostname", hostname + "\n"), ("resolv.conf", resolver.text)]
        for (name, text) in files { try root.replaceFile(name, with: Array(text.utf8), mode: 0o644) }
        return records
    }

    /// A file of the node's own; a node without it has empty ones.
    private func nodeFile(_ path: String) -> String {
        guard let root = try? RootedDirectory(hostPath: "/"), let bytes = try? root.read(path, limit: 1 << 20)
        else {
            return ""
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

import Glibc
import PodCore

/// Writes the files that the Pod's containers find in /etc, into the Pod's state directory. Blocks.
struct PodFilesWriter: Sendable {
    let pod: Pod
    let directories: NodeDirectories
    let naming: NodeNaming
    let resolver: NodeResolver
    /// The Pod's own.
    var addresses: [String]

    /// What is to be told of it.
    struct Outcome: Sendable {
        /// Warnings for the Pod's events.
        var records: [PodRecord]
        /// What is wrong with the node's own name servers, if Pods get them.
        var resolverProblem: PodRecord?
    }

    func write() throws -> Outcome {
        let root = try directories.podState(pod.metadata.uid)
        let hostname = PodHostname(of: pod, on: naming)
        let hosts = PodFiles.hosts(
            of: pod,
            hostname: hostname,
            addresses: addresses,
            nodeHosts: HostFile.text("/etc/hosts") ?? ""
        )
        let node = resolver.read()
        let (resolver, records) = ResolverConfiguration.forPod(pod, node: node.configuration, naming: naming)
        let files = [
            ("etc-hosts", hosts), ("hostname", hostname.kernel + "\n"), ("resolv.conf", resolver.text),
        ]
        for (name, text) in files { try root.replaceFile(name, with: Array(text.utf8), mode: 0o644) }
        let isOutOfReach = resolver.isLoopbackOnly && !pod.spec.hostNetwork && !addresses.isEmpty
        return Outcome(records: records, resolverProblem: isOutOfReach ? node.problem(resolver) : nil)
    }
}

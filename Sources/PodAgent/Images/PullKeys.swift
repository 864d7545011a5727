import PodCore

/// The credentials that there are for registries: those of a Pod, before those of the node.
struct PullKeys: Sendable {
    /// What the Secrets say that the Pod names.
    var ofPod: [DockerConfiguration] = []
    /// Where the node's own are, which are read for each pull; nil when they do not count.
    var ofNode: NodeCredentials?

    /// What may be shown to a registry, in the order in which it is tried. (A kubelet tries the node's first; but a Pod
    /// that brings its own means them.) Blocks: the node's are read from their files.
    ///
    /// - Returns: for each endpoint, the credentials; and what is wrong with the node's files, a line each.
    func offers() -> (to: @Sendable (RegistryEndpoint) -> [OfferedCredential], problems: [String]) {
        let (ofNode, problems) = ofNode?.configurations() ?? ([], [])
        let ofPod = ofPod
        let offers: @Sendable (RegistryEndpoint) -> [OfferedCredential] = { endpoint in
            let own = endpoint.credentials(in: ofPod).map { OfferedCredential(credential: $0, isOfPod: true) }
            let nodes = endpoint.credentials(in: ofNode)
                .map { OfferedCredential(credential: $0, isOfPod: false) }
            return own + nodes
        }
        return (offers, problems)
    }

    /// Whether the Pod has one of the credentials that have opened an image before.
    func open(
        _ access: [String]?,
        of reference: ImageReference,
        _ configuration: RegistryConfiguration
    ) -> Bool {
        guard let access else { return true }
        return configuration.endpoints(for: reference)
            .flatMap { $0.credentials(in: ofPod) }
            .contains { access.contains($0.fingerprint) }
    }
}

extension RegistryEndpoint {
    fileprivate func credentials(in configurations: [DockerConfiguration]) -> [RegistryCredential] {
        configurations.flatMap { $0.credentials(host: host, repository: repository) }
    }
}

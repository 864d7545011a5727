import PodCore

/// The credentials that there are for registries: those of a Pod, before those of the node.
struct PullKeys: Sendable {
    /// What a set of docker configurations has for a repository at a host, the best match first.
    typealias Lookup = @Sendable (_ host: String, _ repository: String) -> [RegistryCredential]

    var ofPod: Lookup = { _, _ in [] }
    /// Reads files, and so blocks.
    var ofNode: Lookup = { _, _ in [] }

    /// What may be shown to a registry, in the order in which it is tried. (reference §13.4: the node's come first there; a
    /// Pod that brings its own means them.)
    func offered(to endpoint: RegistryEndpoint) -> [OfferedCredential] {
        let own = ofPod(endpoint.host, endpoint.repository).map {
            OfferedCredential(credential: $0, isOfPod: true)
        }
        let nodes = ofNode(endpoint.host, endpoint.repository)
            .map { OfferedCredential(credential: $0, isOfPod: false) }
        return own + nodes
    }

    /// Whether the Pod has one of the credentials that have opened an image before.
    func open(_ access: [String]?, of reference: ImageReference, _ configuration: RegistryConfiguration)
        -> Bool
    {
        guard let access else { return true }
        return configuration.endpoints(for: reference)
            .flatMap { ofPod($0.host, $0.repository) }
            .contains { access.contains($0.fingerprint) }
    }
}

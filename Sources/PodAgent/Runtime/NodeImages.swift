import PodCore

/// An image as a container start needs it.
struct NodeImage: Sendable {
    /// As the status names it.
    var name: String
    /// As the status tells it from others: `docker.io/library/busybox@sha256:…`.
    var id: String
    /// The digest of its config, or `rootfs:…`: what the store calls it, whatever names it has.
    var configID: String
    /// Fingerprints of the Pods' credentials that have opened it; nil when every Pod may use it.
    var access: [String]?
    var config: ImageConfig
    var root: ContainerLaunch.Root
    var accounts: AccountFiles

    /// Whether it is a directory of the node's, which no registry knows.
    var isDirectory: Bool {
        if case .directory = root { return true }
        return false
    }
    /// Keeps it from being removed; nil for what no store can remove.
    var hold: ImageHold?
}

/// Where images come from. To find one blocks and belongs on a worker.
protocol ImageProvider: Sendable {
    /// The image for a container of the Pod, which counts as its use. Nil when it is not on the node. Throws a
    /// ``StartFailure`` for a reference that cannot be read.
    func image(_ reference: String, for pod: PodKey) throws -> NodeImage?

    /// Keeps an image that an earlier agent started a container of the Pod from, by the ID that its hold had.
    func hold(_ id: String, for pod: PodKey) -> ImageHold
}

extension ImageProvider {
    /// As ``image(_:for:)``; nil also when it was opened with credentials of another Pod that this one does not have.
    func image(
        _ reference: String,
        for pod: PodKey,
        with keys: PullKeys,
        _ registries: RegistryConfiguration
    ) throws -> NodeImage? {
        guard let image = try image(reference, for: pod) else { return nil }
        guard image.access != nil, let name = try? ImageReference(parsing: reference) else { return image }
        return keys.open(image.access, of: name, registries) ? image : nil
    }
}

/// Why a container was not created: what its status shows.
struct StartFailure: Error {
    var waiting: Waiting
}

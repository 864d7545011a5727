import PodCore

/// An image as a container start needs it.
struct NodeImage: Sendable {
    /// As the status names it.
    var name: String
    var id: String
    var config: ImageConfig
    var root: ContainerLaunch.Root
    var accounts: AccountFiles
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

/// Why a container was not created: what its status shows.
struct StartFailure: Error {
    var waiting: Waiting
}

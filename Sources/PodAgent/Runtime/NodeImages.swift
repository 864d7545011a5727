import PodCore

/// An image as a container start needs it.
struct NodeImage: Sendable {
    /// As the status names it.
    var name: String
    var id: String
    var config: ImageConfig
    var root: ContainerLaunch.Root
    var accounts: AccountFiles
}

/// Where images come from. Blocks; belongs on a worker.
protocol ImageProvider: Sendable {
    /// Nil when the image is not on the node. Throws a ``StartFailure`` for a reference that cannot be read.
    func image(_ reference: String) throws -> NodeImage?
}

/// Why a container was not created: what its status shows.
struct StartFailure: Error {
    var waiting: Waiting
}

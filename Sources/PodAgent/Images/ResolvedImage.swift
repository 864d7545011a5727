import PodCore

/// An image that a container can be started from.
struct ResolvedImage: Hashable, Sendable {
    /// What becomes the container's lower, read-only root.
    enum Root: Hashable, Sendable {
        /// Directories for overlayfs, highest first, relative to ``ImageStore/layersPath``. Never empty.
        case layers([String])
        /// A directory of the host, given as `rootfs:`.
        case directory(path: String)
    }

    /// The name as the container's status shows it: `docker.io/library/busybox:1.36`.
    let name: String
    /// `imageID` as the container's status shows it: `docker.io/library/busybox@sha256:…`, or `sha256:…` when the
    /// image came without a manifest.
    let imageID: String
    /// What ``ImageStore/remove(_:inUse:)`` calls it: the digest of its config, or `rootfs:…`.
    let id: String
    /// Fingerprints of the Pods' credentials that have opened it; nil when every Pod may use it.
    var access: [String]?
    /// What the image says of how to run it.
    let config: ImageConfig
    let root: Root
    /// ``ImageStore/layersPath``.
    let layersPath: String
}

/// An image in the store's list.
struct StoredImage: Hashable, Sendable {
    /// The digest of its config.
    let id: String
    /// Its names, sorted. None when another image has taken over the last of them.
    let names: [String]
    /// `repository@digest` for each name whose manifest is known, sorted.
    let digests: [String]
    /// What its layers' files amount to, in bytes; layers that other images share count in full.
    let size: Int64
    /// Its layers by digest, with the bytes of each.
    let layers: [String: Int64]
    /// When it was made, if it says so.
    let created: Timestamp?
    /// When it came into the store.
    let loaded: Timestamp?
    /// When a container last ran from it, within minutes; nil if none ever did.
    let lastUsed: Timestamp?
    /// Those of its names that are pinned, sorted.
    let pinnedNames: [String]
    /// The archives because of which it is pinned, sorted.
    let archives: [String]

    var isPinned: Bool { !pinnedNames.isEmpty || !archives.isEmpty }
}

/// What a load has brought.
struct LoadedImage: Hashable, Sendable {
    let name: String
    let id: String
    let imageID: String
    let size: Int64
    let layers: Int
    /// How many of the layers the store did not have.
    let newLayers: Int
    /// What was left out of the image, one sentence each.
    let warnings: [String]
}

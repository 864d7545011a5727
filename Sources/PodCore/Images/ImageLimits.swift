/// How much an image may ask of the node before it is refused.
public struct ImageLimits: Hashable, Sendable, Codable {
    /// The size of an index, a manifest or a config, in bytes.
    public var documentBytes = 4 << 20
    /// How deep objects and arrays nest in such a document.
    public var documentNesting = 64
    /// How many indexes lie in one another.
    public var indexDepth = 4
    /// The layers of one image. The names of this many fit into the options of one overlay mount.
    public var layers = 127
    /// What one layer expands to, in bytes: the tar stream, and the sizes of its files with their holes.
    public var layerBytes: Int64 = 64 << 30
    /// The entries of one layer.
    public var layerEntries = 1_000_000
    /// The length of a name in a layer, in bytes (`PATH_MAX`).
    public var nameBytes = 4096
    /// The directories that a name in a layer may go down.
    public var depth = 256
    /// The extended attributes of one entry of a layer.
    public var entryAttributes = 256
    /// The entries of an image archive.
    public var archiveEntries = 10_000
    /// The images of one source, and the names of one image.
    public var images = 256
    /// The configs of all images of one source together, in bytes.
    public var configBytes = 64 << 20

    /// The defaults.
    public init() {}
}

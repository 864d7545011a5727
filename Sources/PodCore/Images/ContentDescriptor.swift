/// What an index or a manifest says of a blob: its kind, digest and size. (OCI image specification, "Descriptors".)
public struct ContentDescriptor: Hashable, Sendable {
    /// The media type; empty when the document leaves it out.
    public let mediaType: String
    /// The digest that the blob must have.
    public let digest: Digest
    /// The size that the blob must have, in bytes.
    public let size: Int64
    /// Which machines the manifest is for, in an index.
    public let platform: Platform?
    /// Free text by key; names of images are found here.
    public let annotations: [String: String]

    /// Validates a descriptor as it stands in a document. Its `urls` are never followed and so do not come here.
    public init(
        mediaType: String?,
        digest: String?,
        size: Int64?,
        platform: Platform? = nil,
        annotations: [String: String]? = nil
    ) throws(ImageDocumentFailure) {
        guard let digest else { throw .missing("digest of a descriptor") }
        guard let size else { throw .missing("size of \(digest)") }
        guard size >= 0 else { throw .negativeSize(digest: digest) }
        do {
            self.digest = try Digest(parsing: digest)
        } catch {
            throw .digest(digest, error)
        }
        self.mediaType = mediaType ?? ""
        self.size = size
        self.platform = platform
        self.annotations = annotations ?? [:]
    }

    /// Attestations of build tools stand in indexes beside images and are not images.
    public var isAttestation: Bool {
        annotations["vnd.docker.reference.type"] != nil
            || platform.map { $0.os == "unknown" && $0.architecture == "unknown" } ?? false
    }
}

/// The media types that are understood, by what they are.
public enum ImageMediaType {
    static let indexes: Set = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
    static let manifests: Set = [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
    static let configs: Set = [
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    ]
    private static let ownLayers: Set = [
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar",
    ]
    private static let foreignLayers: Set = [
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ]
    private static let compressions = ["+gzip", ".gzip", "+zstd", ".zstd"]

    /// A tar archive, plain or compressed with gzip or zstd. Which of these it is, its first bytes decide.
    static func isLayer(_ type: String) -> Bool {
        ownLayers.contains(withoutCompression(type)) || isForeignLayer(type)
    }

    /// A layer that registries do not keep: whoever wants it is to fetch it from the places that its descriptor names.
    public static func isForeignLayer(_ type: String) -> Bool {
        foreignLayers.contains(withoutCompression(type))
    }

    private static func withoutCompression(_ type: String) -> String {
        let suffix = compressions.first { type.hasSuffix($0) } ?? ""
        return String(type.dropLast(suffix.count))
    }
}

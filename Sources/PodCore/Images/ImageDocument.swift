/// An index: the manifests of one image for several platforms, or the images of a layout.
public struct ImageIndex: Hashable, Sendable {
    /// What it lists, in its order, without attestations.
    public let manifests: [ContentDescriptor]
}

/// A manifest: one image for one platform.
public struct ImageManifest: Hashable, Sendable {
    /// The blob with the image's configuration.
    public let config: ContentDescriptor
    /// The layers' blobs, lowest first.
    public let layers: [ContentDescriptor]
}

/// A document that a descriptor led to: an index or a manifest, and never something that could pass for both.
public enum ImageDocument: Hashable, Sendable {
    /// Several images.
    case index(ImageIndex)
    /// One image.
    case manifest(ImageManifest)

    /// The members of such a document that matter, as they were read. A member that is absent is nil.
    public struct Members: Sendable {
        /// Always 2.
        public var schemaVersion: Int?
        /// What the document says that it is.
        public var mediaType: String?
        /// An index has these.
        public var manifests: [ContentDescriptor]?
        /// A manifest has this.
        public var config: ContentDescriptor?
        /// A manifest has these.
        public var layers: [ContentDescriptor]?
        /// Docker's first schema has these; it is no longer understood anywhere.
        public var hasSchema1Layers = false

        /// A document without members.
        public init() {}
    }

    /// Decides which of the two a document is.
    ///
    /// - Parameters:
    ///   - members: What was read.
    ///   - described: The media type in the descriptor that led here; empty when there was none.
    /// - Throws: Also when the document could be read as both, since tools would then disagree on what the same
    ///   digest runs (GHSA-5j5w-g665-5m35).
    public init(
        _ members: Members,
        described: String = "",
        limits: ImageLimits = ImageLimits()
    ) throws(ImageDocumentFailure) {
        guard !members.hasSchema1Layers, members.schemaVersion != 1 else { throw .schema1 }
        guard members.schemaVersion == 2 else { throw .missing("schemaVersion 2") }
        let looksLikeManifest = members.config != nil || members.layers != nil
        if let manifests = members.manifests {
            guard !looksLikeManifest else { throw .ambiguous }
            try Self.require(ImageMediaType.indexes, of: members, described)
            self = .index(ImageIndex(manifests: manifests.filter { !$0.isAttestation }))
            return
        }
        guard let config = members.config else {
            throw looksLikeManifest ? .missing("config of the manifest") : .neither
        }
        guard let layers = members.layers else { throw .missing("layers of the manifest") }
        try Self.require(ImageMediaType.manifests, of: members, described)
        guard ImageMediaType.configs.contains(config.mediaType) else {
            throw .notAnImage(mediaType: config.mediaType)
        }
        guard layers.count <= limits.layers else { throw .tooManyLayers(layers.count, limit: limits.layers) }
        for layer in layers where !ImageMediaType.isLayer(layer.mediaType) {
            throw .layerMediaType(layer.mediaType)
        }
        self = .manifest(ImageManifest(config: config, layers: layers))
    }

    /// Both the document and the descriptor may say what the document is; neither may contradict what it turned out
    /// to be.
    private static func require(
        _ allowed: Set<String>,
        of members: Members,
        _ described: String
    ) throws(ImageDocumentFailure) {
        for claimed in [members.mediaType ?? "", described] where !claimed.isEmpty {
            guard allowed.contains(claimed) else { throw .mediaType(claimed) }
        }
        if let own = members.mediaType, !own.isEmpty, !described.isEmpty, own != described {
            throw .mediaType(own)
        }
    }
}

/// Why a document of an image is refused.
public enum ImageDocumentFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not JSON, or a member of the wrong type. The text is the parser's.
    case syntax(String)
    /// Longer than ``ImageLimits/documentBytes``.
    case tooLong(limit: Int)
    /// Nests deeper than ``ImageLimits/documentNesting``.
    case tooDeep(limit: Int)
    /// Something that it must have is absent.
    case missing(String)
    /// A digest that is none.
    case digest(String, DigestFailure)
    /// A blob of less than no bytes.
    case negativeSize(digest: String)
    /// Could be read as an index and as a manifest.
    case ambiguous
    /// Neither an index nor a manifest.
    case neither
    /// Docker's first schema.
    case schema1
    /// A media type that contradicts what the document is.
    case mediaType(String)
    /// A manifest of something other than a container image.
    case notAnImage(mediaType: String)
    /// A layer that is not a tar archive.
    case layerMediaType(String)
    /// More layers than ``ImageLimits/layers``.
    case tooManyLayers(Int, limit: Int)
    /// As many layers as digests of unpacked layers must be listed.
    case layerCount(layers: Int, diffIDs: Int)
    /// A config for another machine.
    case platform(Platform, host: Platform)
    /// A string that goes to execve(2) and has a NUL in it.
    case nul(member: String)

    /// A predicate; the subject is put before it by whoever knows which document it is.
    public var description: String {
        switch self {
        case .syntax(let text): "is not valid JSON: \(text)"
        case .tooLong(let limit): "is longer than \(limit) bytes"
        case .tooDeep(let limit): "nests more than \(limit) levels deep"
        case .missing(let what): "lacks the \(what)"
        case .digest(let text, let failure): "has the digest \(String(reflecting: text)): \(failure)"
        case .negativeSize(let digest): "gives \(String(reflecting: digest)) a negative size"
        case .ambiguous: "could be read as an index and as a manifest"
        case .neither: "is neither an index nor a manifest"
        case .schema1: "is a Docker manifest of schema 1; save the image again with a current tool"
        case .mediaType(let type): "has the contradictory media type \(String(reflecting: type))"
        case .notAnImage(let type):
            "is not a container image but has a config of type \(String(reflecting: type))"
        case .layerMediaType(let type):
            "has a layer of type \(String(reflecting: type)), which is not a tar archive"
        case .tooManyLayers(let count, let limit): "has \(count) layers; \(limit) are allowed"
        case .layerCount(let layers, let diffIDs): "has \(layers) layers but lists \(diffIDs) diff_ids"
        case .platform(let image, let host): "is for \(image); this node is \(host)"
        case .nul(let member): "has a NUL byte in \(member)"
        }
    }
}

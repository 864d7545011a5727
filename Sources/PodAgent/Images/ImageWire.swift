import FoundationEssentials
import PodCore

/// The JSON of indexes, manifests and configs as it stands in blobs. Whatever is absent is nil; PodCore judges.
enum ImageWire {
    struct Document: Decodable {
        var schemaVersion: Int?
        var mediaType: String?
        var manifests: [Descriptor]?
        var config: Descriptor?
        var layers: [Descriptor]?
        var fsLayers: [Ignored]?
    }

    struct Descriptor: Decodable {
        var mediaType: String?
        var digest: String?
        var size: Int64?
        var platform: Platform?
        var annotations: [String: String]?
    }

    struct Platform: Decodable {
        var os: String?
        var architecture: String?
        var variant: String?
    }

    /// Something whose being there is all that matters.
    struct Ignored: Decodable { init(from decoder: any Decoder) {} }

    struct Configuration: Decodable {
        struct Run: Decodable {
            var User: String?
            var Env: [String]?
            var Entrypoint: [String]?
            var Cmd: [String]?
            var WorkingDir: String?
            var StopSignal: String?
            var Labels: [String: String]?
        }

        struct Root: Decodable {
            var type: String?
            var diff_ids: [String]?
        }

        var os: String?
        var architecture: String?
        var variant: String?
        var created: String?
        var config: Run?
        var rootfs: Root?
    }

    /// One image in the `manifest.json` of a docker-archive.
    struct Saved: Decodable {
        var Config: String?
        var RepoTags: [String]?
        var Layers: [String]?
    }

    /// Decodes JSON that a stranger wrote.
    static func decode<Value: Decodable>(
        _ type: Value.Type,
        from bytes: [UInt8],
        limits: ImageLimits
    ) throws(ImageDocumentFailure) -> Value {
        guard bytes.count <= limits.documentBytes else { throw .tooLong(limit: limits.documentBytes) }
        guard JSONNesting.depth(of: bytes) <= limits.documentNesting else {
            throw .tooDeep(limit: limits.documentNesting)
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw .syntax(sentence(of: error))
        } catch {
            throw .syntax(printable("\(error)"))
        }
    }

    private static func sentence(of error: DecodingError) -> String {
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
            .dataCorrupted(let found):
            context = found
        @unknown default: return "it cannot be decoded"
        }
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return printable((path.isEmpty ? "" : "\(path): ") + context.debugDescription)
    }
}

extension ImageDocument {
    /// Reads an index or a manifest. `described` is the media type in the descriptor that led to it.
    init(json bytes: [UInt8], described: String, limits: ImageLimits) throws(ImageDocumentFailure) {
        let wire = try ImageWire.decode(ImageWire.Document.self, from: bytes, limits: limits)
        var members = Members()
        members.schemaVersion = wire.schemaVersion
        members.mediaType = wire.mediaType
        members.manifests = try Self.validated(wire.manifests)
        members.config = try wire.config?.validated()
        members.layers = try Self.validated(wire.layers)
        members.hasSchema1Layers = wire.fsLayers != nil
        try self.init(members, described: described, limits: limits)
    }

    private static func validated(
        _ descriptors: [ImageWire.Descriptor]?
    ) throws(ImageDocumentFailure) -> [ContentDescriptor]? {
        guard let descriptors else { return nil }
        var validated: [ContentDescriptor] = []
        for descriptor in descriptors { validated.append(try descriptor.validated()) }
        return validated
    }
}

extension ImageWire.Descriptor {
    fileprivate func validated() throws(ImageDocumentFailure) -> ContentDescriptor {
        try ContentDescriptor(
            mediaType: mediaType,
            digest: digest,
            size: size,
            platform: platform.map {
                Platform(os: $0.os ?? "", architecture: $0.architecture ?? "", variant: $0.variant)
            },
            annotations: annotations
        )
    }
}

extension ImageConfiguration {
    /// Reads a config blob.
    init(json bytes: [UInt8], limits: ImageLimits) throws(ImageDocumentFailure) {
        let wire = try ImageWire.decode(ImageWire.Configuration.self, from: bytes, limits: limits)
        let run = wire.config
        let config = ImageConfig(
            entrypoint: run?.Entrypoint ?? [],
            cmd: run?.Cmd ?? [],
            env: run?.Env ?? [],
            workingDir: run?.WorkingDir ?? "",
            user: run?.User ?? "",
            stopSignal: run?.StopSignal ?? "",
            labels: run?.Labels ?? [:]
        )
        let os = wire.os ?? ""
        let architecture = wire.architecture ?? ""
        try self.init(
            config: config,
            // Images of hand-made tars often say nothing.
            platform: architecture.isEmpty
                ? nil
                : Platform(os: os.isEmpty ? "linux" : os, architecture: architecture, variant: wire.variant),
            created: wire.created.flatMap(Self.created),
            rootType: wire.rootfs?.type,
            diffIDs: wire.rootfs?.diff_ids
        )
    }

    /// An unreadable date, or one that 64 bits of nanoseconds do not reach, is as good as none.
    private static func created(_ text: String) -> Timestamp? {
        guard let year = Int(text.prefix(4)), (1700...2200).contains(year) else { return nil }
        return Timestamp(rfc3339: text)
    }
}

import PodCore

/// Goes down from an index or a manifest to the image for this machine, wherever the documents are kept.
struct ImageDescent {
    /// What a document is; registries keep them apart.
    enum Kind {
        case manifest
        case config
    }

    let host: Platform
    let limits: ImageLimits
    /// What the source has for a descriptor, not yet judged.
    let fetch: (ContentDescriptor, Kind) throws(SourceProblem) -> [UInt8]

    /// The image that a descriptor leads to, which is what its names stand for.
    func image(at target: ContentDescriptor, names: [ImageReference]) throws(SourceProblem) -> ListedImage {
        let image = try image(at: target, target: target.digest, names: names, depth: 1)
        for name in names {
            if let digest = name.digest, digest != image.target, digest != image.manifest {
                throw .otherDigest(given: digest)
            }
        }
        return image
    }

    private func image(
        at descriptor: ContentDescriptor,
        target: Digest,
        names: [ImageReference],
        depth: Int
    ) throws(SourceProblem) -> ListedImage {
        let bytes = try document(descriptor, .manifest)
        let document = try judging(descriptor.blobPath) { () throws(ImageDocumentFailure) in
            try ImageDocument(json: bytes, described: descriptor.mediaType, limits: limits)
        }
        switch document {
        case .index(let index):
            guard depth < limits.indexDepth else {
                throw .document(descriptor.blobPath, .tooDeep(limit: limits.indexDepth))
            }
            guard let chosen = host.choose(from: index.manifests) else { throw .noPlatform(host: host) }
            return try image(at: chosen, target: target, names: names, depth: depth + 1)
        case .manifest(let manifest):
            return try image(of: manifest, digest: descriptor.digest, target: target, names: names)
        }
    }

    private func image(
        of manifest: ImageManifest,
        digest: Digest,
        target: Digest,
        names: [ImageReference]
    ) throws(SourceProblem) -> ListedImage {
        let bytes = try document(manifest.config, .config)
        let name = manifest.config.blobPath
        let configuration = try judging(name) { () throws(ImageDocumentFailure) in
            let configuration = try ImageConfiguration(json: bytes, limits: limits)
            try configuration.check(layers: manifest.layers.count, host: host)
            return configuration
        }
        let layers = zip(manifest.layers, configuration.diffIDs).map { blob, diffID in
            ListedLayer(file: blob.blobPath, blob: blob, diffID: diffID)
        }
        return ListedImage(
            names: names,
            target: target,
            manifest: digest,
            id: manifest.config.digest,
            configBytes: bytes,
            configuration: configuration,
            layers: layers
        )
    }

    private func document(_ descriptor: ContentDescriptor, _ kind: Kind) throws(SourceProblem) -> [UInt8] {
        let name = descriptor.blobPath
        guard descriptor.size <= Int64(limits.documentBytes) else {
            throw .document(name, .tooLong(limit: limits.documentBytes))
        }
        let bytes = try fetch(descriptor, kind)
        let found = Digest(of: bytes, descriptor.digest.algorithm)
        guard found == descriptor.digest else {
            throw .blob(name, .digest(expected: descriptor.digest, found: found))
        }
        guard Int64(bytes.count) == descriptor.size else {
            throw .blob(name, .size(expected: descriptor.size, found: Int64(bytes.count)))
        }
        return bytes
    }
}

extension ContentDescriptor {
    /// Where an OCI layout has the blob. Made of a digest that was validated, so it cannot lead elsewhere.
    var blobPath: String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }
}

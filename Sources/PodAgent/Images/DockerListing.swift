import PodCore

/// Reads what a docker-archive lists: the `manifest.json` of `docker save`, `skopeo copy … docker-archive:` and
/// others. (moby, image/spec/spec.md, "Combined Image JSON + Filesystem Changeset Format".)
struct DockerListing {
    let content: any ImageContent
    let host: Platform
    let limits: ImageLimits

    func images(manifest: [UInt8], named given: ImageReference?) throws(SourceProblem) -> [ListedImage] {
        let saved = try judging("manifest.json") { () throws(ImageDocumentFailure) in
            try ImageWire.decode([ImageWire.Saved].self, from: manifest, limits: limits)
        }
        guard !saved.isEmpty else { throw .document("manifest.json", .missing("images")) }
        if given != nil, saved.count > 1 { throw .oneNameForSeveral(saved.count) }
        var images: [ListedImage] = []
        for entry in saved { try images.add(image(entry, named: given), limits) }
        return images
    }

    private func image(
        _ saved: ImageWire.Saved,
        named given: ImageReference?
    ) throws(SourceProblem) -> ListedImage {
        guard let config = saved.Config.flatMap(Self.file) else {
            throw .document("manifest.json", .missing("Config of an image"))
        }
        let bytes = try content.required(config, limit: limits.documentBytes)
        let id = Digest(of: bytes)
        if let claimed = Self.claimedDigest(config), claimed != id {
            throw .blob(config, .digest(expected: claimed, found: id))
        }
        let layers = try layers(of: saved)
        let configuration = try judging(config) { () throws(ImageDocumentFailure) in
            let configuration = try ImageConfiguration(json: bytes, limits: limits)
            try configuration.check(layers: layers.count, host: host)
            return configuration
        }
        return ListedImage(
            names: try names(of: saved, given),
            target: nil,
            manifest: nil,
            id: id,
            configBytes: bytes,
            configuration: configuration,
            layers: zip(layers, configuration.diffIDs).map { file, diffID in
                ListedLayer(file: file, blob: nil, diffID: diffID)
            }
        )
    }

    private func layers(of saved: ImageWire.Saved) throws(SourceProblem) -> [String] {
        guard let layers = saved.Layers else {
            throw .document("manifest.json", .missing("Layers of an image"))
        }
        guard layers.count <= limits.layers else {
            throw .document("manifest.json", .tooManyLayers(layers.count, limit: limits.layers))
        }
        return try layers.map { (layer) throws(SourceProblem) in
            guard let file = Self.file(layer) else { throw .missing(String(reflecting: layer)) }
            return file
        }
    }

    private func names(
        of saved: ImageWire.Saved,
        _ given: ImageReference?
    ) throws(SourceProblem) -> [ImageReference] {
        var names = given.map { [$0] } ?? []
        if names.isEmpty {
            for tag in saved.RepoTags ?? [] {
                do { names.append(try ImageReference(parsing: tag)) } catch { throw .name(error) }
            }
        }
        guard !names.isEmpty else { throw .noName(tags: []) }
        // There is no manifest whose digest a name could be asking for.
        if let digest = names.lazy.compactMap(\.digest).first { throw .otherDigest(given: digest) }
        return names
    }

    private static func file(_ name: String) -> String? { ImageArchive.cleaned(Array(name.utf8)) }

    /// A config is called `<hex>.json`, or `blobs/sha256/<hex>`, after its digest. Other names claim nothing.
    private static func claimedDigest(_ file: String) -> Digest? {
        let leaf = file.split(separator: "/").last.map(String.init) ?? file
        let stem = leaf.hasSuffix(".json") ? String(leaf.dropLast(5)) : leaf
        return try? Digest(parsing: "sha256:\(stem)")  // Not being a digest is what "other names" means.
    }
}

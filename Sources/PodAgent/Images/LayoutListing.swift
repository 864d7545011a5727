import PodCore

/// Reads what an OCI layout lists. (OCI image specification, "Image Layout" and "Image Index".)
struct LayoutListing {
    let content: any ImageContent
    let host: Platform
    let limits: ImageLimits

    func images(index: [UInt8], named given: ImageReference?) throws(SourceProblem) -> [ListedImage] {
        let document = try judging("index.json") { () throws(ImageDocumentFailure) in
            try ImageDocument(json: index, described: "", limits: limits)
        }
        guard case .index(let index) = document, !index.manifests.isEmpty else {
            throw .document("index.json", .missing("manifests"))
        }
        var images: [ListedImage] = []
        for (names, descriptors) in try groups(index.manifests, given) {
            guard let chosen = host.choose(from: descriptors) else { throw .noPlatform(host: host) }
            let image = try image(at: chosen, target: chosen.digest, names: names, depth: 1)
            for name in names {
                if let digest = name.digest, digest != image.target, digest != image.manifest {
                    throw .otherDigest(given: digest)
                }
            }
            try images.add(image, limits)
        }
        return images
    }

    // MARK: Names

    private typealias Group = (names: [ImageReference], descriptors: [ContentDescriptor])

    /// Entries of one name are one image for several machines. An index without any names is one image too.
    private func groups(
        _ descriptors: [ContentDescriptor],
        _ given: ImageReference?
    ) throws(SourceProblem) -> [Group] {
        var groups: [(key: String, descriptors: [ContentDescriptor])] = []
        var places: [String: Int] = [:]
        for descriptor in descriptors {
            let key = Self.ownName(of: descriptor) ?? ""
            if let place = places[key] {
                groups[place].descriptors.append(descriptor)
            } else {
                places[key] = groups.count
                groups.append((key, [descriptor]))
            }
        }
        if let given {
            guard groups.count == 1 else { throw .oneNameForSeveral(groups.count) }
            return [([given], groups[0].descriptors)]
        }
        let tags = groups.map(\.key).filter { !Self.isName($0) }
        guard tags.isEmpty else { throw .noName(tags: tags.filter { !$0.isEmpty }.map(printable)) }
        var named: [Group] = []
        for group in groups {
            do {
                named.append(([try ImageReference(parsing: group.key)], group.descriptors))
            } catch {
                throw .name(error)
            }
        }
        return named
    }

    private static func ownName(of descriptor: ContentDescriptor) -> String? {
        descriptor.annotations["io.containerd.image.name"]
            ?? descriptor.annotations["org.opencontainers.image.ref.name"]
    }

    /// Tools put either a whole name or a tag alone into `ref.name`. A word by itself is a tag.
    private static func isName(_ text: String) -> Bool {
        text.utf8.contains(UInt8(ascii: "/")) || text.utf8.contains(UInt8(ascii: ":"))
            || text.utf8.contains(UInt8(ascii: "@"))
    }

    // MARK: Documents

    private func image(
        at descriptor: ContentDescriptor,
        target: Digest,
        names: [ImageReference],
        depth: Int
    ) throws(SourceProblem) -> ListedImage {
        let name = Self.file(of: descriptor)
        let bytes = try blob(descriptor)
        let document = try judging(name) { () throws(ImageDocumentFailure) in
            try ImageDocument(json: bytes, described: descriptor.mediaType, limits: limits)
        }
        switch document {
        case .index(let index):
            guard depth < limits.indexDepth else { throw .document(name, .tooDeep(limit: limits.indexDepth)) }
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
        let bytes = try blob(manifest.config)
        let configuration = try judging(Self.file(of: manifest.config)) { () throws(ImageDocumentFailure) in
            let configuration = try ImageConfiguration(json: bytes, limits: limits)
            try configuration.check(layers: manifest.layers.count, host: host)
            return configuration
        }
        let layers = zip(manifest.layers, configuration.diffIDs).map { blob, diffID in
            ListedLayer(file: Self.file(of: blob), blob: blob, diffID: diffID)
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

    /// The path is made of a digest that was validated, so it cannot lead elsewhere.
    private static func file(of descriptor: ContentDescriptor) -> String {
        "blobs/\(descriptor.digest.algorithm.rawValue)/\(descriptor.digest.hex)"
    }

    private func blob(_ descriptor: ContentDescriptor) throws(SourceProblem) -> [UInt8] {
        let name = Self.file(of: descriptor)
        let bytes = try content.required(name, limit: limits.documentBytes)
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

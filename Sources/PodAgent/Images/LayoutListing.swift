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
        let descent = ImageDescent(host: host, limits: limits) { (descriptor, _) throws(SourceProblem) in
            try content.required(descriptor.blobPath, limit: limits.documentBytes)
        }
        var images: [ListedImage] = []
        for (names, descriptors) in try groups(index.manifests, given) {
            guard let chosen = host.choose(from: descriptors) else { throw .noPlatform(host: host) }
            try images.add(try descent.image(at: chosen, names: names), limits)
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
}

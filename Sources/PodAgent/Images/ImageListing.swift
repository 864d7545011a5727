import PodCore

/// Listing images.
extension ImageStore {
    /// The images that are here, by name; those without one come last. Records that cannot be read are in
    /// ``damage()``.
    func list() throws(ImageFailure) -> [StoredImage] {
        let byImage = Dictionary(grouping: try nameRecords(), by: \.image)
        let layers = try everything(in: layerInfo, LayerRecord.self).records
        let sizes = Dictionary(layers.map { ($0.diffID, $0.bytes) }, uniquingKeysWith: { first, _ in first })
        let archives = try preloadRecords()
        var images: [StoredImage] = []
        for record in try everything(in: records, ImageRecord.self).records {
            images.append(try listed(record, byImage[record.id] ?? [], sizes, archives))
        }
        return images.sorted { a, b in
            guard let first = a.names.first, let second = b.names.first else {
                return a.names.isEmpty == b.names.isEmpty ? a.id < b.id : !a.names.isEmpty
            }
            return first < second
        }
    }

    private func listed(
        _ record: ImageRecord,
        _ names: [NameRecord],
        _ sizes: [String: Int64],
        _ archives: [PreloadRecord]
    ) throws(ImageFailure) -> StoredImage {
        let lastUsed: Timestamp?
        do throws(SystemFailure) { lastUsed = try lastUse(of: record.id) } catch { throw .store(error) }
        return StoredImage(
            id: record.id,
            names: names.map(\.name),
            digests: Set(names.compactMap(Self.imageID)).sorted(),
            size: record.size,
            layers: Dictionary(
                record.layers.map { ($0, sizes[$0] ?? 0) },
                uniquingKeysWith: { first, _ in first }
            ),
            created: record.created.flatMap { Timestamp(rfc3339: $0) },
            loaded: Timestamp(rfc3339: record.loaded),
            lastUsed: lastUsed,
            pinnedNames: names.filter(\.isPinned).map(\.name),
            archives: archives.filter { $0.images.contains(record.id) }.map(\.path)
        )
    }

    /// What is wrong with records that cannot be read. While there are any, nothing is collected.
    func damage() throws(ImageFailure) -> [RecordProblem] {
        try everything(in: records, ImageRecord.self).problems
            + everything(in: names, NameRecord.self).problems
            + everything(in: layerInfo, LayerRecord.self).problems
    }

    /// Which images the names stand for.
    func imageNames() throws(ImageFailure) -> ImageNames {
        var known = ImageNames()
        for record in try nameRecords() {
            known.add(record.name, image: record.image, digests: record.digests)
        }
        return known
    }

    /// Who needs which image, by the image's ID. A manifest is there under its path, a Pod under `namespace/name`.
    func users() throws(ImageFailure) -> [String: Set<ImageUses.User>] {
        let known = try imageNames()
        var users: [String: Set<ImageUses.User>] = [:]
        for (user, references) in uses.references {
            for id in references.flatMap({ known.images(of: $0) }) { users[id, default: []].insert(user) }
        }
        for (id, pods) in uses.holders { users[id, default: []].formUnion(pods.map { .pod($0) }) }
        return users
    }
}

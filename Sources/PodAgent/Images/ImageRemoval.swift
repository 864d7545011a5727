import Glibc
import PodCore

/// Listing images and taking them away.
extension ImageStore {
    /// The images that are here, by name; those without one come last. Records that cannot be read are in
    /// ``damage()``.
    func list() throws(ImageFailure) -> [StoredImage] {
        let byImage = Dictionary(grouping: try nameRecords(), by: \.image)
        let images = try everything(in: records, ImageRecord.self).records.map { record in
            let names = byImage[record.id] ?? []
            return StoredImage(
                id: record.id,
                names: names.map(\.name),
                digests: Set(names.compactMap(Self.imageID)).sorted(),
                size: record.size,
                layers: record.layers.count,
                created: record.created.flatMap { Timestamp(rfc3339: $0) },
                loaded: Timestamp(rfc3339: record.loaded)
            )
        }
        return images.sorted { a, b in
            guard let first = a.names.first, let second = b.names.first else {
                return a.names.isEmpty == b.names.isEmpty ? a.id < b.id : !a.names.isEmpty
            }
            return first < second
        }
    }

    /// What is wrong with records that cannot be read. While there are any, nothing is collected.
    func damage() throws(ImageFailure) -> [RecordProblem] {
        try everything(in: records, ImageRecord.self).problems
            + everything(in: names, NameRecord.self).problems
            + everything(in: layerInfo, LayerRecord.self).problems
    }

    /// Takes a name away, and with its last name the image; by an ID, the image with all its names. Layers go when no
    /// image has them any more.
    ///
    /// - Parameter inUse: The ``ResolvedImage/id`` of every image that a container may run from.
    /// - Returns: The names that are gone, and the ID when the image is.
    /// - Throws: `.inUse` when the image would go but must not; `.unknown` when there is none.
    @discardableResult
    func remove(_ reference: String, inUse: Set<String>) throws(ImageFailure) -> [String] {
        let source = try Self.source(reference)
        let removed = try alone { () throws(ImageFailure) in
            let all = try nameRecords()
            switch source {
            case .directory: throw .unknown(image: reference)
            case .id(let id):
                return try remove(
                    id: id.description,
                    all.filter { $0.image == id.description },
                    inUse,
                    reference
                )
            case .named(let wanted):
                let going = try nameRecords(for: wanted)
                guard let id = going.first?.image else { throw .unknown(image: reference) }
                let staying = all.contains { name in
                    name.image == id && !going.contains { $0.name == name.name }
                }
                guard staying else { return try remove(id: id, going, inUse, reference) }
                return try unlink(going)
            }
        }
        try collectGarbage()
        return removed
    }

    /// Takes away the images that have no name and that no container runs from.
    func prune(inUse: Set<String>) throws(ImageFailure) -> [StoredImage] {
        let removed = try alone { () throws(ImageFailure) in
            let images = try list().filter { $0.names.isEmpty && !inUse.contains($0.id) }
            for image in images { _ = try remove(id: image.id, [], inUse, image.id) }
            return images
        }
        try collectGarbage()
        return removed
    }

    /// The record goes first: at once, none of the names stands for anything.
    private func remove(
        id: String,
        _ going: [NameRecord],
        _ inUse: Set<String>,
        _ reference: String
    ) throws(ImageFailure) -> [String] {
        guard !inUse.contains(id) else { throw .inUse(image: reference) }
        guard try unlink(Self.leaf(for: id), in: records) else { throw .unknown(image: reference) }
        return try unlink(going) + [id]
    }

    private func unlink(_ going: [NameRecord]) throws(ImageFailure) -> [String] {
        for record in going { _ = try unlink(Self.leaf(for: record.name), in: names) }
        return going.map(\.name)
    }

    /// Whether there was something to unlink.
    private func unlink(_ leaf: String, in directory: RootedDirectory) throws(ImageFailure) -> Bool {
        do {
            try check("unlinkat", "\(directory.name)/\(leaf)") { unlinkat(directory.raw, leaf, 0) }
            return true
        } catch  where error.errno == ENOENT {
            return false
        } catch {
            throw .store(error)
        }
    }

    private func alone<Result>(
        _ body: () throws(ImageFailure) -> Result
    ) throws(ImageFailure) -> Result {
        try root.holding(.exclusive, on: Self.lockLeaf, failing: ImageFailure.store, body)
    }
}

/// Clearing away what nothing refers to.
extension ImageStore {
    /// How long the layers of an unfinished pull wait for another attempt.
    private static let expectedAge = Duration.seconds(24 * 3600)

    /// Removes what crashes and failed loads have left, and the layers that no image has any more and nobody brings.
    ///
    /// Takes nothing but unfinished work away while there is a record that cannot be read, since nobody knows what it
    /// refers to.
    func collectGarbage() throws(ImageFailure) {
        // While anybody unpacks, nobody else may touch the work, of which the locks are a part.
        _ = try root.ifNobodyHolds(Self.loadingLeaf, failing: ImageFailure.store) { () throws(ImageFailure) in
            try alone { () throws(ImageFailure) in
                do throws(SystemFailure) {
                    try sweep(work) { _ in false }
                    try sweepExpected { $0.isResumable }
                } catch {
                    throw .store(error)
                }
            }
        }
        try alone { () throws(ImageFailure) in
            let images = try everything(in: records, ImageRecord.self)
            guard images.problems.isEmpty else { return }
            do throws(SystemFailure) { try sweep(images.records) } catch { throw .store(error) }
        }
    }

    /// Removes the records of what is no longer expected, and those that nobody can read.
    private func sweepExpected(keeping isKept: (ExpectedRecord) -> Bool) throws(SystemFailure) {
        let oldest = Timestamp(nanoseconds: Clock.wall().nanoseconds - Self.expectedAge.wholeNanoseconds)
        try sweep(expected) { leaf in
            guard let record = try? expected.record(ExpectedRecord.self, leaf),
                let status = try? expected.status(of: FileName(leaf))
            else { return false }
            return isKept(record) && Int64(status.st_mtim.tv_sec) * 1_000_000_000 > oldest.nanoseconds
        }
    }

    private func sweep(_ images: [ImageRecord]) throws(SystemFailure) {
        // Digests in records were written as digests; one that is none names no directory.
        let coming = try expected.entries()
            .compactMap { try? expected.record(ExpectedRecord.self, $0) }  // what cannot be read expects nothing
        let layersLive = images.flatMap(\.layers) + coming.flatMap(\.layers)
        let live = Set(layersLive.compactMap { (try? Digest(parsing: $0))?.shortName })
        let configs = Set(images.compactMap { (try? Digest(parsing: $0.id)).map(Self.blobLeaf) })
        let ids = Set(images.map { $0.id })
        // The information goes before the layer: without it, the layer does not count as being there.
        try sweep(layerInfo) { live.contains(String($0.dropLast(".json".count))) }
        try sweep(layers) { live.contains($0) || $0 == Self.emptyLayer }
        try sweep(blobs) { configs.contains($0) }
        try sweep(records) { !$0.hasPrefix(".") }
        try sweep(names) { leaf in
            guard !leaf.hasPrefix(".") else { return false }
            // A name that cannot be read stays.
            guard let record = try? names.record(NameRecord.self, leaf) else { return true }
            return ids.contains(record.image)
        }
    }

    /// Removes all of a directory that is not to be kept.
    private func sweep(
        _ directory: RootedDirectory,
        keeping isKept: (String) -> Bool
    ) throws(SystemFailure) {
        for leaf in try directory.entries() where !isKept(leaf) { try directory.removeTree(leaf) }
    }
}

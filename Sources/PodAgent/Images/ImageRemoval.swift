import Glibc
import PodCore

/// Taking images away.
extension ImageStore {
    /// Takes a name away, and with its last name the image; by an ID, the image with all its names. Layers go when no
    /// image has them any more.
    ///
    /// - Parameter inUse: The ``ResolvedImage/id`` of images that are needed, beside those that ``uses`` knows of.
    /// - Returns: The names that are gone, and the ID when the image is.
    /// - Throws: `.inUse` when the image would go but must not, or a name by which a Pod knows it; `.pinned` when it is
    ///   pinned; `.unknown` when there is none.
    @discardableResult
    func remove(_ reference: String, inUse: Set<String> = []) throws(ImageFailure) -> [String] {
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
                try refusePinned(going, id, reference)
                let staying = all.contains { name in
                    name.image == id && !going.contains { $0.name == name.name }
                }
                guard staying else { return try remove(id: id, going, inUse, reference) }
                // The image stays, but whoever knows it by that name would not find it any more.
                guard !isNamed(going) else { throw .inUse(image: reference) }
                return try unlink(going)
            }
        }
        try collectGarbage()
        return removed
    }

    /// Takes away an image with its names, unless somebody needs it or it is pinned. Whether it went.
    func removeUnneeded(_ id: String, inUse: Set<String> = []) throws(ImageFailure) -> Bool {
        do throws(ImageFailure) {
            _ = try alone { () throws(ImageFailure) in
                try remove(id: id, try nameRecords().filter { $0.image == id }, inUse, id)
            }
            return true
        } catch {
            switch error {
            case .inUse, .pinned, .unknown: return false
            default: throw error
            }
        }
    }

    /// The record goes first: at once, none of the names stands for anything.
    private func remove(
        id: String,
        _ going: [NameRecord],
        _ inUse: Set<String>,
        _ reference: String
    ) throws(ImageFailure) -> [String] {
        try refusePinned(going, id, reference)
        guard !inUse.contains(id), uses.depart(id) else { throw .inUse(image: reference) }
        defer { uses.departed(id) }
        // Only now: a Pod that comes from here on comes after the image has gone.
        guard !isNamed(going), !uses.references.values.contains(where: { $0.contains(id) }) else {
            throw .inUse(image: reference)
        }
        guard try unlink(Self.leaf(for: id), in: records) else { throw .unknown(image: reference) }
        return try unlink(going) + [id]
    }

    private func refusePinned(
        _ going: [NameRecord],
        _ id: String,
        _ reference: String
    ) throws(ImageFailure) {
        if let name = going.first(where: \.isPinned)?.name { throw .pinned(image: name, archive: nil) }
        if let archive = try archives(of: [id]).first { throw .pinned(image: reference, archive: archive) }
    }

    /// Whether a spec knows an image by one of these names.
    private func isNamed(_ going: [NameRecord]) -> Bool {
        var names = ImageNames()
        for record in going { names.add(record.name, image: record.image, digests: record.digests) }
        return uses.references.values.contains { references in
            references.contains { reference in
                // By its ID it is known under any name.
                if case .id? = try? ImageSource(parsing: reference) { return false }
                return !names.images(of: reference).isEmpty
            }
        }
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

    /// Runs `body` while nothing else changes the store.
    func alone<Result>(
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
    ///
    /// - Returns: How many bytes the layers had that went.
    @discardableResult
    func collectGarbage() throws(ImageFailure) -> Int64 {
        // While anybody unpacks, nobody else may touch the work, of which the locks are a part.
        _ = try root.ifNobodyHolds(Self.loadingLeaf, failing: ImageFailure.store) { () throws(ImageFailure) in
            try alone { () throws(ImageFailure) in
                do throws(SystemFailure) {
                    try sweep(work) { _ in false }
                    try sweepExpected { $0.boot == bootID && $0.boot != nil }
                } catch {
                    throw .store(error)
                }
            }
        }
        return try alone { () throws(ImageFailure) in
            let images = try everything(in: records, ImageRecord.self)
            guard images.problems.isEmpty else { return 0 }
            let layers = try everything(in: layerInfo, LayerRecord.self).records
            do throws(SystemFailure) {
                let live = try sweep(images.records)
                return layers.reduce(0) { live.contains($1.diffID) ? $0 : $0 + $1.bytes }
            } catch {
                throw .store(error)
            }
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

    /// Removes what none of the images has; returns the digests of the layers that stay.
    private func sweep(_ images: [ImageRecord]) throws(SystemFailure) -> Set<String> {
        // Digests in records were written as digests; one that is none names no directory.
        // What cannot be read expects nothing.
        let coming = try expected.entries().compactMap { try? expected.record(ExpectedRecord.self, $0) }
        let layersLive = images.flatMap(\.layers) + coming.flatMap(\.layers)
        let live = Set(layersLive.compactMap { (try? Digest(parsing: $0))?.shortName })
        let configs = Set(images.compactMap { (try? Digest(parsing: $0.id)).map(Self.blobLeaf) })
        let ids = Set(images.map { $0.id })
        // The information goes before the layer: without it, the layer does not count as being there.
        try sweep(layerInfo) { live.contains(String($0.dropLast(".json".count))) }
        try sweep(layers) { live.contains($0) || $0 == Self.emptyLayer }
        try sweep(blobs) { configs.contains($0) }
        let used = Self.useLeaves(of: ids)
        try sweep(useTimes) { used.contains($0) }
        try sweep(records) { !$0.hasPrefix(".") }
        try sweep(names) { leaf in
            guard !leaf.hasPrefix(".") else { return false }
            // A name that cannot be read stays.
            guard let record = try? names.record(NameRecord.self, leaf) else { return true }
            return ids.contains(record.image)
        }
        return Set(layersLive)
    }

    /// Removes all of a directory that is not to be kept.
    private func sweep(
        _ directory: RootedDirectory,
        keeping isKept: (String) -> Bool
    ) throws(SystemFailure) {
        for leaf in try directory.entries() where !isKept(leaf) { try directory.removeTree(leaf) }
    }
}

import CNamespaces
import Glibc
import PodCore

/// Bringing images in.
extension ImageStore {
    /// Loads the images of an OCI layout (a directory or an archive) or of a docker-archive.
    ///
    /// - Parameters:
    ///   - path: Of the directory or file, which the caller chose.
    ///   - name: The name that the image is to have instead of its own. Needed when it has none, and possible only when
    ///     there is one image.
    /// - Returns: One element for each name. What was loaded stays when a later image fails.
    func load(path: String, name: String? = nil) throws(ImageFailure) -> [LoadedImage] {
        var given: ImageReference?
        if let name {
            do { given = try ImageReference(parsing: name) } catch { throw .name(error) }
        }
        return try load(from: path) { () throws(SourceProblem) in
            let content = try Self.content(at: path, limits: limits)
            return (content, try content.images(named: given, host: .host, limits: limits))
        }
    }

    private func load(
        from path: String,
        _ listing: () throws(SourceProblem) -> (any ImageContent, [ListedImage])
    ) throws(ImageFailure) -> [LoadedImage] {
        do throws(SourceProblem) {
            let (content, images) = try listing()
            return try root.holding(.shared, on: Self.loadingLeaf, failing: SourceProblem.system) {
                () throws(SourceProblem) in
                let new = try unpackMissing(of: images, from: content)
                var loaded: [LoadedImage] = []
                for image in images { loaded += try commit(image, new: new) }
                return loaded
            }
        } catch {
            // The failure that is reported is the load's. What cannot be cleared away now is when the store is opened.
            _ = try? collectGarbage()
            throw .source(path: path, error)
        }
    }

    /// Opens what the caller named, whichever form it has.
    private static func content(
        at path: String,
        limits: ImageLimits
    ) throws(SourceProblem) -> any ImageContent {
        let descriptor = try storing { () throws(SystemFailure) in
            // Not to block on a FIFO.
            let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY
            return Descriptor(adopting: try check("open", path) { cns_openat(AT_FDCWD, path, flags, 0) })
        }
        let raw = descriptor.raw
        switch try storing({ () throws(SystemFailure) in try fileType(of: raw, path) }) {
        case S_IFDIR: return LayoutDirectory(root: RootedDirectory(adopting: descriptor, name: path))
        case S_IFREG: return try ImageArchive(adopting: descriptor, subject: path, limits: limits)
        default: throw .notAFile
        }
    }

    // MARK: Layers

    /// Unpacks the layers that the store lacks, in the order in which they come; returns which those were.
    private func unpackMissing(
        of images: [ListedImage],
        from content: any ImageContent
    ) throws(SourceProblem) -> Set<Digest> {
        var seen: Set<Digest> = []
        var missing: [String: ListedLayer] = [:]
        for layer in images.flatMap(\.layers) where seen.insert(layer.diffID).inserted {
            guard try layerRecord(layer.diffID) == nil else { continue }
            guard missing.updateValue(layer, forKey: layer.file) == nil else {
                throw .contradictoryLayers(layer.file)
            }
        }
        guard !missing.isEmpty else { return [] }
        var unpacked: Set<Digest> = []
        try content.stream(Set(missing.keys)) { (file, stream) throws(SourceProblem) in
            guard let layer = missing[file] else { return }
            if try unpackOnce(layer, from: stream) { unpacked.insert(layer.diffID) }
        }
        return unpacked
    }

    /// Unpacks a layer unless somebody else has done so by the time that its lock is free.
    private func unpackOnce(
        _ layer: ListedLayer,
        from stream: any ByteStream
    ) throws(SourceProblem) -> Bool {
        let name = layer.diffID.shortName
        return try work.holding(.exclusive, on: "\(name).lock", failing: SourceProblem.system) {
            () throws(SourceProblem) in
            guard try layerRecord(layer.diffID) == nil else { return false }
            do throws(SourceProblem) {
                let directory = try storing { () throws(SystemFailure) in
                    try work.removeTree(name)
                    return try work.makeEntry(directory: FileName(name), mode: 0o755)
                }
                let facts = try layer.unpack(stream, into: directory, limits: limits)
                try storing { () throws(SystemFailure) in try publish(layer.diffID, facts) }
            } catch {
                // The failure that is reported is the layer's; remains are cleared away with the other garbage.
                try? work.removeTree(name)
                throw error
            }
            return true
        }
    }

    /// Moves a verified layer to where records may refer to it.
    private func publish(_ diffID: Digest, _ facts: LayerTree.Facts) throws(SystemFailure) {
        let name = diffID.shortName
        let record = LayerRecord(
            diffID: diffID.description,
            bytes: facts.bytes,
            entries: facts.entries,
            hidesLowerLayers: facts.hidesLowerLayers,
            droppedAttributes: facts.droppedAttributes.sorted()
        )
        try root.holding(.exclusive, on: Self.lockLeaf, failing: { $0 }) { () throws(SystemFailure) in
            // A directory without a record is what a crash between the next two steps has left.
            try layers.removeTree(name)
            try work.move(FileName(name), to: FileName(name), in: layers)
            try layerInfo.write(record: record, "\(name).json")
        }
    }

    /// The record of a layer that is there in full; nil when it is not.
    func layerRecord(_ diffID: Digest) throws(SourceProblem) -> LayerRecord? {
        let name = diffID.shortName
        let record: LayerRecord?
        do throws(RecordProblem) {
            record = try layerInfo.record(LayerRecord.self, "\(name).json")
        } catch {
            throw .record(error)
        }
        guard let record else { return nil }
        guard record.diffID == diffID.description else {
            throw .layer(diffID, entry: nil, .nameTaken(by: record.diffID))
        }
        let kind = try storing { () throws(SystemFailure) in try layers.kind(of: FileName(name)) }
        return kind == .directory ? record : nil
    }

    // MARK: Records

    /// Makes an image visible, under each of its names.
    private func commit(_ image: ListedImage, new: Set<Digest>) throws(SourceProblem) -> [LoadedImage] {
        var stack: [LayerRecord] = []
        for diffID in image.configuration.stackedDiffIDs {
            guard let layer = try layerRecord(diffID) else { throw .missing("layer \(diffID)") }
            stack.append(layer)
            if layer.hidesLowerLayers { break }
        }
        let record = ImageRecord(
            id: image.id.description,
            layers: stack.map(\.diffID),
            size: stack.reduce(0) { $0 + $1.bytes },
            created: image.configuration.created?.rfc3339,
            loaded: Clock.wall().rfc3339
        )
        try storing { () throws(SystemFailure) in try write(record, image) }
        let dropped = Set(stack.flatMap(\.droppedAttributes)).sorted()
        return image.names.map { name in
            LoadedImage(
                name: name.storedName,
                id: record.id,
                imageID: image.target.map { "\(name.repository)@\($0)" } ?? record.id,
                size: record.size,
                layers: image.layers.count,
                newLayers: Set(image.layers.map(\.diffID)).intersection(new).count,
                warnings: dropped.isEmpty
                    ? [] : ["files lack these extended attributes: \(dropped.joined(separator: ", "))"]
            )
        }
    }

    private func write(_ record: ImageRecord, _ image: ListedImage) throws(SystemFailure) {
        // Records must not be on the disk before the layers that they refer to.
        let directory = try layers.open(".", flags: O_RDONLY | O_DIRECTORY)
        let raw = directory.raw
        try check("syncfs", layersPath) { cns_syncfs(raw) }
        try root.holding(.exclusive, on: Self.lockLeaf, failing: { $0 }) { () throws(SystemFailure) in
            let blob = Self.blobLeaf(image.id)
            try blobs.replaceFile(blob, with: image.configBytes, mode: 0o600, durable: true)
            try records.write(record: record, Self.leaf(for: record.id))
            for name in image.names {
                let record = NameRecord(
                    name: name.storedName,
                    image: record.id,
                    target: image.target?.description,
                    manifest: image.manifest?.description
                )
                try writeKeepingPin(record)
            }
        }
    }
}

/// A failure of the store's own files as a problem of the load.
private func storing<Result: ~Copyable>(
    _ body: () throws(SystemFailure) -> Result
) throws(SourceProblem) -> Result {
    do { return try body() } catch { throw .system(error) }
}

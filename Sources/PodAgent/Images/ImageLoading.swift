import CNamespaces
import Glibc
import PodCore
import Synchronization

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
            return try bring(images, from: ContentLayers(content: content), isResumable: false)
        } catch {
            // The failure that is reported is the load's. What cannot be cleared away now is when the store is opened.
            _ = try? collectGarbage()
            throw .source(path: path, error)
        }
    }

    /// Unpacks what is missing of some images, then makes them visible. Until that is done, a record of what is being
    /// brought keeps it from being taken for garbage.
    ///
    /// - Parameters:
    ///   - accepted: What has opened the source, which decides on who may use what it gave.
    ///   - isResumable: Whether layers that came before a failure, or a crash, are kept for another attempt.
    func bring(
        _ images: [ListedImage],
        from source: some LayerSource,
        openedWith accepted: OfferedCredential? = nil,
        isResumable: Bool
    ) throws(SourceProblem) -> [LoadedImage] {
        try root.holding(.shared, on: Self.loadingLeaf, failing: SourceProblem.system) {
            () throws(SourceProblem) in
            let leaf = try storing { () throws(SystemFailure) in try expect(images, isResumable) }
            do throws(SourceProblem) {
                let new = try unpackMissing(of: images, from: source)
                var loaded: [LoadedImage] = []
                for image in images { loaded += try commit(image, new: new, accepted) }
                forget(leaf)
                return loaded
            } catch {
                if !isResumable || error.isFullDisk { forget(leaf) }
                throw error
            }
        }
    }

    /// Writes down which layers are on their way.
    private func expect(_ images: [ListedImage], _ isResumable: Bool) throws(SystemFailure) -> String {
        let names = images.flatMap { image in image.names.map { "\($0.storedName) \(image.id)" } }.sorted()
            .joined(separator: " ")
        let leaf = Self.leaf(for: isResumable ? names : "\(names) \(getpid()) \(Clock.tick().nanoseconds)")
        let record = ExpectedRecord(
            layers: Set(images.flatMap { $0.layers.map(\.diffID.description) }).sorted(),
            boot: isResumable ? bootID : nil
        )
        try root.holding(.exclusive, on: Self.lockLeaf, failing: { $0 }) { () throws(SystemFailure) in
            try expected.write(record: record, leaf)
        }
        return leaf
    }

    /// A record that stays keeps layers for a day and does no other harm.
    private func forget(_ leaf: String) { try? expected.removeTree(leaf) }

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

    /// Unpacks the layers that the store lacks; returns which those were.
    private func unpackMissing(
        of images: [ListedImage],
        from source: some LayerSource
    ) throws(SourceProblem) -> Set<Digest> {
        var seen: Set<Digest> = []
        var missing: [ListedLayer] = []
        for layer in images.flatMap(\.layers) where seen.insert(layer.diffID).inserted {
            if try layerRecord(layer.diffID) == nil { missing.append(layer) } else { source.isHere(layer) }
        }
        guard !missing.isEmpty else { return [] }
        let unpacked = Mutex<Set<Digest>>([])
        try source.stream(missing) { [self] (layer, cancellation, stream) throws(SourceProblem) in
            guard turns.take(layer.diffID.shortName, unless: cancellation) else {
                throw .registry(.cancelled)
            }
            defer { turns.giveBack(layer.diffID.shortName) }
            guard try unpackOnce(layer, cancellation, from: stream) else { return }
            unpacked.withLock { _ = $0.insert(layer.diffID) }
        }
        return unpacked.withLock { $0 }
    }

    /// Unpacks a layer unless somebody else has done so by the time that its lock is free. Only then is it asked for.
    private func unpackOnce(
        _ layer: ListedLayer,
        _ cancellation: PullCancellation?,
        from stream: () throws(SourceProblem) -> any ByteStream
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
                CrashPoint.beforeLayer.pass("")
                let facts = try layer.unpack(
                    try stream(),
                    into: directory,
                    limits: limits,
                    cancellation: cancellation
                )
                CrashPoint.layerUnpacked.pass("")
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
            CrashPoint.layerMoved.pass("")
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
    private func commit(
        _ image: ListedImage,
        new: Set<Digest>,
        _ accepted: OfferedCredential?
    ) throws(SourceProblem) -> [LoadedImage] {
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
        try storing { () throws(SystemFailure) in try write(record, image, accepted) }
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

    private func write(
        _ record: ImageRecord,
        _ image: ListedImage,
        _ accepted: OfferedCredential?
    ) throws(SystemFailure) {
        // Records must not be on the disk before the layers that they refer to.
        let directory = try layers.open(".", flags: O_RDONLY | O_DIRECTORY)
        let raw = directory.raw
        try check("syncfs", layersPath) { cns_syncfs(raw) }
        try root.holding(.exclusive, on: Self.lockLeaf, failing: { $0 }) { () throws(SystemFailure) in
            // They may have gone since they were looked at, if nobody expected them any more.
            for name in record.layers.compactMap({ (try? Digest(parsing: $0))?.shortName }) {
                guard try layers.kind(of: FileName(name)) == .directory else {
                    throw SystemFailure(call: "open", subject: "\(layersPath)/\(name)", errno: ENOENT)
                }
            }
            let blob = Self.blobLeaf(image.id)
            CrashPoint.beforeImageRecord.pass("")
            try blobs.replaceFile(blob, with: image.configBytes, mode: 0o600, durable: true)
            try records.write(record: record, Self.leaf(for: record.id))
            CrashPoint.afterImageRecord.pass("")
            for name in image.names {
                let leaf = Self.leaf(for: name.storedName)
                // One that cannot be read is written anew.
                let known = try? names.record(NameRecord.self, leaf)
                var new = NameRecord(
                    name: name.storedName,
                    image: record.id,
                    target: image.target?.description,
                    manifest: image.manifest?.description
                )
                new.access = (known ?? NameRecord(name: "", image: ""))
                    .access(to: record.id, openedWith: accepted)
                new.pinned = known?.pinned
                try names.write(record: new, leaf)
            }
        }
        CrashPoint.imageVisible.pass("")
    }
}

/// A failure of the store's own files as a problem of the load.
func storing<Result: ~Copyable>(
    _ body: () throws(SystemFailure) -> Result
) throws(SourceProblem) -> Result {
    do { return try body() } catch { throw .system(error) }
}

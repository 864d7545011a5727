import PodCore

/// A layer as an image lists it.
struct ListedLayer: Hashable, Sendable {
    /// Where the image's source has it.
    let file: String
    /// The digest and size that its bytes must have, compressed as they are; nil when the source gives none.
    let blob: ContentDescriptor?
    /// The digest that the tar archive in it must have.
    let diffID: Digest

    /// Unpacks the layer from `stream` into an empty directory. Whether it was what it claimed to be is known only at
    /// the end: until this has returned, nothing may use the directory.
    func unpack(
        _ stream: any ByteStream,
        into directory: RootedDirectory,
        limits: ImageLimits
    ) throws(SourceProblem) -> LayerTree.Facts {
        let tree = LayerTree(directory, limits: limits)
        var entryName: String?
        do throws(LayerProblem) {
            try unpack(stream, into: tree, &entryName)
        } catch {
            throw .layer(diffID, entry: entryName, error)
        }
        return tree.facts
    }

    private func unpack(
        _ stream: any ByteStream,
        into tree: LayerTree,
        _ entryName: inout String?
    ) throws(LayerProblem) {
        let algorithm = blob?.digest.algorithm ?? .sha256
        let bytes = MeasuredStream(stream, algorithm, limit: blob?.size ?? .max)
        let expanded = try reading { () throws(StreamProblem) in try ExpandedStream(bytes) }
        let tar = MeasuredStream(expanded, diffID.algorithm, limit: tree.limits.layerBytes)
        let archive = try reading { () throws(StreamProblem) in try ArchiveReader(.tar, of: tar) }
        while let entry = try reading({ () throws(StreamProblem) in try archive.nextEntry() }) {
            entryName = entry.name.map { String(decoding: $0, as: UTF8.self) }
            try tree.place(entry, content: archive)
        }
        entryName = nil
        try reading { () throws(StreamProblem) in
            try tar.verify(diffID)
            guard let blob else { return }
            try bytes.verify(blob.digest)
            guard bytes.count == blob.size else { throw .size(expected: blob.size, found: bytes.count) }
        }
    }
}

/// A stream's problem as the layer's.
private func reading<Result>(_ body: () throws(StreamProblem) -> Result) throws(LayerProblem) -> Result {
    do { return try body() } catch { throw .stream(error) }
}

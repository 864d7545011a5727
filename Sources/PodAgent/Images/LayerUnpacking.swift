import PodCore

/// A layer as an image lists it.
struct ListedLayer: Hashable, Sendable {
    /// Where the image's source has it.
    let file: String
    /// The digest and size that its bytes must have, compressed as they are; nil when the source gives none.
    let blob: ContentDescriptor?
    /// The digest that the tar archive in it must have.
    let diffID: Digest

    /// Unpacks the layer from `stream` into an empty directory, in a process that sees nothing but that directory. Whether
    /// it was what it claimed to be is known only at the end: until this has returned, nothing may use the directory.
    ///
    /// Blocks; several may do so at once. The thread that calls this must be one that lives until it returns: the process
    /// dies with it.
    func unpack(
        _ stream: any ByteStream,
        into directory: RootedDirectory,
        limits: ImageLimits,
        program: UnpackerProgram = .own,
        cancellation: PullCancellation? = nil
    ) throws(SourceProblem) -> LayerTree.Facts {
        let bytes = MeasuredStream(stream, blob?.digest.algorithm ?? .sha256, limit: blob?.size ?? .max)
        var entry: String?
        do throws(LayerProblem) {
            let run = try start(in: directory, limits, program)
            // It dies, and so has nothing more to say.
            let handler = cancellation?.add { [stop = run.stop] in stop() }
            defer { if let handler { cancellation?.remove(handler) } }
            let verdict = try run.run(bytes)
            entry = verdict.entry
            if let problem = verdict.problem { throw problem }
            try verify(bytes)
            return verdict.facts ?? LayerTree.Facts()
        } catch {
            throw .layer(diffID, entry: entry, error)
        }
    }

    private func start(
        in directory: RootedDirectory,
        _ limits: ImageLimits,
        _ program: UnpackerProgram
    ) throws(LayerProblem) -> UnpackerRun {
        do {
            return try UnpackerRun(self, into: directory, limits: limits, program: program)
        } catch {
            throw .system(error)
        }
    }

    /// Whether the bytes, compressed as they were, are those that the image lists. The process that had them to read is
    /// not asked.
    private func verify(_ bytes: MeasuredStream) throws(LayerProblem) {
        guard let blob else { return }
        try ofStream { () throws(StreamProblem) in
            try bytes.verify(blob.digest)
            guard bytes.count == blob.size else { throw .size(expected: blob.size, found: bytes.count) }
        }
    }
}

import PodCore

/// A name of the manifest directory with what was found under it, parsed. Made on a worker.
struct ManifestReading: Sendable {
    var name: String
    var finding: ManifestReader.Finding
    /// The parsed content, if there was any.
    var content: ParsedManifest?

    init(_ name: String, _ trigger: ManifestReader.Trigger, _ reader: ManifestReader) {
        self.name = name
        finding = reader.read(name, trigger: trigger)
        if case .content(let bytes, _, _, _) = finding, case .manifest(let format) = ManifestName(name) {
            content = ManifestParser.parse(bytes, format: format)
        }
    }

    /// What comes of reading some or all names of a directory.
    enum Batch: Sendable {
        case found([ManifestReading])
        /// Another directory stands at the path, or none.
        case otherDirectory
        case failed(SystemFailure)
    }

    /// Reads some names, or with nil all there are, the file with the oldest content first.
    static func read(_ events: [(String, NameEvent)]?, in watched: WatchedDirectory) -> Batch {
        do throws(SystemFailure) {
            guard let reader = try ManifestReader(watched) else { return .otherDirectory }
            if let events { return .found(events.map { ManifestReading($0, $1.trigger, reader) }) }
            let readings = try reader.names().map { ManifestReading($0, .complete, reader) }
            return .found(readings.sorted { ($0.modifiedAt, $0.name) < ($1.modifiedAt, $1.name) })
        } catch {
            return .failed(error)
        }
    }

    private var modifiedAt: Timestamp {
        if case .content(_, let modifiedAt, _, _) = finding { modifiedAt } else { Timestamp(nanoseconds: 0) }
    }

    /// The change that reports it; nil for what is not reported.
    func change(in directory: String, firstSeen: Int) -> ManifestChange? {
        let path = "\(directory)/\(name)"
        switch finding {
        case .gone, .beingWritten: return nil
        case .notManifest(let reason): return .ignored(path: path, reason: reason)
        case .unreadable(let reason):
            let content = ParsedManifest(problems: [ManifestProblem(message: reason)])
            return .present(
                ManifestFile(path: path, content: content, modifiedAt: modifiedAt, firstSeen: firstSeen)
            )
        case .content(_, _, let isPrivate, _):
            return .present(
                ManifestFile(
                    path: path,
                    content: content ?? ParsedManifest(),
                    modifiedAt: modifiedAt,
                    firstSeen: firstSeen,
                    isPrivate: isPrivate
                )
            )
        }
    }
}

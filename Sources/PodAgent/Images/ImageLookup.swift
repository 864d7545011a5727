import CNamespaces
import Glibc
import PodCore

/// Finding images.
extension ImageStore {
    /// The image that a container's `image:` names; nil when it is not here.
    ///
    /// - Throws: `.name` when it is no name, `.directory` when `rootfs:` names no directory, `.damaged` when the store's
    ///   copy cannot be used.
    func resolve(_ reference: String) throws(ImageFailure) -> ResolvedImage? {
        switch try Self.source(reference) {
        case .directory(let path): return try resolve(directory: path, reference)
        case .id(let id):
            let name = try nameRecords().first { $0.image == id.description }
            return try resolve(id: id.description, under: name)
        case .named(let wanted):
            guard let record = try nameRecords(for: wanted).first else { return nil }
            return try resolve(id: record.image, under: record)
        }
    }

    static func source(_ reference: String) throws(ImageFailure) -> ImageSource {
        do { return try ImageSource(parsing: reference) } catch { throw .name(error) }
    }

    private func resolve(directory path: String, _ reference: String) throws(ImageFailure) -> ResolvedImage {
        do {
            _ = try RootedDirectory(hostPath: path)
        } catch {
            throw .directory(image: reference, error)
        }
        return ResolvedImage(
            name: reference,
            imageID: reference,
            id: reference,
            config: ImageConfig(),
            root: .directory(path: path),
            layersPath: layersPath
        )
    }

    /// The records of a name, the first of which decides. A digest asks for any name of that repository whose image
    /// has it.
    func nameRecords(for wanted: ImageReference) throws(ImageFailure) -> [NameRecord] {
        guard let digest = wanted.digest?.description else {
            return try nameRecord(wanted.storedName).map { [$0] } ?? []
        }
        return try nameRecords().filter { record in
            guard record.target == digest || record.manifest == digest else { return false }
            // What stands in a record was a name when it was written.
            return (try? ImageReference(parsing: record.name))?.repository == wanted.repository
        }
    }

    func nameRecord(_ name: String) throws(ImageFailure) -> NameRecord? {
        do {
            let record = try names.record(NameRecord.self, Self.leaf(for: name))
            return record?.name == name ? record : nil
        } catch {
            throw .damaged(image: name, problem: "\(error)")
        }
    }

    /// All names that can be read, sorted.
    func nameRecords() throws(ImageFailure) -> [NameRecord] {
        try everything(in: names, NameRecord.self).records.sorted { $0.name < $1.name }
    }

    private func resolve(id: String, under name: NameRecord?) throws(ImageFailure) -> ResolvedImage? {
        let shown = name?.name ?? id
        func damaged(_ problem: String) -> ImageFailure { .damaged(image: shown, problem: problem) }

        let found: ImageRecord?
        do {
            found = try records.record(ImageRecord.self, Self.leaf(for: id))
        } catch {
            throw damaged("\(error)")
        }
        guard let record = found, record.id == id else { return nil }
        let configuration = try configuration(of: id, damaged)
        return ResolvedImage(
            name: shown,
            imageID: name.flatMap(Self.imageID) ?? id,
            id: id,
            access: name?.access,
            config: configuration.config,
            root: .layers(try directories(of: record, damaged)),
            layersPath: layersPath
        )
    }

    private func configuration(
        of id: String,
        _ damaged: (String) -> ImageFailure
    ) throws(ImageFailure) -> ImageConfiguration {
        do {
            let digest = try Digest(parsing: id)
            let bytes = try blobs.read(Self.blobLeaf(digest), limit: limits.documentBytes)
            guard Digest(of: bytes, digest.algorithm) == digest else {
                throw damaged("its config has changed")
            }
            return try ImageConfiguration(json: bytes, limits: limits)
        } catch let failure as ImageFailure {
            throw failure
        } catch {
            throw damaged("its config: \(error)")
        }
    }

    /// The names of the layers' directories, each of which must be there.
    private func directories(
        of record: ImageRecord,
        _ damaged: (String) -> ImageFailure
    ) throws(ImageFailure) -> [String] {
        var directories: [String] = []
        for text in record.layers {
            guard let name = (try? Digest(parsing: text))?.shortName,
                (try? layers.kind(of: FileName(name))) == .directory
            else { throw damaged("layer \(text) is missing") }
            directories.append(name)
        }
        return directories.isEmpty ? [Self.emptyLayer] : directories
    }

    /// `repository@digest`, as status shows it; nil when the source had no manifest.
    static func imageID(of record: NameRecord) -> String? {
        guard let target = record.target, let reference = try? ImageReference(parsing: record.name) else {
            return nil
        }
        return "\(reference.repository)@\(target)"
    }
}

/// What lies where.
extension ImageStore {
    /// The file of the record of a name or an ID. Names have slashes and may be longer than a file's name.
    static func leaf(for key: String) -> String { "\(Digest(of: Array(key.utf8)).shortName).json" }

    static func blobLeaf(_ digest: Digest) -> String { "\(digest.algorithm.rawValue)-\(digest.hex)" }

    /// All records of a directory that can be read, and what is wrong with the others.
    func everything<Record: StoreRecord>(
        in directory: RootedDirectory,
        _ type: Record.Type
    ) throws(ImageFailure) -> (records: [Record], problems: [RecordProblem]) {
        let leaves: [String]
        do { leaves = try directory.entries() } catch { throw .store(error) }
        var found: (records: [Record], problems: [RecordProblem]) = ([], [])
        // Temporary files of replacements begin with a dot.
        for leaf in leaves where !leaf.hasPrefix(".") {
            do {
                if let record = try directory.record(type, leaf) { found.records.append(record) }
            } catch {
                found.problems.append(error)
            }
        }
        return found
    }
}

import Glibc
import PodCore

/// Images that are to stay whatever happens: those with a pinned name, and those of preloaded archives.
extension ImageStore {
    /// Pins the names that the reference stands for, or lets go of them: of an ID, all names of the image.
    ///
    /// - Returns: The names, sorted.
    /// - Throws: `.unknown` when there is no such image; `.nameless` when it has no name; `.pinned` when it is to be let go
    ///   of and an archive would keep it all the same.
    func setPinned(_ isPinned: Bool, _ reference: String) throws(ImageFailure) -> [String] {
        let source = try Self.source(reference)
        return try alone { () throws(ImageFailure) in
            let concerned = try records(named: source, reference)
            if !isPinned, !concerned.contains(where: \.isPinned),
                let archive = try archives(of: concerned.map(\.image)).first
            {
                throw .pinned(image: reference, archive: archive)
            }
            do throws(SystemFailure) {
                for var record in concerned where record.isPinned != isPinned {
                    record.pinned = isPinned ? true : nil
                    try names.write(record: record, Self.leaf(for: record.name))
                }
            } catch {
                throw .store(error)
            }
            return concerned.map(\.name)
        }
    }

    private func records(
        named source: ImageSource,
        _ reference: String
    ) throws(ImageFailure) -> [NameRecord] {
        let found: [NameRecord]
        switch source {
        case .directory: throw .unknown(image: reference)
        case .named(let wanted): found = try nameRecords(for: wanted)
        case .id(let id):
            found = try nameRecords().filter { $0.image == id.description }
            if found.isEmpty, try hasRecord(of: id.description) { throw .nameless(image: reference) }
        }
        guard !found.isEmpty else { throw .unknown(image: reference) }
        return found
    }

    private func hasRecord(of id: String) throws(ImageFailure) -> Bool {
        do throws(SystemFailure) {
            return try records.kind(of: FileName(Self.leaf(for: id))) == .file
        } catch {
            throw .store(error)
        }
    }

    // MARK: Archives

    /// What was loaded from archives that still lie where they were.
    func preloadRecords() throws(ImageFailure) -> [PreloadRecord] {
        try everything(in: preloads, PreloadRecord.self).records.filter { access($0.path, F_OK) == 0 }
            .sorted { $0.path < $1.path }
    }

    /// The archives because of which one of the images is pinned.
    func archives(of ids: [String]) throws(ImageFailure) -> [String] {
        try preloadRecords().filter { !Set($0.images).isDisjoint(with: ids) }.map(\.path)
    }

    /// Whether the file has been loaded as it is now, and all that came of it is here.
    func isPreloaded(_ path: String, _ stamp: FileStamp) throws(ImageFailure) -> Bool {
        // A record that cannot be read is as good as none: the archive is loaded again.
        guard let found = try? preloads.record(PreloadRecord.self, Self.leaf(for: path)), found.path == path,
            found.stamp == stamp
        else { return false }
        for id in found.images {
            guard try hasRecord(of: id) else { return false }
        }
        return true
    }

    /// Remembers what came of an archive.
    func notePreload(_ path: String, _ stamp: FileStamp, images: Set<String>) throws(ImageFailure) {
        let record = PreloadRecord(path: path, stamp: stamp, images: images.sorted())
        try alone { () throws(ImageFailure) in
            do throws(SystemFailure) {
                try preloads.write(record: record, Self.leaf(for: path))
            } catch {
                throw .store(error)
            }
        }
    }

    /// Forgets all archives but these, by their paths.
    func forgetPreloads(except paths: Set<String>) throws(ImageFailure) {
        let leaves = Set(paths.map(Self.leaf))
        try alone { () throws(ImageFailure) in
            do throws(SystemFailure) {
                for leaf in try preloads.entries() where !leaves.contains(leaf) {
                    try preloads.removeTree(leaf)
                }
            } catch {
                throw .store(error)
            }
        }
    }
}

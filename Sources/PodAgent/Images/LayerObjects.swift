import CNamespaces
import Glibc
import PodCore

/// The making of each kind of object.
extension LayerTree {
    /// A directory that is there already is kept with what is in it; its owner, mode and time become the later
    /// entry's.
    func placeDirectory(
        _ entry: ArchiveEntry,
        _ leaf: FileName,
        in parent: RootedDirectory
    ) throws(SystemFailure) {
        let directory = try makeOrKeepDirectory(leaf, in: parent)
        try setMetadata(entry, of: directory.raw, directory.name)
        try setTime(entry.modifiedAt, of: directory.raw, directory.name)
    }

    func makeOrKeepDirectory(
        _ leaf: FileName,
        in parent: RootedDirectory
    ) throws(SystemFailure) -> RootedDirectory {
        let kind = try parent.kind(of: leaf)
        if kind == .directory { return try parent.entry(directory: leaf) }
        try clear(leaf, in: parent)
        let directory = try parent.makeEntry(directory: leaf, mode: 0o755)
        // The whiteout that stood here hides what lower layers have; the directory must go on hiding it.
        if kind == .whiteout { try markOpaque(directory) }
        return directory
    }

    func placeFile(
        _ entry: ArchiveEntry,
        _ leaf: FileName,
        in parent: RootedDirectory,
        _ content: ArchiveReader?
    ) throws(LayerProblem) {
        // A hole costs nothing here, but whoever reads or copies the file pays for it; so it counts.
        guard entry.size >= 0, entry.size <= limits.layerBytes - facts.bytes else {
            throw .tooLarge(limit: limits.layerBytes)
        }
        facts.bytes += entry.size
        let subject = "\(parent.name)/\(leaf)"
        let file = try system { () throws(SystemFailure) in
            try clear(leaf, in: parent)
            return try parent.makeEntry(file: leaf, mode: 0o600)
        }
        if let content, entry.size > 0 { try copy(content, entry.size, to: file.raw, subject) }
        let raw = file.raw
        try system { () throws(SystemFailure) in
            try setMetadata(entry, of: raw, subject)
            try setTime(entry.modifiedAt, of: raw, subject)
        }
    }

    private func copy(
        _ content: ArchiveReader,
        _ size: Int64,
        to raw: Int32,
        _ subject: String
    ) throws(LayerProblem) {
        var end: Int64 = 0
        while let block = try nextBlock(of: content) {
            // A sparse file's map may put a piece anywhere, whatever size the entry claims.
            guard block.offset >= 0, block.offset <= size, Int64(block.bytes.count) <= size - block.offset
            else { throw .contentBehindEnd(size: size) }
            try system { () throws(SystemFailure) in
                try write(block.bytes, at: block.offset, to: raw, subject)
            }
            end = max(end, block.offset + Int64(block.bytes.count))
        }
        guard end < size else { return }
        // A sparse file may end with a hole.
        try system { () throws(SystemFailure) in
            _ = try check("ftruncate", subject) { ftruncate(raw, Int(size)) }
        }
    }

    private func nextBlock(
        of content: ArchiveReader
    ) throws(LayerProblem) -> (offset: Int64, bytes: UnsafeRawBufferPointer)? {
        do { return try content.nextBlock() } catch { throw .stream(error) }
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int64,
        to raw: Int32,
        _ subject: String
    ) throws(SystemFailure) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try check("pwrite", subject) {
                pwrite(raw, rest.baseAddress, rest.count, Int(offset) + done)
            }
        }
    }

    func placeLink(
        _ entry: ArchiveEntry,
        _ leaf: FileName,
        in parent: RootedDirectory,
        to target: [UInt8]
    ) throws(SystemFailure) {
        try clear(leaf, in: parent)
        try parent.makeEntry(symbolicLink: leaf, to: FileName(bytes: target))
        try setOwnerAndTime(entry, leaf, in: parent)
        drop(entry.attributes)
    }

    func placeFIFO(
        _ entry: ArchiveEntry,
        _ leaf: FileName,
        in parent: RootedDirectory
    ) throws(SystemFailure) {
        try clear(leaf, in: parent)
        try parent.makeEntry(node: leaf, type: S_IFIFO)
        try setOwnerAndTime(entry, leaf, in: parent)
        // What was just made is no link, so there is nothing that this could follow.
        try check("fchmodat", "\(parent.name)/\(leaf)") {
            fchmodat(parent.raw, leaf.cString, entry.mode & 0o7777, 0)
        }
        drop(entry.attributes)
    }

    /// Only regular files of this layer get a second name. The target's parent is resolved inside the layer; a target
    /// that is itself a link is not followed but refused.
    func placeHardLink(
        _ leaf: FileName,
        in parent: RootedDirectory,
        to target: [UInt8]
    ) throws(LayerProblem) {
        let text = printable(String(decoding: target, as: UTF8.self))
        let path: LayerPath
        do { path = try LayerPath(cleaning: target, limits: limits) } catch { throw .name(error) }
        guard let targetLeaf = path.leaf.map(FileName.init(bytes:)) else { throw .hardLinkToNoFile(text) }

        let holder: RootedDirectory
        do {
            let name = FileName(bytes: path.parent.joined)
            let descriptor = try root.open(name, flags: O_PATH | O_DIRECTORY)
            holder = RootedDirectory(adopting: descriptor, name: "\(root.name)/\(path.parent)")
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.errno) {
            throw .hardLinkToNothing(text)
        } catch {
            throw .system(error)
        }
        guard let status = try system({ () throws(SystemFailure) in try holder.status(of: targetLeaf) })
        else {
            throw .hardLinkToNothing(text)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .hardLinkToNoFile(text) }
        try system { () throws(SystemFailure) in
            if let existing = try parent.status(of: leaf), existing.st_ino == status.st_ino { return }
            try clear(leaf, in: parent)
            try parent.makeEntry(hardLink: leaf, to: targetLeaf, in: holder)
        }
    }
}

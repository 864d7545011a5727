import Glibc
import PodCore

/// One layer on its way from archive to directory: takes entry after entry and puts each in its place.
///
/// Names, links and owners come from a stranger. Every object is made through the door beneath the layer's own
/// directory: an entry's parent is resolved as if that directory were `/`, and its own name is never followed.
final class LayerTree {
    /// What there is to say of a finished layer.
    struct Facts: Hashable, Codable {
        /// The sizes of its files, in bytes.
        var bytes: Int64 = 0
        /// Its entries, and the directories that had to be made for them.
        var entries = 0
        /// The layer hides all that lies beneath it. overlayfs does not look for the mark on a root, so whoever stacks
        /// the layers leaves the lower ones out.
        var hidesLowerLayers = false
        /// Extended attributes of the archive that the directory does not have.
        var droppedAttributes: Set<String> = []
    }

    /// How many names of dropped attributes are remembered.
    static let droppedAttributesMax = 32

    let root: RootedDirectory
    let limits: ImageLimits
    var facts = Facts()
    /// Archives list a directory's files one after another.
    var lastParent: (path: LayerPath, directory: RootedDirectory)?
    /// Tells overlayfs not to show what lower layers have in a directory.
    private let setOpaque: (RootedDirectory) throws(SystemFailure) -> Void

    /// `root` is empty and belongs to this layer alone. Who may not mark a directory as opaque has somebody else do it.
    init(
        _ root: RootedDirectory,
        limits: ImageLimits,
        markingOpaque: @escaping (RootedDirectory) throws(SystemFailure) -> Void = OpaqueMark.set
    ) {
        self.root = root
        self.limits = limits
        setOpaque = markingOpaque
    }

    /// Puts the whole of a layer, compressed or not, in its place and checks its digest. `entryName` is the entry that
    /// is at hand when something is refused, if it is one.
    func unpack(
        _ stream: any ByteStream,
        diffID: Digest,
        _ entryName: inout String?
    ) throws(LayerProblem) {
        let expanded = try ofStream { () throws(StreamProblem) in try ExpandedStream(stream) }
        let tar = MeasuredStream(expanded, diffID.algorithm, limit: limits.layerBytes)
        let archive = try ofStream { () throws(StreamProblem) in try ArchiveReader(.tar, of: tar) }
        while let entry = try ofStream({ () throws(StreamProblem) in try archive.nextEntry() }) {
            entryName = entry.name.map { String(decoding: $0.prefix(limits.nameBytes), as: UTF8.self) }
            try place(entry, content: archive)
        }
        entryName = nil
        try ofStream { () throws(StreamProblem) in try tar.verify(diffID) }
    }

    /// Puts one entry in its place. `content` gives the content when it is a file.
    func place(_ entry: ArchiveEntry, content: ArchiveReader?) throws(LayerProblem) {
        try count()
        guard let name = entry.name else { throw .unreadableName }
        let parsed: LayerEntryName
        do { parsed = try LayerEntryName(parsing: name, limits: limits) } catch { throw .name(error) }
        switch parsed {
        case .bookkeeping: return
        case .object(let path): try place(entry, at: path, content)
        case .whiteout(let path): try hide(path)
        case .opaque(let directory): try hideAll(in: directory)
        }
    }

    /// Counts one more object to be made.
    func count() throws(LayerProblem) {
        facts.entries += 1
        guard facts.entries <= limits.layerEntries else { throw .tooManyEntries(limit: limits.layerEntries) }
    }

    private func place(
        _ entry: ArchiveEntry,
        at path: LayerPath,
        _ content: ArchiveReader?
    ) throws(LayerProblem) {
        // -1 would tell chown(2) to leave the owner as it is.
        let owners: Range<Int64> = 0..<4_294_967_295
        guard owners.contains(entry.uid), owners.contains(entry.gid) else {
            throw .owner(uid: entry.uid, gid: entry.gid)
        }
        guard entry.attributes.count <= limits.entryAttributes else {
            throw .tooManyAttributes(limit: limits.entryAttributes)
        }
        guard let leaf = path.leaf.map(FileName.init(bytes:)) else {
            guard entry.kind == .directory else { throw .rootIsNotADirectory }
            try system { () throws(SystemFailure) in
                let directory = try root.open(".", flags: O_RDONLY | O_DIRECTORY)
                try setMetadata(entry, of: directory.raw, root.name)
                try setTime(entry.modifiedAt, of: directory.raw, root.name)
            }
            return
        }
        let parent = try directory(at: path.parent)
        try keepingTime(of: parent) { () throws(LayerProblem) in
            try place(entry, leaf, in: parent, content)
        }
    }

    private func place(
        _ entry: ArchiveEntry,
        _ leaf: FileName,
        in parent: RootedDirectory,
        _ content: ArchiveReader?
    ) throws(LayerProblem) {
        switch entry.kind {
        case .directory:
            try system { () throws(SystemFailure) in try placeDirectory(entry, leaf, in: parent) }
        case .file: try placeFile(entry, leaf, in: parent, content)
        case .symbolicLink(let target):
            try system { () throws(SystemFailure) in try placeLink(entry, leaf, in: parent, to: target) }
        case .hardLink(let target): try placeHardLink(leaf, in: parent, to: target)
        case .fifo: try system { () throws(SystemFailure) in try placeFIFO(entry, leaf, in: parent) }
        case .device: throw .device
        case .other: throw .unknownKind
        }
    }

    /// Lower layers' object under this path is hidden. What this layer itself has there stays: "files that are
    /// present in the same layer as a whiteout file can only be hidden by whiteout files in subsequent layers."
    private func hide(_ path: LayerPath) throws(LayerProblem) {
        guard let leaf = path.leaf.map(FileName.init(bytes:)) else { return }
        let parent = try directory(at: path.parent)
        try keepingTime(of: parent) { () throws(LayerProblem) in
            try system { () throws(SystemFailure) in
                switch try parent.kind(of: leaf) {
                case .absent: try parent.makeEntry(node: leaf, type: S_IFCHR)
                case .directory: try markOpaque(parent.entry(directory: leaf))
                case .file, .symbolicLink, .whiteout, .other: return
                }
            }
        }
    }

    private func hideAll(in path: LayerPath) throws(LayerProblem) {
        if path.isRoot {
            facts.hidesLowerLayers = true
            return
        }
        let directory = try directory(at: path)
        try system { () throws(SystemFailure) in try markOpaque(directory) }
    }

    func markOpaque(_ directory: RootedDirectory) throws(SystemFailure) { try setOpaque(directory) }

    /// Removes what an earlier entry put here, so that the later one counts.
    func clear(_ leaf: FileName, in parent: RootedDirectory) throws(SystemFailure) {
        guard try parent.kind(of: leaf) != .absent else { return }
        lastParent = nil
        try parent.removeTree(leaf)
    }
}

/// A system call's failure as the layer's.
func system<Result: ~Copyable>(
    _ body: () throws(SystemFailure) -> Result
) throws(LayerProblem) -> Result {
    do { return try body() } catch { throw .system(error) }
}

/// A stream's problem as the layer's.
func ofStream<Result>(_ body: () throws(StreamProblem) -> Result) throws(LayerProblem) -> Result {
    do { return try body() } catch { throw .stream(error) }
}

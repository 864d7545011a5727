import CNamespaces
import Glibc
import PodCore

/// An image archive: a tar file, perhaps compressed, of an OCI layout or of what `docker save` writes.
///
/// It is read from its start each time, since its files may come in any order. The first reading keeps what looks like
/// JSON, so that in practice there is one more, for the layers.
final class ImageArchive: ImageContent {
    /// What the first reading keeps of documents altogether, in bytes.
    private static let keptMax = 32 << 20

    private enum Member {
        case file
        case link(to: String)
        case other
    }

    private let descriptor: Descriptor
    private let subject: String
    private let limits: ImageLimits
    private var members: [String: Member] = [:]
    private var documents: [String: [UInt8]] = [:]
    private var kept = 0

    /// Takes over an open regular file and reads it once.
    init(
        adopting descriptor: consuming Descriptor,
        subject: String,
        limits: ImageLimits
    ) throws(SourceProblem) {
        self.descriptor = descriptor
        self.subject = subject
        self.limits = limits
        let archive = try rewound()
        while let entry = try reading({ () throws(StreamProblem) in try archive.nextEntry() }) {
            try note(entry, of: archive)
        }
    }

    func file(_ name: String, limit: Int) throws(SourceProblem) -> [UInt8]? {
        guard let name = resolve(name) else { return nil }
        if let document = documents[name] {
            guard document.count <= limit else { throw .document(name, .tooLong(limit: limit)) }
            return document
        }
        var found: [UInt8]?
        try stream([name]) { (_, content) throws(SourceProblem) in
            found = try reading { () throws(StreamProblem) in try collect(content, limit: limit) }
            guard found != nil else { throw .document(name, .tooLong(limit: limit)) }
        }
        return found
    }

    func stream(
        _ names: Set<String>,
        _ body: (String, any ByteStream) throws(SourceProblem) -> Void
    ) throws(SourceProblem) {
        var wanted: [String: String] = [:]
        for name in names.sorted() {
            guard let member = resolve(name) else { throw .missing(name) }
            // Two names of one file: the content is the same, and so is what it is wanted for.
            guard wanted.updateValue(name, forKey: member) == nil else { throw .contradictoryLayers(name) }
        }
        let archive = try rewound()
        while !wanted.isEmpty {
            guard let entry = try reading({ () throws(StreamProblem) in try archive.nextEntry() }) else {
                throw .missing(wanted.values.sorted().joined(separator: ", "))
            }
            guard let member = Self.name(of: entry), let name = wanted.removeValue(forKey: member) else {
                continue
            }
            try body(name, EntryStream(archive))
        }
    }

    private func rewound() throws(SourceProblem) -> ArchiveReader {
        let raw = descriptor.raw
        do { try check("lseek", subject) { lseek(raw, 0, SEEK_SET) } } catch { throw .system(error) }
        return try reading { () throws(StreamProblem) in try ArchiveReader(.compressedTar, ofFile: raw) }
    }

    private func note(_ entry: ArchiveEntry, of archive: ArchiveReader) throws(SourceProblem) {
        guard let name = Self.name(of: entry) else { return }
        guard members.count < limits.archiveEntries else {
            throw .tooManyEntries(limit: limits.archiveEntries)
        }
        let member: Member
        switch entry.kind {
        case .file: member = .file
        // Older versions of Docker save a layer once and link its other names to it.
        case .symbolicLink(let target):
            let path = name.split(separator: "/").dropLast().joined(separator: "/")
            guard let target = Self.cleaned(Array("\(path)/".utf8) + target) else { return }
            member = .link(to: target)
        case .hardLink(let target):
            guard let target = Self.cleaned(target) else { return }
            member = .link(to: target)
        case .directory, .fifo, .device, .other: member = .other
        }
        if case .other = member { return }
        guard members.updateValue(member, forKey: name) == nil else { throw .twice(printable(name)) }
        if case .file = member { try keepIfDocument(entry, name, of: archive) }
    }

    private func keepIfDocument(
        _ entry: ArchiveEntry,
        _ name: String,
        of archive: ArchiveReader
    ) throws(SourceProblem) {
        let room = min(limits.documentBytes, Self.keptMax - kept)
        guard entry.size > 0, entry.size <= Int64(room) else { return }
        let bytes = try reading { () throws(StreamProblem) in try collect(EntryStream(archive), limit: room) }
        guard let bytes, bytes.first == UInt8(ascii: "{") || bytes.first == UInt8(ascii: "[") else { return }
        documents[name] = bytes
        kept += bytes.count
    }

    /// The file that a name stands for, through links of the archive. These are looked up in its list of names and
    /// nowhere else.
    private func resolve(_ name: String) -> String? {
        var name = name
        for _ in 0..<8 {
            switch members[name] {
            case .file: return name
            case .link(let target): name = target
            case .other, nil: return nil
            }
        }
        return nil
    }

    private static func name(of entry: ArchiveEntry) -> String? { entry.name.flatMap(cleaned) }

    /// Names of image archives are ASCII in practice; what is not UTF-8 cannot be listed in a manifest.
    static func cleaned(_ name: [UInt8]) -> String? {
        // A name that cannot be cleaned is too long or too deep to be one of an image archive's.
        guard let path = try? LayerPath(cleaning: name), !path.isRoot else { return nil }
        return String(validating: path.joined, as: UTF8.self)
    }
}

/// Reads a stream to its end; nil when it is longer than `limit`.
private func collect(_ stream: any ByteStream, limit: Int) throws(StreamProblem) -> [UInt8]? {
    var bytes: [UInt8] = []
    while true {
        let piece = try stream.next()
        if piece.isEmpty { return bytes }
        guard bytes.count + piece.count <= limit else { return nil }
        bytes += piece
    }
}

/// A stream's problem as the source's.
private func reading<Result>(_ body: () throws(StreamProblem) -> Result) throws(SourceProblem) -> Result {
    do { return try body() } catch { throw .stream(error) }
}

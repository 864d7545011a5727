import FoundationEssentials
import Glibc
import PodCore

/// What the store writes beside the layers, as JSON. Each has a version; a reader that does not know it leaves the
/// record, and all that it might refer to, alone.
protocol StoreRecord: Codable {
    static var currentVersion: Int { get }
    var version: Int { get }
}

/// `names/<hash of the name>.json`: a name and the image it stands for now.
struct NameRecord: StoreRecord {
    static let currentVersion = 1
    var version = currentVersion
    /// The canonical name.
    var name: String
    /// The image's ID, which is the digest of its config.
    var image: String
    /// The digest of the index or manifest that the name stood for at its source.
    var target: String?
    /// The digest of the manifest for this machine.
    var manifest: String?
    /// Fingerprints of the Pods' credentials that have opened it at its registry; nil when every Pod may use it.
    var access: [String]?
    /// Whether the name keeps its image from being cleared away; absent is no, as in records of versions that had no pins.
    var pinned: Bool?

    var isPinned: Bool { pinned ?? false }
    /// What the name stood for at its source.
    var digests: [String] { [target, manifest].compactMap(\.self) }
}

/// `records/<hash of the ID>.json`: an image.
struct ImageRecord: StoreRecord {
    static let currentVersion = 1
    var version = currentVersion
    var id: String
    /// The digests of the layers to stack, highest first.
    var layers: [String]
    /// What the layers' files amount to, in bytes.
    var size: Int64
    /// RFC 3339; when the image was made, if it says so.
    var created: String?
    /// RFC 3339; when it came into the store.
    var loaded: String
}

/// `layer-info/<directory>.json`: a layer that is there in full.
struct LayerRecord: StoreRecord {
    static let currentVersion = 1
    var version = currentVersion
    /// The whole digest of which the directory's name is a part.
    var diffID: String
    var bytes: Int64
    var entries: Int
    var hidesLowerLayers: Bool
    var droppedAttributes: [String]
}

/// `expected/<hash>.json`: layers that are on their way, of which no image has a record yet.
struct ExpectedRecord: StoreRecord {
    static let currentVersion = 1
    var version = currentVersion
    var layers: [String]
    /// Until the end of which boot what has come is kept for another attempt, when nobody brings it any more; nil when it is
    /// not. It is written to the disk only with the image, so after a power cut nobody knows what of it is there.
    var boot: String?
}

/// `preloads/<hash of the path>.json`: an archive that was loaded because of where it lies. While it lies there, its images
/// are pinned.
struct PreloadRecord: StoreRecord {
    static let currentVersion = 1
    var version = currentVersion
    var path: String
    /// Of the file as it was loaded.
    var stamp: FileStamp
    /// The IDs of the images that came of it.
    var images: [String]
}

/// By what one version of a file is told from another without reading it: stat(2).
struct FileStamp: Codable, Hashable {
    var size: Int64
    var modifiedAt: Timestamp
    var inode: UInt64
}

/// Why a record cannot be used.
enum RecordProblem: Error, Hashable, Sendable, CustomStringConvertible {
    case system(SystemFailure)
    case syntax(file: String)
    case version(Int, file: String)
    case digest(String, file: String)

    var description: String {
        switch self {
        case .system(let failure): "\(failure)"
        case .syntax(let file): "\(file) cannot be read"
        case .version(let version, let file): "\(file) has version \(version), written by a newer podagent"
        case .digest(let digest, let file): "\(file) has the digest \(String(reflecting: digest))"
        }
    }
}

extension RootedDirectory {
    private static let recordLimit = 4 << 20

    /// Reads a record; nil when there is none.
    func record<Record: StoreRecord>(_ type: Record.Type, _ leaf: String) throws(RecordProblem) -> Record? {
        let bytes: [UInt8]
        do {
            bytes = try read(leaf, limit: Self.recordLimit)
        } catch  where error.errno == ENOENT {
            return nil
        } catch {
            throw .system(error)
        }
        let file = "\(name)/\(leaf)"
        guard let version = try? JSONDecoder().decode(RecordVersion.self, from: Data(bytes)).version else {
            throw .syntax(file: file)
        }
        guard version == Record.currentVersion else { throw .version(version, file: file) }
        guard let record = try? JSONDecoder().decode(type, from: Data(bytes)) else {
            throw .syntax(file: file)
        }
        return record
    }

    /// Writes a record as a whole, and to the disk.
    func write(record: some StoreRecord, _ leaf: String) throws(SystemFailure) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let data: Data
        do {
            data = try encoder.encode(record)
        } catch {
            fatalError("a record of strings and numbers cannot be encoded: \(error)")
        }
        try replaceFile(leaf, with: Array(data), mode: 0o600, durable: true)
    }
}

private struct RecordVersion: Decodable { var version: Int }

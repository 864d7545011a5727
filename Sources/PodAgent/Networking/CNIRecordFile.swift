import Glibc
import PodCore

/// The record of a Pod's attachment on disk: `cni.json` in its state directory. Blocks.
enum CNIRecordFile {
    static let name = "cni.json"
    private static let sizeMax = 4 << 20

    /// On the disk when this returns.
    static func write(_ record: CNIRecord, to directory: RootedDirectory) throws {
        let bytes = RecordSeal.sealed(Array(record.document.json().utf8))
        try directory.replaceFile(name, with: bytes, mode: 0o600, durable: true)
    }

    /// Nil when there is none; throws when it cannot be understood.
    static func read(from directory: RootedDirectory) throws -> CNIRecord? {
        let bytes: [UInt8]
        do throws(SystemFailure) {
            bytes = try directory.read(name, limit: sizeMax)
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
        let subject = "\(directory.name)/\(name)"
        do {
            let parsed = JSONReader.read(try RecordSeal.content(of: bytes))
            guard let document = parsed.documents.first, parsed.problems.isEmpty else {
                throw CommandFailure(parsed.problems.first?.description ?? "empty")
            }
            return try CNIRecord(document)
        } catch {
            throw UnreadableRecord(description: "\(subject) cannot be understood: \(error)")
        }
    }

    /// The record is damaged, or of another version.
    struct UnreadableRecord: Error, CustomStringConvertible {
        let description: String
    }

    /// For people to look at, as long as the Pod's directory is there.
    static func setAside(in directory: RootedDirectory) throws(SystemFailure) {
        guard renameat(directory.raw, name, directory.raw, "unreadable-\(name)") == 0 else {
            throw .current("renameat", "\(directory.name)/\(name)")
        }
        try directory.synchronise()
    }

    static func remove(from directory: RootedDirectory) throws(SystemFailure) {
        guard unlinkat(directory.raw, name, 0) == 0 || errno == ENOENT else {
            throw .current("unlinkat", "\(directory.name)/\(name)")
        }
        try directory.synchronise()
    }
}

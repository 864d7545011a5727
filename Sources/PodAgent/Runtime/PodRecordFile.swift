import FoundationEssentials
import PodCore

/// What must be remembered of a Pod across restarts of podagent: `pod.json` in its state directory.
struct PodRecordFile: Codable, Equatable, Sendable {
    static let name = "machine.json"
    static let currentVersion = 3
    static let sizeMax = 16 << 20

    var version = Self.currentVersion
    /// /proc/sys/kernel/random/boot_id: ticks of another boot mean nothing.
    var bootID: String
    var source: PodSource
    var machine: PodMachine
    var status: PodStatusBuilder
    var facts: [String: PodStatusBuilder.ContainerFacts]
    var deletionRequestedAt: Timestamp?
    /// The Pod's addresses; absent in records of versions that gave none.
    var addresses: [String]?
    /// Execs share the shim's numbers with containers; theirs begin where no container's come.
    var nextExec: UInt64

    func write(to directory: RootedDirectory) throws {
        let bytes = RecordSeal.sealed(Array(try JSONEncoder().encode(self)))
        try directory.replaceFile(Self.name, with: bytes, mode: 0o600, durable: true)
    }

    /// Throws when the record is missing, damaged or of a later version.
    static func read(from directory: RootedDirectory) throws -> PodRecordFile {
        let bytes = try RecordSeal.content(of: directory.read(Self.name, limit: sizeMax))
        let record = try JSONDecoder().decode(PodRecordFile.self, from: Data(bytes))
        guard record.version == currentVersion else {
            throw CommandFailure(
                "\(directory.name)/\(name) has version \(record.version), not \(currentVersion)"
            )
        }
        return record
    }
}

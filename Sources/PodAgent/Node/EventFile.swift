import Glibc
import PodCore

/// The file that events are kept in from one agent to the next: `events.jsonl` in the state directory.
///
/// It grows by batches. Each is a head, a line for each event as it is then, or for the name of one that is kept no
/// longer, and a seal over these lines (``RecordSeal``); later lines replace earlier ones. So what is written is what has
/// changed: to write all events anew for each of them, as a Pod's record is, would wear out the flash disk of a small node
/// for a container that crashes every few minutes. From time to time the file is replaced by one batch of all events.
///
/// A batch without its seal at the end of the file is one that was being written when the machine lost its power. Nothing is
/// synchronised but what replaces the file: the last half minute of events is not worth a wait for the disk each.
enum EventFile {
    static let name = "events.jsonl"
    /// Far above what the ledger keeps, however its texts are escaped.
    static let sizeMax = 32 << 20
    private static let version: Int64 = 1

    /// What a file says.
    struct Content {
        var events: [String: Event] = [:]
        /// The newest version that any object of the node had when the file was last written to.
        var resourceVersion: UInt64 = 0
        /// Why not everything in it could be read.
        var problem: String?
        /// Whether its end is missing.
        var isCut = false
        var isMissing = false

        /// In the order in which they last happened.
        var sorted: [Event] {
            events.values.sorted {
                let (a, b) = ($0.versionNumber, $1.versionNumber)
                return a != b ? a < b : $0.metadata.name < $1.metadata.name
            }
        }
    }

    // MARK: Writing

    /// One batch: events as they are now, and the names of those that are gone.
    static func batch(_ events: [Event], removed: [String] = [], resourceVersion: UInt64) -> [UInt8] {
        let head: Document = .map([
            "events": Document(.integer(version)),
            "resourceVersion": Document(.string(String(resourceVersion))),
        ])
        var lines = head.json()
        for event in events { lines += "\n" + event.document.json() }
        for name in removed { lines += "\n" + Document.map(["removed": Document(.string(name))]).json() }
        return RecordSeal.sealed(Array(lines.utf8))
    }

    // MARK: Reading

    /// Reads the file of an earlier agent. Never fails: what cannot be read is told in the content's `problem`.
    static func read(from directory: RootedDirectory) -> Content {
        do throws(SystemFailure) {
            return content(of: try directory.read(name, limit: sizeMax))
        } catch {
            if error.errno == ENOENT { return Content(isMissing: true) }
            let why = error.errno == EFBIG ? "it has more than \(sizeMax >> 20) MiB" : errnoText(error.errno)
            return Content(problem: why)
        }
    }

    /// All whole batches up to the first that is damaged.
    static func content(of bytes: [UInt8]) -> Content {
        var content = Content()
        var rest = bytes[...]
        while let end = sealEnd(in: rest) {
            do {
                let batch = try RecordSeal.content(of: Array(rest[..<end]))
                try read(batch, into: &content)
            } catch {
                content.problem = "\(error)"
                return content
            }
            rest = rest[end...]
        }
        content.isCut = !rest.isEmpty
        return content
    }

    /// Where the first batch ends; nil when it has no seal. No JSON text has a line break that is not escaped, so a line
    /// that begins as seals do is one.
    private static func sealEnd(in bytes: ArraySlice<UInt8>) -> Int? {
        let marker = RecordSeal.marker.utf8
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            if bytes[start..<end].starts(with: marker) { return end + 1 }
            start = end + 1
        }
        return nil
    }

    private static func read(_ batch: [UInt8], into content: inout Content) throws {
        for (index, line) in batch.split(separator: 0x0A).enumerated() {
            let parsed = JSONReader.read(Array(line))
            guard let document = parsed.documents.first, parsed.problems.isEmpty else {
                throw CommandFailure("a line of it is not JSON")
            }
            if index == 0 {
                guard document["events"]?.integer == version else {
                    throw CommandFailure("it is not of version \(version)")
                }
                let resourceVersion = document["resourceVersion"]?.string.flatMap { UInt64($0) } ?? 0
                content.resourceVersion = max(content.resourceVersion, resourceVersion)
            } else if let name = document["removed"]?.string {
                content.events[name] = nil
            } else {
                var report = DecodeReport(checksSupport: false)
                guard let event = Event.decode(document, at: .root, report: &report), report.problems.isEmpty
                else {
                    throw CommandFailure("a line of it is no event")
                }
                content.events[event.metadata.name] = event
            }
        }
    }

    /// Keeps a file that cannot be read under a name that says so; says where.
    static func setAside(in directory: RootedDirectory, why: String) -> String {
        let path = "\(directory.name)/\(name)"
        let aside = "unreadable-events-\(Clock.wall().nanoseconds)"
        let moved = renameat(directory.raw, name, directory.raw, aside) == 0
        let what =
            moved ? "set aside as \(directory.name)/\(aside)" : "and left where it is (\(errnoText(errno)))"
        return "the events in \(path) cannot all be read (\(why)): \(what)"
    }
}

extension Event {
    /// Its `resourceVersion`, which rises with each thing that happens.
    var versionNumber: UInt64 { UInt64(metadata.resourceVersion) ?? 0 }
}

import Glibc
import PodCore

/// The agent's own log: one line each on standard error, with the priority in front that journald understands
/// (sd-daemon(3)), when standard error is the journal, and the time when it is not.
enum Log {
    enum Priority: Int, Sendable {
        case error = 3, warning = 4, notice = 5, info = 6
    }

    static func error(_ text: @autoclosure () -> String) { write(.error, text()) }
    static func warning(_ text: @autoclosure () -> String) { write(.warning, text()) }
    static func notice(_ text: @autoclosure () -> String) { write(.notice, text()) }
    static func info(_ text: @autoclosure () -> String) { write(.info, text()) }

    private static let isJournal = getenv("JOURNAL_STREAM") != nil

    private static func write(_ priority: Priority, _ text: String) {
        // A line break in a name or a message must not look like another line of ours.
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let prefix = isJournal ? "<\(priority.rawValue)>" : "\(Clock.wall().rfc3339) \(priority) "
        let bytes = Array("\(prefix)\(line)\n".utf8)
        // A log that cannot be written cannot be complained about either.
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}

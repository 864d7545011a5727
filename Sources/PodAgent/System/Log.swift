import Glibc
import PodCore
import Synchronization

/// The agent's own log: one line each on standard error, as text or as JSON.
///
/// When standard error is the journal, the priority stands in front as journald understands it (sd-daemon(3)): it takes
/// the priority from there and the rest as the message. Elsewhere text has the time in front; JSON has it always.
enum Log {
    enum Priority: Int, Sendable {
        case error = 3, warning = 4, notice = 5, info = 6
    }

    enum Format: String, CaseIterable, Sendable {
        case text, json
    }

    static func error(_ text: @autoclosure () -> String) { write(.error, text()) }
    static func warning(_ text: @autoclosure () -> String) { write(.warning, text()) }
    static func notice(_ text: @autoclosure () -> String) { write(.notice, text()) }
    static func info(_ text: @autoclosure () -> String) { write(.info, text()) }

    /// Why the agent could not start. On a terminal this looks like the failure of any command.
    static func startFailed(_ text: String) {
        if isJournal || format == .json { return error(text) }
        output.write("podagent: " + LogLine.clean(text))
    }

    static var format: Format {
        get { settings.withLock { $0.format } }
        set { settings.withLock { $0.format = newValue } }
    }

    /// The node's name, once it is known; part of JSON lines.
    static var nodeName: String? {
        get { settings.withLock { $0.nodeName } }
        set { settings.withLock { $0.nodeName = newValue } }
    }

    private struct Settings {
        var format = Format.text
        var nodeName: String?
    }

    private static let settings = Mutex(Settings())
    private static let output = LineWriter(descriptor: 2)
    /// Whether standard error is the journal.
    static let isJournal = LogLine.isJournal(descriptor: 2, named: getenv("JOURNAL_STREAM"))

    private static func write(_ priority: Priority, _ text: String) {
        let settings = settings.withLock { $0 }
        let line = LogLine(time: Clock.wall(), priority: priority, message: text, nodeName: settings.nodeName)
        output.write(line.rendered(settings.format, toJournal: isJournal))
    }
}

/// Writes lines that stay whole: on a pipe one may take more than one write(2), and others write meanwhile.
final class LineWriter: Sendable {
    private let descriptor: Int32
    private let isWriting = Mutex(())

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// - Parameter line: without its line break.
    func write(_ line: String) {
        var line = line
        line += "\n"
        // A log that cannot be written cannot be complained about either.
        isWriting.withLock { _ in _ = writeToEnd(descriptor, Array(line.utf8)) }
    }
}

/// One line of the agent's log.
struct LogLine: Sendable {
    let time: Timestamp
    let priority: Log.Priority
    let message: String
    let nodeName: String?

    /// journald cuts lines at 48 KiB (LineMax= of journald.conf(5)), and the second part would have no priority.
    static let messageBytesMax = 16 << 10

    /// The line without its line break.
    func rendered(_ format: Log.Format, toJournal isJournal: Bool) -> String {
        let text = Self.clean(message)
        let priorityMark = isJournal ? "<\(priority.rawValue)>" : ""
        switch format {
        case .text: return (isJournal ? priorityMark : "\(time.rfc3339) \(priority) ") + text
        case .json: return priorityMark + json(text)
        }
    }

    private func json(_ text: String) -> String {
        var entries = [
            Document.Entry("time", Document(.string(time.rfc3339Nano))),
            Document.Entry("level", Document(.string("\(priority)"))),
            Document.Entry("priority", Document(.integer(Int64(priority.rawValue)))),
            Document.Entry("message", Document(.string(text))),
        ]
        if let nodeName { entries.append(Document.Entry("node", Document(.string(nodeName)))) }
        return Document(.map(entries)).json()
    }

    /// A line break in a name or a message must not look like another line of ours, nor a control character reach
    /// somebody's terminal.
    static func clean(_ text: String) -> String {
        var clean = ""
        for scalar in text.split(whereSeparator: \.isNewline).joined(separator: " ").unicodeScalars {
            guard clean.utf8.count < messageBytesMax else { return clean + "…" }
            clean.unicodeScalars.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        return clean
    }

    /// Whether a descriptor is the journal's stream, whose device and inode JOURNAL_STREAM names (systemd.exec(5)). The
    /// variable alone says nothing: whoever redirects our output leaves it as it is.
    static func isJournal(descriptor: Int32, named stream: UnsafePointer<CChar>?) -> Bool {
        guard let stream else { return false }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        return String(cString: stream) == "\(status.st_dev):\(status.st_ino)"
    }
}

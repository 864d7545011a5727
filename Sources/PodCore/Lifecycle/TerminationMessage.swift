/// What an ended container has left as its last words (reference §6.10): the end of a file that it could write to, or of
/// what it printed.
public enum TerminationMessage {
    /// The most that is taken of the file, in bytes: its end.
    public static let fileLimit = 4096
    /// The most that is taken of the log, in bytes and lines: its end.
    public static let logLimit = (bytes: 2048, lines: 80)

    /// Whether the log speaks where the file is empty. An instance that never ran has printed nothing.
    public static func fallsBack(_ policy: TerminationMessagePolicy, file: [UInt8], exitCode: Int32) -> Bool {
        policy == .fallbackToLogsOnError && file.isEmpty && exitCode != 0
    }

    /// The text of the end of a file. What is no UTF-8, be it that a character was cut in two, becomes U+FFFD.
    public static func text(file: some Collection<UInt8>) -> String {
        String(decoding: file.suffix(fileLimit), as: UTF8.self)
    }

    /// The text of the end of a log in the CRI format, as `logs --tail` shows it: both streams, in the order of the file.
    ///
    /// - Parameter isWhole: Whether the bytes begin with a line, and not somewhere in one.
    public static func text(log bytes: [UInt8], isWhole: Bool) -> String {
        var lines = bytes.split(separator: 0x0A)
        // What is being written has no end yet; of an ended container that is half a line.
        if bytes.last != 0x0A, !lines.isEmpty { lines.removeLast() }
        if !isWhole, !lines.isEmpty { lines.removeFirst() }
        var output: [UInt8] = []
        for line in lines.suffix(logLimit.lines).compactMap({ CRILogLine($0) }) {
            output += line.content
            if !line.isPartial { output.append(0x0A) }
        }
        return String(decoding: output.suffix(logLimit.bytes), as: UTF8.self)
    }

    /// What the runtime says comes before what the container says.
    public static func joined(runtime: String, container: String) -> String {
        if runtime.isEmpty || container.isEmpty { return runtime + container }
        return "\(runtime): \(container)"
    }
}

/// Turns the lines of a log file into what the client reads.
public struct LogRenderer: Sendable {
    private let options: LogOptions
    private var bytesLeft: Int64
    /// The last entry ended a line, so that the next begins one.
    private var isAtLineStart = true

    /// Renders by the options that concern single lines; where reading begins is another matter.
    public init(_ options: LogOptions) {
        self.options = options
        bytesLeft = options.limitBytes ?? .max
    }

    /// All bytes that the client wanted have been rendered.
    public var isFinished: Bool { bytesLeft <= 0 }

    /// Appends a line of the file to `output`: nothing if it is not of the format, too old or of another stream.
    ///
    /// Parts of a long line are joined as kubectl shows them: in the order of the file, whatever the stream, with the
    /// time only at the beginning of a line.
    public mutating func render(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        guard !isFinished, let line = CRILogLine(bytes) else { return }
        if let since = options.since, line.time < since { return }
        guard options.streams.contains(line.stream) else { return }
        let start = output.count
        if options.timestamps, isAtLineStart {
            output += line.time.rfc3339Nano.utf8
            output.append(0x20)
        }
        output += line.content
        if !line.isPartial { output.append(0x0A) }
        isAtLineStart = !line.isPartial || line.content.isEmpty
        let added = Int64(output.count - start)
        if added > bytesLeft { output.removeLast(Int(added - bytesLeft)) }
        bytesLeft -= added
    }
}

/// What a plugin that was run to its end has printed, and what that means.
public struct CNIAnswer: Sendable {
    /// How it ended.
    public var end: CommandEnd
    /// Standard output: the result or the error.
    public var output: [UInt8]
    /// Standard error: a log.
    public var errors: [UInt8]

    /// Makes it of its parts.
    public init(end: CommandEnd, output: [UInt8], errors: [UInt8]) {
        self.end = end
        self.output = output
        self.errors = errors
    }

    /// The result of an `ADD`; nil for the other commands, whose output says nothing.
    public func result(of command: CNIAttachment.Command) throws(Failure) -> Document? {
        guard end == .exited(0) else {
            // Libraries of plugins print their error and exit with 1; nothing says that a plugin must.
            if let report = document.flatMap(CNIFailure.Report.init) {
                throw Failure(cause: .reported(report))
            }
            throw Failure(cause: .failed(end, lastLine: lastLine))
        }
        guard command == .add else { return nil }
        guard let document, case .map = document.value else {
            throw Failure(cause: .noResult("it printed no result as JSON, but \(firstWords)"))
        }
        return document
    }

    /// A cause, to be thrown.
    public struct Failure: Error, Equatable {
        /// Why the plugin has failed.
        public let cause: CNIFailure.Cause
    }

    private var document: Document? {
        let parsed = JSONReader.read(output)
        guard parsed.problems.isEmpty, parsed.documents.count == 1 else { return nil }
        return parsed.documents.first
    }

    private var lastLine: String {
        let lines = String(decoding: errors.suffix(1024), as: UTF8.self).split { $0.isNewline }
        return lines.last.map(String.init) ?? ""
    }

    private var firstWords: String {
        output.isEmpty ? "nothing" : String(decoding: output.prefix(80), as: UTF8.self).quoted
    }
}

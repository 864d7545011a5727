/// What part of a log is wanted, and how: the API's `PodLogOptions` without what chooses the instance.
public struct LogOptions: Sendable, Hashable {
    /// Which outputs are shown.
    public enum Streams: String, Sendable, CaseIterable {
        case all = "All"
        case stdout = "Stdout"
        case stderr = "Stderr"

        func contains(_ stream: CRILogLine.Stream) -> Bool {
            switch self {
            case .all: true
            case .stdout: stream == .stdout
            case .stderr: stream == .stderr
            }
        }
    }

    /// Go on until the container ends.
    public var follow = false
    /// Only so many of the last entries; an entry is a line of the file, so a long line counts more than once.
    public var tailLines: Int64?
    /// Only entries of this time or later.
    public var since: Timestamp?
    /// Begin each line with its time.
    public var timestamps = false
    /// Cut after so many bytes.
    public var limitBytes: Int64?
    /// Which outputs are shown.
    public var streams = Streams.all

    /// Everything that there is.
    public init() {}
}

/// The query of a log request, before it is checked.
public struct LogQuery: Sendable, Hashable {
    /// Go on until the container ends.
    public var follow = false
    /// Begin each line with its time.
    public var timestamps = false
    /// So many of the last entries.
    public var tailLines: Int64?
    /// Entries of the last so many seconds.
    public var sinceSeconds: Int64?
    /// Entries from this time on.
    public var sinceTime: Timestamp?
    /// Cut after so many bytes.
    public var limitBytes: Int64?
    /// Which outputs are shown.
    public var stream: String?

    /// Asks for everything.
    public init() {}

    /// Checks all of it and works out the options; 422 with every mistake.
    public func options(now: Timestamp) throws(StatusFailure) -> LogOptions {
        var errors: [FieldError] = []
        if let tailLines, tailLines < 0 {
            errors.append(.invalid(FieldPath("tailLines"), tailLines, "must be greater than or equal to 0"))
        }
        if let limitBytes, limitBytes < 1 {
            errors.append(.invalid(FieldPath("limitBytes"), limitBytes, "must be greater than 0"))
        }
        if sinceSeconds != nil, sinceTime != nil {
            errors.append(.forbidden(.root, "at most one of `sinceTime` or `sinceSeconds` may be specified"))
        } else if let sinceSeconds, sinceSeconds < 1 {
            errors.append(.invalid(FieldPath("sinceSeconds"), sinceSeconds, "must be greater than 0"))
        }
        let streams = stream.map { LogOptions.Streams(rawValue: $0) } ?? .all
        if streams == nil {
            let known = LogOptions.Streams.allCases.map(\.rawValue)
            errors.append(.unsupported(FieldPath("stream"), stream ?? "", supported: known))
        } else if streams != .all, tailLines != nil {
            errors.append(
                .forbidden(.root, "`tailLines` and specific `stream` are mutually exclusive for now")
            )
        }
        guard errors.isEmpty, let streams else {
            throw .invalid(kind: "PodLogOptions", name: "", errors)
        }
        var options = LogOptions()
        options.follow = follow
        options.timestamps = timestamps
        options.tailLines = tailLines
        options.limitBytes = limitBytes
        options.streams = streams
        options.since = sinceTime ?? sinceSeconds.map { now + .seconds(min($0, 100 * 365 * 86_400)) * -1 }
        return options
    }
}

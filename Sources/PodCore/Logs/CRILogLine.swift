/// One line of a container's log file in the CRI format:
/// `2026-01-02T03:04:05.123456789Z stdout F the line`.
public struct CRILogLine: Sendable, Equatable {
    /// Which of the container's outputs it was written to.
    public enum Stream: String, Sendable {
        case stdout
        case stderr
    }

    /// When the shim read it.
    public var time: Timestamp
    /// The output that it came from.
    public var stream: Stream
    /// The container's line goes on in the next entry of this stream (tag `P`); else it ended here (`F`).
    public var isPartial: Bool
    /// What the container wrote, without the line's end.
    public var content: ArraySlice<UInt8>

    /// Makes a line.
    public init(time: Timestamp, stream: Stream, isPartial: Bool, content: ArraySlice<UInt8>) {
        self.time = time
        self.stream = stream
        self.isPartial = isPartial
        self.content = content
    }
}

extension CRILogLine {
    /// Reads a line without its newline; nil for anything that is not of this form. The tag may be a list separated by
    /// colons, of which the first alone says whether the line is partial.
    public init?(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        guard let time = Self.takeWord(&rest), let stream = Self.takeWord(&rest),
            let tag = Self.takeWord(&rest)
        else { return nil }
        let tags = tag.prefix { $0 != 0x3A }
        guard !tags.isEmpty, let when = Timestamp(criLogTime: time) else { return nil }
        switch stream.count {
        case 6 where stream.elementsEqual("stdout".utf8): self.stream = .stdout
        case 6 where stream.elementsEqual("stderr".utf8): self.stream = .stderr
        default: return nil
        }
        self.time = when
        isPartial = tags.elementsEqual(CollectionOfOne(0x50))
        content = rest
    }

    /// What stands before the next space, and removes both.
    private static func takeWord(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let space = rest.firstIndex(of: 0x20) else { return nil }
        defer { rest = rest[(space + 1)...] }
        return rest[..<space]
    }
}

extension Timestamp {
    fileprivate init?(criLogTime bytes: ArraySlice<UInt8>) {
        // Longer than any time can be written: not worth making a text of.
        guard bytes.count <= 64 else { return nil }
        self.init(rfc3339: String(decoding: bytes, as: UTF8.self))
    }
}

/// An instant that is written with microseconds, as newer events have it.
public struct MicroTime: Sendable, Hashable {
    /// The instant.
    public var time: Timestamp

    /// Wraps an instant.
    public init(_ time: Timestamp) { self.time = time }
}

extension MicroTime: APIValue {
    /// Reads an RFC 3339 time.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport)
        -> MicroTime?
    {
        Timestamp.decode(document, at: path, report: &report).map { MicroTime($0) }
    }

    /// RFC 3339 with six digits of fraction.
    public var document: Document {
        // Nine digits and a Z, of which the last three digits go.
        Document(.string(time.rfc3339Nano.dropLast(4) + "Z"))
    }

    /// A time.
    public static var shape: ValueShape { .scalar("time") }
}

/// An object of the API into which podagent never looks, kept as it came: what belongs to features that are
/// refused for good, such as the disks of clouds.
public struct RawObject: Sendable, Equatable, APIValue {
    /// What was given.
    public var document: Document

    /// Keeps a document.
    public init(_ document: Document) { self.document = document }

    /// Takes any map.
    public static func decode(_ document: Document, at path: FieldPath, report: inout DecodeReport)
        -> RawObject?
    {
        guard case .map = document.value else {
            report.wrongType(document, at: path, wanted: "a map")
            return nil
        }
        return RawObject(document)
    }

    /// An object of which nothing is known.
    public static var shape: ValueShape { .scalar("object") }
}

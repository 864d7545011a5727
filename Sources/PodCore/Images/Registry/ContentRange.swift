/// The `Content-Range` of a partial answer. (RFC 9110 §14.4.)
public struct ContentRange: Hashable, Sendable {
    /// The place of the first byte.
    public let start: Int64
    /// The place of the last byte.
    public let end: Int64
    /// The size of the whole; nil when the server does not say.
    public let size: Int64?

    /// Reads `bytes 100-199/1000`; nil when it is not of that form.
    public init?(_ text: String) {
        guard text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst("bytes ".count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let start = Int64(ends[0]), let end = Int64(ends[1]), 0 <= start, start <= end
        else { return nil }
        let size = Int64(parts[1])
        guard parts[1] == "*" || size.map({ $0 > end }) ?? false else { return nil }
        (self.start, self.end, self.size) = (start, end, size)
    }
}

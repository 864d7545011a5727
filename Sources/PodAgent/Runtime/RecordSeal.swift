import PodCore

/// The last line of a record: a hash of all that is before it. A disk that gives back other bits than it was given can
/// turn one valid record into another, with another exit code or another Pod's name.
///
/// The line is a comment of JSON5, so that a record can be read like any other JSON file by people and their tools. It
/// finds accidents; whoever can write to the state directory needs none.
enum RecordSeal {
    static let marker = "// fnv1a-128 "

    /// The record was changed after it was sealed.
    struct Broken: Error, CustomStringConvertible {
        var description: String { "its content and the hash in its last line differ" }
    }

    static func sealed(_ content: [UInt8]) -> [UInt8] {
        content + Array("\n\(marker)\(hash(content[...]))\n".utf8)
    }

    /// The content of a sealed record. One without a seal is from before there were seals.
    static func content(of record: [UInt8]) throws(Broken) -> [UInt8] {
        let lineEnd = record.last == 0x0A ? record.count - 1 : record.count
        guard let lineStart = record[..<lineEnd].lastIndex(of: 0x0A) else { return record }
        let line = String(decoding: record[(lineStart + 1)..<lineEnd], as: UTF8.self)
        guard line.hasPrefix(marker) else { return record }
        let content = record[..<lineStart]
        guard line.dropFirst(marker.count) == hash(content) else { throw Broken() }
        return Array(content)
    }

    private static func hash(_ content: ArraySlice<UInt8>) -> String {
        var hash = FNV1a128()
        hash.combine(content)
        return hash.hexadecimal
    }
}

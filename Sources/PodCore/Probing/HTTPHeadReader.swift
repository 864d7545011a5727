/// Reads the headers of a response line by line, whoever sends them: at most so many bytes of them, informational
/// responses and trailers included, however they are spread.
public struct HTTPHeadReader: Hashable, Sendable {
    /// Bytes of headers after which a response is given up. A kubelet takes 10 MiB; none that mean well have a hundredth.
    public static let bytesMax = 256 << 10

    /// What a line was.
    public enum Line: Hashable, Sendable {
        /// The first one, or one between; also of a response that only announces another (1xx).
        case more
        /// A header of the final response, or, after the head, a trailer.
        case header(name: String, value: String)
        /// The empty line behind the final response's headers.
        case endOfHead(HTTPExchange.Head)
    }

    private var bytes = 0
    private var status: Int?
    private var location: String?
    /// Whether the final response's headers are through.
    private(set) var isComplete = false

    /// Nothing read yet.
    public init() {}

    /// Takes the next line, with its end.
    public mutating func read(_ line: UnsafeBufferPointer<UInt8>) throws(NetworkFailure) -> Line {
        bytes += line.count
        guard bytes <= Self.bytesMax else { throw .headersTooLong(max: Self.bytesMax) }
        if !isComplete, line.starts(with: "HTTP/".utf8) {
            (status, location) = (try Self.status(line), nil)
            return .more
        }
        if line.allSatisfy({ $0 == 0x0D || $0 == 0x0A }) { return endOfHead() }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return .more }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        let value = Self.trimmed(line[(colon + 1)...])
        if !isComplete, location == nil, name.lowercased() == "location" { location = value }
        return .header(name: name, value: value)
    }

    private mutating func endOfHead() -> Line {
        // 101 is final: nobody asked for another protocol.
        guard let status, !isComplete, status == 101 || !(100..<200).contains(status) else { return .more }
        isComplete = true
        return .endOfHead(HTTPExchange.Head(status: status, location: location))
    }

    /// `HTTP/1.1 200 OK`, `HTTP/2 200`.
    private static func status(_ line: UnsafeBufferPointer<UInt8>) throws(NetworkFailure) -> Int {
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        let code = words.count > 1 ? trimmed(words[1]) : ""
        guard code.utf8.count == 3, let status = Int(code), status >= 100 else {
            throw .malformed(trimmed(line[...]))
        }
        return status
    }

    private static func trimmed(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        var bytes = bytes.drop(while: isBlank)
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

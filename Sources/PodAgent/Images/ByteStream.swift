import Glibc
import PodCore

/// Bytes that come piece by piece. Streams are stacked: file, measuring, expansion, measuring, tar.
protocol ByteStream: AnyObject {
    /// The next bytes, empty at the end. They are valid until the next call.
    func next() throws(StreamProblem) -> UnsafeRawBufferPointer
}

extension ByteStream {
    /// Reads on to the end.
    func drain() throws(StreamProblem) { while try !next().isEmpty {} }
}

/// The content of an open file.
final class DescriptorStream: ByteStream {
    private let descriptor: Descriptor
    private let subject: String
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

    init(_ descriptor: consuming Descriptor, subject: String) {
        self.descriptor = descriptor
        self.subject = subject
    }

    deinit { buffer.deallocate() }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        do {
            let count = try check("read", subject) { read(descriptor.raw, buffer.baseAddress, buffer.count) }
            return UnsafeRawBufferPointer(rebasing: buffer[..<count])
        } catch {
            throw .system(error)
        }
    }
}

/// Passes another stream's bytes on, counts them, computes their digest, and stops when there are too many.
final class MeasuredStream: ByteStream {
    private let upstream: any ByteStream
    private let hash: ContentHash
    private let limit: Int64
    private(set) var count: Int64 = 0

    init(_ upstream: any ByteStream, _ algorithm: Digest.Algorithm, limit: Int64) {
        self.upstream = upstream
        hash = ContentHash(algorithm)
        self.limit = limit
    }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        let bytes = try upstream.next()
        count += Int64(bytes.count)
        guard count <= limit else { throw .tooLong(limit: limit) }
        hash.update(bytes)
        return bytes
    }

    /// Reads on to the end and compares. Only once.
    func verify(_ expected: Digest) throws(StreamProblem) {
        try drain()
        let found = hash.finish()
        guard found == expected else { throw .digest(expected: expected, found: found) }
    }
}

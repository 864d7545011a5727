import CArchive
import Glibc
import PodCore

/// libarchive, reading. It takes streams apart into entries; where these go is never its business.
///
/// Of its decompressors only those inside the library are used. Others would start programs, and which of them
/// those are would be the archive's choice.
///
/// Names come out as the bytes that the archive has as long as the process is in the C locale, which it is unless
/// somebody calls setlocale(3). In any other, libarchive would convert and normalise them.
final class ArchiveReader {
    /// What is expected in the stream.
    enum Form {
        /// A tar archive as it is.
        case tar
        /// A tar archive that may be compressed, as `docker save | xz` makes it.
        case compressedTar
        /// Any bytes that may be compressed as layers are. They are one entry.
        case compressedBytes
    }

    private let handle: OpaquePointer
    private let source: Source?

    /// Reads what a stream gives.
    init(_ form: Form, of stream: any ByteStream) throws(StreamProblem) {
        let source = Source(stream)
        self.source = source
        handle = try Self.make(form)
        let client = Unmanaged.passUnretained(source).toOpaque()
        try succeed(archive_read_open(handle, client, nil, readFromSource, nil))
    }

    /// Reads an open file, which must stay open. What is not wanted of it is skipped by seeking, where it is not
    /// compressed.
    init(_ form: Form, ofFile raw: Int32) throws(StreamProblem) {
        source = nil
        handle = try Self.make(form)
        try succeed(archive_read_open_fd(handle, raw, 256 << 10))
    }

    deinit { archive_read_free(handle) }

    private static func make(_ form: Form) throws(StreamProblem) -> OpaquePointer {
        // Fails only when there is no memory.
        guard let handle = archive_read_new() else { fatalError("archive_read_new: out of memory") }
        var results: [Int32]
        switch form {
        case .tar:
            results = [archive_read_support_format_tar(handle)]
        case .compressedTar:
            results = [
                archive_read_support_format_tar(handle), archive_read_support_filter_gzip(handle),
                archive_read_support_filter_zstd(handle), archive_read_support_filter_bzip2(handle),
                archive_read_support_filter_xz(handle),
            ]
        case .compressedBytes:
            results = [
                archive_read_support_format_raw(handle), archive_read_support_filter_gzip(handle),
                archive_read_support_filter_zstd(handle),
            ]
        }
        // A warning means that the library would run a program for this.
        guard results.allSatisfy({ $0 == ARCHIVE_OK }) else {
            archive_read_free(handle)
            throw .archive("this libarchive was built without gzip, zstd, bzip2 or xz")
        }
        return handle
    }

    /// Warnings are about the conversion of names between character sets; names are taken as they are. `RETRY` is
    /// what a damaged header gives, and skipping over one would make something of it that its author did not.
    @discardableResult
    private func succeed(_ result: Int32) throws(StreamProblem) -> Int32 {
        guard ![ARCHIVE_OK, ARCHIVE_EOF, ARCHIVE_WARN].contains(result) else { return result }
        if let failure = source?.failure { throw failure }
        throw .archive(
            archive_error_string(handle).map { printable(String(cString: $0).prefix(1000)) }
                ?? "unknown error"
        )
    }

    /// The next entry; nil at the end.
    func nextEntry() throws(StreamProblem) -> ArchiveEntry? {
        var entry: OpaquePointer?
        let result = try succeed(archive_read_next_header(handle, &entry))
        guard result != ARCHIVE_EOF, let entry else { return nil }
        return ArchiveEntry(entry)
    }

    /// The next piece of the current entry's content and where in it the piece belongs; nil at the end. What lies
    /// between pieces is a hole. The bytes are valid until the next call.
    func nextBlock() throws(StreamProblem) -> (offset: Int64, bytes: UnsafeRawBufferPointer)? {
        var bytes: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        let result = try succeed(archive_read_data_block(handle, &bytes, &count, &offset))
        guard result != ARCHIVE_EOF else { return nil }
        return (offset, UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// Reads the current entry's content, holes as zeros. 0 is the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamProblem) -> Int {
        let count = archive_read_data(handle, buffer.baseAddress, buffer.count)
        if count < 0 { try succeed(Int32(truncatingIfNeeded: count)) }
        guard count >= 0 else { throw .archive("the content cannot be read") }
        return count
    }
}

/// The stream that libarchive calls back for, and what went wrong in it.
private final class Source {
    let stream: any ByteStream
    var failure: StreamProblem?

    init(_ stream: any ByteStream) { self.stream = stream }
}

private func readFromSource(
    _ handle: OpaquePointer?,
    _ client: UnsafeMutableRawPointer?,
    _ buffer: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
    guard let client, let buffer else { return -1 }
    let source = Unmanaged<Source>.fromOpaque(client).takeUnretainedValue()
    do {
        let bytes = try source.stream.next()
        buffer.pointee = bytes.baseAddress
        return bytes.count
    } catch {
        source.failure = error
        return -1
    }
}

/// What a stream of compressed bytes expands to. Bytes that are not compressed pass through.
final class ExpandedStream: ByteStream {
    private let reader: ArchiveReader
    private var started = false

    init(_ upstream: any ByteStream) throws(StreamProblem) {
        reader = try ArchiveReader(.compressedBytes, of: upstream)
    }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        if !started {
            started = true
            guard try reader.nextEntry() != nil else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        }
        while let block = try reader.nextBlock() {
            if !block.bytes.isEmpty { return block.bytes }
        }
        return UnsafeRawBufferPointer(start: nil, count: 0)
    }
}

/// The content of an archive's current entry.
final class EntryStream: ByteStream {
    private let reader: ArchiveReader
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

    init(_ reader: ArchiveReader) { self.reader = reader }

    deinit { buffer.deallocate() }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        let count = try reader.read(into: buffer)
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }
}

/// Text from a stranger on one line.
func printable(_ text: some StringProtocol) -> String {
    String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
}

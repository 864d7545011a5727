import Glibc
import PodCore

/// One file of a container's log, open for reading.
struct LogFile: Sendable {
    /// Bytes read at a time.
    static let blockSize = 65_536

    let name: String
    let identity: FileIdentity
    private let descriptor: SharedDescriptor

    /// Nil when there is no such file (any more), or something else than a regular file has its name.
    init?(_ name: String, in directory: RootedDirectory) throws(SystemFailure) {
        let descriptor: Descriptor
        do {
            // Opening a FIFO must not wait for its writer, nor a terminal become ours.
            descriptor = try directory.open(
                name,
                flags: O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
                resolution: .beneathWithoutLinks
            )
        } catch  where error.errno == ENOENT || error.errno == ELOOP || error.errno == ENXIO {
            return nil
        }
        var status = stat()
        let raw = descriptor.raw
        try check("fstat", "\(directory.name)/\(name)") { fstat(raw, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.name = name
        identity = FileIdentity(status)
        self.descriptor = SharedDescriptor(descriptor)
    }

    /// The file's size now, in bytes.
    func size() throws(SystemFailure) -> Int64 {
        var status = stat()
        try check("fstat", name) { fstat(descriptor.raw, &status) }
        return Int64(status.st_size)
    }

    /// Up to `count` bytes from `offset` on; empty at the end of what is written so far. Blocks on the disk.
    func read(at offset: Int64, count: Int = blockSize) throws(SystemFailure) -> [UInt8] {
        var failure: SystemFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(SystemFailure) {
                filled = try check("pread", name) {
                    pread(descriptor.raw, buffer.baseAddress, count, off_t(offset))
                }
            } catch {
                filled = 0
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// The files of one instance's log at one moment, oldest first.
struct LogFileSet: Sendable {
    /// Tries until a listing stands still.
    private static let attemptsMax = 8

    var files: [LogFile]

    /// Opens all files of the instance. A rotation may come between listing and opening; then it is done again, so that
    /// no file is missed and none is there twice.
    init(of restartCount: Int, in directory: RootedDirectory) throws(SystemFailure) {
        files = []
        var names = LogFileName.files(of: restartCount, among: try directory.entries())
        for _ in 0..<Self.attemptsMax {
            files = []
            for name in names {
                if let file = try LogFile(name, in: directory) { files.append(file) }
            }
            let after = LogFileName.files(of: restartCount, among: try directory.entries())
            // Names alone do not tell: a rotation gives the newest name to another file.
            let newest = files.last.flatMap { FileIdentity(of: $0.name, in: directory) }
            if after == names, newest == files.last?.identity { return }
            names = after
        }
    }

    /// Where the last lines begin: the files that hold them and the offset in the first of these.
    func tail(lines: Int64) throws(SystemFailure) -> (files: ArraySlice<LogFile>, offset: Int64) {
        var search = TailSearch(lines: lines)
        for index in files.indices.reversed() {
            var end = try files[index].size()
            while end > 0 {
                let start = max(0, end - Int64(LogFile.blockSize))
                let block = try files[index].read(at: start, count: Int(end - start))
                if let found = search.search(block) { return (files[index...], start + Int64(found)) }
                end = start
            }
            guard search.needsEarlierFile else { return (files[index...], 0) }
        }
        return (files[...], 0)
    }
}

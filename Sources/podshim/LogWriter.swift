import CNamespaces

/// Writes one container instance's output in the CRI log format, and rotates it.
///
/// A line is `<RFC 3339 time with nanoseconds> <stdout|stderr> <F|P> <content>\n`; `P` marks a piece whose line goes
/// on in the next entry of that stream. Lines longer than 16 KiB are cut into such pieces.
final class LogWriter {
    static let lineMax = 16_384

    private var directory: Int32
    private var file: Int32 = -1
    private var name: [UInt8]
    private var size = 0
    private let bytesMax: Int
    private let filesMax: Int
    private var rotated: [[UInt8]] = []
    private var lastRotation: (stamp: [UInt8], count: Int) = ([], -1)
    private var partial: (output: [UInt8], errors: [UInt8]) = ([], [])
    private var entries: [UInt8] = []
    /// Entries that could not be written, for want of disk space for example.
    private(set) var lost: UInt32 = 0

    /// Takes over `directory`. Nil, with errno, when the file cannot be opened.
    init?(directory: Int32, request: cns_request) {
        self.directory = directory
        bytesMax = request.log_bytes_max == 0 ? Int.max : Int(clamping: request.log_bytes_max)
        filesMax = max(1, Int(request.log_files_max))
        name = withUnsafeBytes(of: request.log_name) { bytes in
            var name: [UInt8] = []
            for byte in bytes {
                if byte == 0 { break }
                name.append(byte)
            }
            return name
        }
        guard open() else {
            let error = cns_errno()
            close()
            cns_set_errno(error)
            return nil
        }
    }

    /// Only a regular file is written to. The directory may be shown to a container (log collectors mount it), which
    /// could have put a FIFO or a disk's node in the place of the next log.
    private func open() -> Bool {
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
        file = withCString(name) { cns_openat(directory, $0, flags, 0o640) }
        guard file >= 0 else { return false }
        var status = stat()
        if fstat(file, &status) == 0 && cns_is_regular(status) == 1 {
            size = Int(status.st_size)
            return true
        }
        _ = CNamespaces.close(file)
        file = -1
        cns_set_errno(EINVAL)
        return false
    }

    func close() {
        if file >= 0 { _ = CNamespaces.close(file) }
        if directory >= 0 { _ = CNamespaces.close(directory) }
        file = -1
        directory = -1
    }

    /// Reads what a stream has, up to 16 KiB, and logs it. The count that read(2) gave.
    func read(from descriptor: Int32, _ stream: Run.Stream) -> Int {
        withUnsafeTemporaryAllocation(byteCount: Self.lineMax, alignment: 16) { buffer in
            let count = CNamespaces.read(descriptor, buffer.baseAddress, buffer.count)
            if count > 0 { log(UnsafeRawBufferPointer(rebasing: buffer[..<count]), stream) }
            return count
        }
    }

    /// What stands without a newline when the stream ends is logged as a piece (`P`).
    func endOfStream(_ stream: Run.Stream) {
        let rest = stream == .output ? partial.output : partial.errors
        guard !rest.isEmpty else { return }
        entry(stream, full: false, rest[...])
        setPartial([], stream)
        flush()
    }

    private func log(_ bytes: UnsafeRawBufferPointer, _ stream: Run.Stream) {
        var line = stream == .output ? partial.output : partial.errors
        for byte in bytes {
            if byte == 10 {
                entry(stream, full: true, line[...])
                line.removeAll(keepingCapacity: true)
                continue
            }
            if line.count == Self.lineMax {
                entry(stream, full: false, line[...])
                line.removeAll(keepingCapacity: true)
            }
            line.append(byte)
        }
        setPartial(line.isEmpty ? [] : line, stream)
        flush()
    }

    private func setPartial(_ bytes: [UInt8], _ stream: Run.Stream) {
        switch stream {
        case .output: partial.output = bytes
        case .errors: partial.errors = bytes
        }
    }

    private func entry(_ stream: Run.Stream, full: Bool, _ content: ArraySlice<UInt8>) {
        let header = 46
        if size + entries.count + content.count + header > bytesMax && size + entries.count > 0 {
            flush()
            rotate()
        }
        appendTimestamp(&entries, nanoseconds: cns_wall_clock())
        append(stream == .output ? " stdout " : " stderr ")
        append(full ? "F " : "P ")
        entries.append(contentsOf: content)
        entries.append(10)
    }

    private func append(_ text: StaticString) {
        entries.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Hands the entries to the kernel in one call. What it does not take is counted and given up: a full disk must
    /// not stop the container that wrote them.
    private func flush() {
        guard !entries.isEmpty else { return }
        if file < 0 { _ = open() }  // the last rotation could not make a new file; perhaps now
        let done = writeEntries()
        size += done
        if done < entries.count { giveUp(from: done) }
        entries = []
    }

    /// How many bytes the kernel took.
    private func writeEntries() -> Int {
        var done = 0
        while done < entries.count {
            let written = entries.withUnsafeBytes { bytes in
                write(file, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            }
            if written < 0 && cns_errno() == EINTR { continue }
            guard written > 0 else { break }
            done += written
        }
        return done
    }

    /// Counts the entries behind `done` as lost. One that was written in part is taken back, so that the next one
    /// begins a line.
    private func giveUp(from done: Int) {
        for byte in entries[done...] where byte == 10 { lost += 1 }
        let whole = entries[..<done].lastIndex(of: 10).map { $0 + 1 } ?? 0
        guard whole < done, ftruncate(file, off_t(size - (done - whole))) == 0 else { return }
        size -= done - whole
    }

    /// `0.log` becomes `0.log.20260102-030405`; the oldest beyond the allowed number goes.
    ///
    /// Names sort in the order of their content, for readers rely on it: further rotations within a second, and those
    /// after the clock was set back, follow the last name as -01, -02, … After 99 of them the file is left to grow
    /// until the next second.
    private func rotate() {
        var stamp: [UInt8] = []
        appendCompactTime(&stamp, nanoseconds: cns_wall_clock())
        if lastRotation.stamp.isEmpty || lastRotation.stamp.lexicographicallyPrecedes(stamp) {
            lastRotation = (stamp, -1)
        }
        var target: [UInt8]
        repeat {
            guard lastRotation.count < 99 else { return }
            lastRotation.count += 1
            target = name + [46] + lastRotation.stamp
            if lastRotation.count > 0 {
                target += [45, 48 + UInt8(lastRotation.count / 10), 48 + UInt8(lastRotation.count % 10)]
            }
            guard rename(to: target) != 0 else { break }
            guard cns_errno() == EEXIST else { return }
        } while true
        rotated.append(target)
        _ = CNamespaces.close(file)
        if !open() { file = -1 }
        while rotated.count > filesMax - 1 {
            _ = withCString(rotated.removeFirst()) { unlinkat(directory, $0, 0) }
        }
    }

    private func rename(to target: [UInt8]) -> Int32 {
        withCString(name) { from in
            withCString(target) { to in
                cns_renameat2(directory, from, directory, to, 1)  // RENAME_NOREPLACE
            }
        }
    }
}

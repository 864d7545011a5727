import CNamespaces
import Glibc

/// The one door to a container's files.
///
/// Everything that the agent opens, creates, mounts or deletes on behalf of a container goes through a directory
/// descriptor of this kind. Paths are resolved by openat2(2) beneath it: `..`, absolute symbolic links and absolute
/// paths stay inside, magic links of procfs are refused. Nothing here ever takes a path from the host's root.
final class RootedDirectory: Sendable {
    private let descriptor: Descriptor
    /// How messages name this directory.
    let name: String

    /// Takes over a directory descriptor (`O_PATH` is enough).
    init(adopting descriptor: consuming Descriptor, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Opens a directory of the host by its path. Only for paths that the node's owner chose.
    convenience init(hostPath path: String) throws(SystemFailure) {
        let raw = try check("open", path) { cns_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0) }
        self.init(adopting: Descriptor(adopting: raw), name: path)
    }

    /// The descriptor, borrowed: valid as long as this object is.
    var raw: Int32 { descriptor.raw }

    /// How far a path may lead.
    enum Resolution: Sendable {
        /// As if this directory were `/`: links and `..` are followed and cannot leave (`RESOLVE_IN_ROOT`).
        case inRoot
        /// Leaving is an error (`EXDEV`), and so is any symbolic link (`ELOOP`).
        case beneathWithoutLinks

        var flags: UInt64 {
            switch self {
            case .inRoot: UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
            case .beneathWithoutLinks: UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)
            }
        }
    }

    /// openat2(2) of a path beneath this directory. `RESOLVE_IN_ROOT` answers `EAGAIN` when a rename raced with the
    /// resolution; that is tried again a bounded number of times.
    func open(
        _ path: String,
        flags: Int32,
        mode: UInt32 = 0,
        resolution: Resolution = .inRoot
    ) throws(SystemFailure) -> Descriptor {
        try open(FileName(path), flags: flags, mode: mode, resolution: resolution)
    }

    /// As ``open(_:flags:mode:resolution:)`` for a path that a container or an image chose.
    func open(
        _ path: FileName,
        flags: Int32,
        mode: UInt32 = 0,
        resolution: Resolution = .inRoot
    ) throws(SystemFailure) -> Descriptor {
        let subject = subject(path)
        for _ in 0..<128 {
            let raw = cns_openat2(self.raw, path.cString, UInt64(flags), UInt64(mode), resolution.flags)
            if raw >= 0 { return Descriptor(adopting: raw) }
            guard errno == EAGAIN || errno == EINTR else { throw .current("openat2", subject) }
        }
        throw SystemFailure(call: "openat2", subject: subject, errno: EAGAIN)
    }

    /// A directory beneath this one.
    func directory(
        _ path: String,
        resolution: Resolution = .inRoot
    ) throws(SystemFailure) -> RootedDirectory {
        let descriptor = try open(path, flags: O_PATH | O_DIRECTORY, resolution: resolution)
        return RootedDirectory(adopting: descriptor, name: subject(path))
    }

    /// A directory beneath this one, made together with its missing parents (`mode` for each that is made, whatever
    /// the umask). Existing directories keep their mode.
    func makeDirectory(
        _ path: String,
        mode: UInt32,
        resolution: Resolution = .inRoot
    ) throws(SystemFailure) -> RootedDirectory {
        do {
            return try directory(path, resolution: resolution)
        } catch  where error.errno == ENOENT {
            let (parentPath, leaf) = Self.split(path)
            let parent =
                parentPath.isEmpty ? self : try makeDirectory(parentPath, mode: mode, resolution: resolution)
            return try parent.makeLeaf(leaf, mode: mode, resolution: resolution)
        }
    }

    private func makeLeaf(
        _ leaf: String,
        mode: UInt32,
        resolution: Resolution
    ) throws(SystemFailure) -> RootedDirectory {
        let made = mkdirat(raw, leaf, mode)
        guard made == 0 || errno == EEXIST else { throw .current("mkdirat", subject(leaf)) }
        let descriptor = try open(
            leaf,
            flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
            resolution: .beneathWithoutLinks
        )
        if made == 0 {
            let raw = descriptor.raw
            try check("fchmod", subject(leaf)) { fchmod(raw, mode) }
        }
        return RootedDirectory(adopting: descriptor, name: subject(leaf))
    }

    /// An empty file of this name, which there is none of yet, of just this mode whatever the umask.
    func makeFile(_ leaf: String, mode: UInt32) throws(SystemFailure) -> Descriptor {
        let descriptor = try open(
            leaf,
            flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
            mode: mode,
            resolution: .beneathWithoutLinks
        )
        let file = descriptor.raw
        try check("fchmod", subject(leaf)) { fchmod(file, mode) }
        return descriptor
    }

    /// Reads a whole regular file of at most `limit` bytes (`EFBIG` beyond it, `EINVAL` for anything but a file).
    func read(_ path: String, limit: Int) throws(SystemFailure) -> [UInt8] {
        let descriptor = try open(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
        return try readRegularFile(descriptor, subject: subject(path), limit: limit)
    }

    /// Replaces a file as a whole: a temporary neighbour is written and renamed over it, so that a reader sees the
    /// old content or the new and never a part. `path` is one name; links are not followed. With `durable`, that
    /// also holds across a loss of power: file and directory are on the disk when this returns.
    func replaceFile(
        _ leaf: String,
        with bytes: [UInt8],
        mode: UInt32,
        durable: Bool = false
    ) throws(SystemFailure) {
        let temporary = ".\(leaf).tmp"
        _ = unlinkat(raw, temporary, 0)
        do throws(SystemFailure) {
            try write(bytes, to: temporary, mode: mode, durable: durable)
            CrashPoint.beforeRename.pass(writing: leaf, in: name)
            try check("renameat", subject(leaf)) { renameat(raw, temporary, raw, leaf) }
        } catch {
            // Half a file on a full disk helps nobody.
            unlinkat(raw, temporary, 0)
            throw error
        }
        if durable { try synchronise() }
    }

    private func write(
        _ bytes: [UInt8],
        to leaf: String,
        mode: UInt32,
        durable: Bool
    ) throws(SystemFailure) {
        let descriptor = try makeFile(leaf, mode: mode)
        let file = descriptor.raw
        try writeAll(descriptor, bytes, subject: subject(leaf))
        if durable { try check("fsync", subject(leaf)) { fsync(file) } }
    }

    /// Waits until what was made, renamed and unlinked in this directory is on the disk.
    func synchronise() throws(SystemFailure) {
        let directory = try open(".", flags: O_RDONLY | O_DIRECTORY)
        let file = directory.raw
        try check("fsync", name) { fsync(file) }
    }

    /// The names in this directory, sorted, without `.` and `..`. For directories that only the agent writes to.
    func entries() throws(SystemFailure) -> [String] { try entryNames().map(\.description).sorted() }

    /// The names in this directory as they are, in no order, without `.` and `..`.
    func entryNames() throws(SystemFailure) -> [FileName] {
        let subject = name
        let listed = try check("open", subject) { cns_openat(raw, ".", O_RDONLY | O_DIRECTORY, 0) }
        guard let stream = fdopendir(listed) else {
            let failure = SystemFailure.current("fdopendir", subject)
            close(listed)
            throw failure
        }
        defer { closedir(stream) }
        let dots = [FileName("."), FileName("..")]
        var names: [FileName] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { FileName(copying: $0) }
            }
            if !dots.contains(name) { names.append(name) }
        }
        return names
    }

    /// What messages call `path` beneath this directory, with one slash in between.
    private func subject(_ path: some CustomStringConvertible) -> String {
        let rest = path.description.drop { $0 == "/" }
        return name.hasSuffix("/") ? name + rest : "\(name)/\(rest)"
    }

    static func split(_ path: String) -> (parent: String, leaf: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        guard let leaf = parts.last else { return ("", ".") }
        return (parts.dropLast().joined(separator: "/"), String(leaf))
    }
}

/// Reads a regular file to its end; refuses anything else, so that a FIFO or a device can neither block nor feed us.
func readRegularFile(
    _ descriptor: borrowing Descriptor,
    subject: String,
    limit: Int
) throws(SystemFailure) -> [UInt8] {
    let raw = descriptor.raw
    var status = stat()
    try check("fstat", subject) { fstat(raw, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else {
        throw SystemFailure(call: "read", subject: subject, errno: EINVAL)
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = try check("read", subject) { Glibc.read(raw, &buffer, buffer.count) }
        if count == 0 { return bytes }
        bytes += buffer[..<count]
        guard bytes.count <= limit else { throw SystemFailure(call: "read", subject: subject, errno: EFBIG) }
    }
}

/// write(2) until all bytes are written.
func writeAll(
    _ descriptor: borrowing Descriptor,
    _ bytes: [UInt8],
    subject: String
) throws(SystemFailure) {
    let raw = descriptor.raw
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = try check("write", subject) {
            rest.withUnsafeBytes { Glibc.write(raw, $0.baseAddress, $0.count) }
        }
        rest = rest.dropFirst(count)
    }
}

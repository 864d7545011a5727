import CNamespaces
import Glibc

/// Work on what lies directly in a directory. Each name is one component, so no link is followed on the way, and
/// none at the end either.
extension RootedDirectory {
    /// What lies under a name.
    enum EntryKind {
        case absent
        case directory
        case file
        case symbolicLink
        /// A character device 0:0, with which overlayfs hides what lower layers have under that name.
        case whiteout
        case other
    }

    /// fstatat(2) of the entry itself; nil when there is none.
    func status(of leaf: FileName) throws(SystemFailure) -> stat? {
        var status = stat()
        if fstatat(raw, leaf.cString, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
        guard errno == ENOENT else { throw .current("fstatat", "\(name)/\(leaf)") }
        return nil
    }

    /// What lies under a name.
    func kind(of leaf: FileName) throws(SystemFailure) -> EntryKind {
        guard let status = try status(of: leaf) else { return .absent }
        return switch status.st_mode & S_IFMT {
        case S_IFDIR: .directory
        case S_IFREG: .file
        case S_IFLNK: .symbolicLink
        case S_IFCHR where status.st_rdev == 0: .whiteout
        default: .other
        }
    }

    /// Makes a directory with exactly this mode. There must not be anything yet.
    func makeEntry(directory leaf: FileName, mode: UInt32) throws(SystemFailure) -> RootedDirectory {
        try check("mkdirat", "\(name)/\(leaf)") { mkdirat(raw, leaf.cString, 0o700) }
        let made = try entry(directory: leaf)
        try check("fchmod", made.name) { fchmod(made.raw, mode) }
        return made
    }

    /// Opens a directory (for reading, so that attributes can be set on it), not a link to one.
    func entry(directory leaf: FileName) throws(SystemFailure) -> RootedDirectory {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        let descriptor = try open(leaf, flags: flags, resolution: .beneathWithoutLinks)
        return RootedDirectory(adopting: descriptor, name: "\(name)/\(leaf)")
    }

    /// Makes a regular file and opens it for writing. There must not be anything yet.
    func makeEntry(file leaf: FileName, mode: UInt32) throws(SystemFailure) -> Descriptor {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        return try open(leaf, flags: flags, mode: mode, resolution: .beneathWithoutLinks)
    }

    /// symlinkat(2); the target is not looked at.
    func makeEntry(symbolicLink leaf: FileName, to target: FileName) throws(SystemFailure) {
        try check("symlinkat", "\(name)/\(leaf)") { symlinkat(target.cString, raw, leaf.cString) }
    }

    /// mknodat(2): a FIFO (`S_IFIFO`), or with `S_IFCHR` a whiteout; devices are not made here.
    func makeEntry(node leaf: FileName, type: mode_t) throws(SystemFailure) {
        precondition(type == S_IFIFO || type == S_IFCHR, "node of type \(type)")
        try check("mknodat", "\(name)/\(leaf)") { mknodat(raw, leaf.cString, type | 0o600, 0) }
    }

    /// linkat(2): another name for a file that lies in `directory`, not for what a link there points to.
    func makeEntry(
        hardLink leaf: FileName,
        to target: FileName,
        in directory: RootedDirectory
    ) throws(SystemFailure) {
        try check("linkat", "\(name)/\(leaf)") {
            linkat(directory.raw, target.cString, raw, leaf.cString, 0)
        }
    }

    /// readlinkat(2).
    func target(ofSymbolicLink leaf: FileName) throws(SystemFailure) -> [UInt8] {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = try check("readlinkat", "\(name)/\(leaf)") {
            readlinkat(raw, leaf.cString, &buffer, buffer.count)
        }
        return buffer.prefix(count).map { UInt8(bitPattern: $0) }
    }

    /// renameat2(2) into another directory. Fails with `EEXIST` when there is something already.
    func move(
        _ leaf: FileName,
        to target: FileName,
        in directory: RootedDirectory
    ) throws(SystemFailure) {
        try check("renameat2", "\(directory.name)/\(target)") {
            cns_renameat2(raw, leaf.cString, directory.raw, target.cString, 1 /* RENAME_NOREPLACE */)
        }
    }
}

/// What kind of file an open descriptor is of: one of the `S_IF…` constants.
func fileType(of raw: Int32, _ subject: String) throws(SystemFailure) -> mode_t {
    var status = stat()
    try check("fstat", subject) { fstat(raw, &status) }
    return status.st_mode & S_IFMT
}

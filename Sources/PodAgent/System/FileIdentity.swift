import Glibc

/// Which file it is, whatever its name.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let kind: UInt32

    /// Nil when there is no such file. A symbolic link is itself, not what it points to.
    init?(of leaf: String, in directory: RootedDirectory) {
        var status = stat()
        guard fstatat(directory.raw, leaf, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        self.init(status)
    }

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        kind = status.st_mode & S_IFMT
    }

    var isSocket: Bool { kind == S_IFSOCK }
}

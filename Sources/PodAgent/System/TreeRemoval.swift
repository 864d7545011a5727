import CNamespaces
import Glibc

extension RootedDirectory {
    /// Removes `leaf` and all that is beneath it, without following a link and without crossing into another mount.
    ///
    /// A mount found inside stops the removal with `EXDEV`: what is mounted there is somebody's data. Nothing to
    /// remove is success. The tree may be hostile: every directory is listed once, and a deep one is cut into pieces
    /// of ``TreeRemoval/depthMax`` levels, so neither time, stack nor descriptors grow with its shape.
    func removeTree(_ leaf: String) throws(SystemFailure) { try removeTree(FileName(leaf)) }

    /// As above, for a name that a container or an image chose.
    func removeTree(_ leaf: FileName) throws(SystemFailure) {
        // A name that is longer than the file system allows is none that anything there could have.
        if unlinkat(raw, leaf.cString, 0) == 0 || errno == ENOENT || errno == ENAMETOOLONG { return }
        guard errno == EISDIR || errno == EPERM else { throw .current("unlinkat", "\(name)/\(leaf)") }
        do throws(SystemFailure) {
            var removal = try TreeRemoval(of: leaf, in: self)
            try removal.run()
        } catch {
            guard error.errno == ENOENT else { throw error }
        }
    }
}

/// One removal under way: a stack of open directories, each with the sub-directories still to be removed.
private struct TreeRemoval {
    static let depthMax = 64

    private struct Level {
        let directory: RootedDirectory
        let leaf: FileName
        var pending: [FileName]
    }

    private let parent: RootedDirectory
    private var levels: [Level]
    private var moved = 0

    init(of leaf: FileName, in parent: RootedDirectory) throws(SystemFailure) {
        self.parent = parent
        levels = []
        try descend(into: leaf, of: parent)
    }

    mutating func run() throws(SystemFailure) {
        while let level = levels.last {
            guard let child = level.pending.last else {
                try removeEmpty(level)
                continue
            }
            levels[levels.count - 1].pending.removeLast()
            do throws(SystemFailure) {
                if levels.count < Self.depthMax {
                    try descend(into: child, of: level.directory)
                } else {
                    try moveToTop(child, of: level.directory)
                }
            } catch {
                // Two removals may meet: a container's and its Pod's. What the other was quicker to remove is gone.
                guard error.errno == ENOENT else { throw error }
            }
        }
    }

    /// Opens a directory, unlinks all in it that is not a directory and keeps the names of the rest.
    private mutating func descend(into leaf: FileName, of parent: RootedDirectory) throws(SystemFailure) {
        let flags = UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS)
        let opened = try check("openat2", "\(parent.name)/\(leaf)") {
            cns_openat2(parent.raw, leaf.cString, flags, 0, resolve)
        }
        let directory = RootedDirectory(
            adopting: Descriptor(adopting: opened),
            name: "\(parent.name)/\(leaf)"
        )
        var pending: [FileName] = []
        for entry in try directory.entryNames() {
            if unlinkat(directory.raw, entry.cString, 0) == 0 || errno == ENOENT { continue }
            guard errno == EISDIR || errno == EPERM else {
                throw .current("unlinkat", "\(directory.name)/\(entry)")
            }
            pending.append(entry)
        }
        levels.append(Level(directory: directory, leaf: leaf, pending: pending))
    }

    private mutating func removeEmpty(_ level: Level) throws(SystemFailure) {
        levels.removeLast()
        let holder = levels.last?.directory ?? parent
        guard unlinkat(holder.raw, level.leaf.cString, AT_REMOVEDIR) == 0 || errno == ENOENT else {
            throw .current("rmdir", "\(holder.name)/\(level.leaf)")
        }
    }

    /// Hangs a directory that lies too deep directly beneath the top of the tree, to be removed from there.
    private mutating func moveToTop(_ child: FileName, of directory: RootedDirectory) throws(SystemFailure) {
        let top = levels[0].directory
        while true {
            moved += 1
            let name = FileName(".podagent-removing-\(moved)")
            if renameat(directory.raw, child.cString, top.raw, name.cString) == 0 {
                levels[0].pending.append(name)
                return
            }
            // The tree may have something of that name itself. It cannot have all of them.
            guard [EEXIST, ENOTEMPTY].contains(errno) else {
                throw .current("renameat", "\(directory.name)/\(child)")
            }
        }
    }
}

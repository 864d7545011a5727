import Glibc

/// A file held by flock(2) for as long as its holder lives: the kernel lets go of it when the process dies, however it
/// dies.
///
/// The lock is on the file and not on its name. Somebody may remove the file, and then the next one to come makes and
/// locks another under the name: a holder to whom that matters asks ``isInPlace(in:)``.
final class LockFile: Sendable {
    let leaf: String
    private let descriptor: Descriptor
    private let identity: FileIdentity

    /// Makes the file if it is missing and takes the lock; `EWOULDBLOCK` when another holds it, and goes on to hold it
    /// for as long as `patience` lasts: see ``lockFile(_:subject:patience:)``.
    init(
        _ leaf: String,
        in directory: RootedDirectory,
        patience: Duration = .seconds(2)
    ) throws(SystemFailure) {
        self.leaf = leaf
        let subject = "\(directory.name)/\(leaf)"
        while true {
            let file = try directory.open(
                leaf,
                flags: O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
                mode: 0o600,
                resolution: .beneathWithoutLinks
            )
            let raw = file.raw
            try lockFile(raw, subject: subject, patience: patience)
            var status = stat()
            try check("fstat", subject) { fstat(raw, &status) }
            // Its last holder may have removed the file between our open and our lock.
            guard FileIdentity(of: leaf, in: directory) == FileIdentity(status) else { continue }
            descriptor = file
            identity = FileIdentity(status)
            return
        }
    }

    /// Whether whoever comes next will meet this lock in `directory`.
    func isInPlace(in directory: RootedDirectory) -> Bool {
        FileIdentity(of: leaf, in: directory) == identity
    }

    /// Removes the file, unless it has become somebody else's. It is removed while the lock is held: whoever opened it
    /// before finds another file, or none, under the name.
    func remove(from directory: RootedDirectory) {
        if isInPlace(in: directory) { unlinkat(directory.raw, leaf, 0) }
    }
}

import CNamespaces
import Glibc
import PodCore
import Synchronization

/// The lock file beside the node's socket, held by flock(2) for as long as a server lives: the kernel lets go of it
/// when the process dies, however it dies.
final class SocketLock: Sendable {
    private let directory: RootedDirectory
    private let leaf: String
    private let descriptor: Mutex<Descriptor?>

    /// Takes the lock or says that the socket is in use.
    init(directory: RootedDirectory, leaf: String, socketPath: String) throws(ListenerFailure) {
        self.directory = directory
        self.leaf = leaf
        do {
            descriptor = Mutex(try Self.acquire(in: directory, leaf: leaf))
        } catch  where error.errno == EWOULDBLOCK {
            throw .inUse(path: socketPath)
        } catch {
            throw .system(error)
        }
    }

    /// Gives the lock back and removes its file.
    func release() {
        descriptor.withLock { descriptor in
            guard descriptor != nil else { return }
            // Removed while the lock is held: whoever opened it before finds another file, or none, under the name.
            unlinkat(directory.raw, leaf, 0)
            descriptor = nil
        }
    }

    private static func acquire(in directory: RootedDirectory, leaf: String) throws(SystemFailure)
        -> Descriptor
    {
        while true {
            let file = try directory.open(
                leaf,
                flags: O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
                mode: 0o600,
                resolution: .beneathWithoutLinks
            )
            let raw = file.raw
            try lockFile(raw, subject: "\(directory.name)/\(leaf)")
            var status = stat()
            try check("fstat", "\(directory.name)/\(leaf)") { fstat(raw, &status) }
            // Its last holder may have removed the file between our open and our lock.
            if FileIdentity(of: leaf, in: directory) == FileIdentity(status) { return file }
        }
    }
}

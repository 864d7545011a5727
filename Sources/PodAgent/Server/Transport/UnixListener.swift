import CNamespaces
import Glibc
import PodCore
import Synchronization

/// Why the node's socket could not be made.
enum ListenerFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// A live server answers there or holds the lock beside it.
    case inUse(path: String)
    /// Something that is not a socket has the name.
    case notASocket(path: String)
    case pathTooLong(path: String)
    case system(SystemFailure)

    var description: String {
        switch self {
        case .inUse(let path):
            "socket in use: another server answers on \(path); stop it, or choose another path with --socket"
        case .notASocket(let path):
            "\(path) exists and is not a socket; move it away, or choose another path with --socket"
        case .pathTooLong(let path):
            "socket path \(path) is longer than the \(UnixAddress.pathMax) bytes that a socket's name may have; "
                + "choose a shorter one with --socket"
        case .system(let failure):
            "cannot make the socket: \(failure); its directory must exist, or choose another path with --socket"
        }
    }
}

/// The listening socket of the node.
///
/// The file appears under its name only when it is complete: bound in a private directory, given its group and mode,
/// listening, and then renamed. Nobody can connect before its permissions stand, whatever the umask, and a stale file
/// of a dead server is replaced without a moment in which there is none. A lock beside it keeps two servers that start
/// at once from taking it for stale both.
///
/// Who may talk to the node is who may write to the file: the kernel checks it at connect(2) (unix(7)).
final class UnixListener: Sendable {
    let path: String
    private let directory: RootedDirectory
    private let leaf: String
    private let identity: FileIdentity
    private let socket: AsyncListeningSocket
    /// Held for as long as this server lives.
    private let lock: SocketLock

    /// - Parameters:
    ///   - path: where the socket file is to be; its directory exists.
    ///   - mode: permission bits of the file.
    ///   - group: the file's group, nil for the process's own.
    init(path: String, mode: UInt32 = 0o660, group: UInt32? = nil) throws(ListenerFailure) {
        guard UnixAddress(path: path) != nil else { throw .pathTooLong(path: path) }
        let (parent, leaf) = RootedDirectory.split(path)
        self.path = path
        self.leaf = leaf
        do {
            directory = try RootedDirectory(hostPath: Self.directory(of: path, parent: parent))
            lock = try SocketLock(directory: directory, leaf: leaf + ".lock", socketPath: path)
            try Self.refuseLiveServer(path, in: directory, leaf: leaf)
            let made = try Self.makeSocket(in: directory, leaf: leaf, mode: mode, group: group)
            identity = made.identity
            socket = made.socket
        } catch let failure as ListenerFailure {
            throw failure
        } catch let failure as SystemFailure {
            throw .system(failure)
        } catch {
            // Both kinds of failure that the calls above declare are listed.
            preconditionFailure("unexpected failure: \(error)")
        }
    }

    /// The next connection.
    func accept() async throws(AsyncDescriptor.Failure) -> Descriptor { try await socket.accept() }

    /// Gives the socket file to another group. Who is connected stays so: permissions are asked for at connect(2).
    func setGroup(_ group: UInt32) throws(ListenerFailure) {
        // Somebody has put another file there, whose group is none of ours to change.
        guard FileIdentity(of: leaf, in: directory) == identity else { throw .inUse(path: path) }
        do throws(SystemFailure) {
            try check("fchownat", path) { fchownat(directory.raw, leaf, ~0, group, AT_SYMLINK_NOFOLLOW) }
        } catch {
            throw .system(error)
        }
    }

    /// Stops listening and removes the socket file, unless it has become somebody else's.
    func close() {
        socket.close()
        if FileIdentity(of: leaf, in: directory) == identity { unlinkat(directory.raw, leaf, 0) }
        lock.release()
    }

    private static func directory(of path: String, parent: String) -> String {
        if parent.isEmpty { return path.hasPrefix("/") ? "/" : "." }
        return path.hasPrefix("/") ? "/" + parent : parent
    }

    private static func refuseLiveServer(
        _ path: String,
        in directory: RootedDirectory,
        leaf: String
    ) throws(ListenerFailure) {
        guard let existing = FileIdentity(of: leaf, in: directory) else { return }
        guard existing.isSocket else { throw .notASocket(path: path) }
        do {
            _ = try connectUnixSocket(path: path).raw
            throw ListenerFailure.inUse(path: path)
        } catch let failure as SystemFailure {
            // Refused: nobody listens there any more. Anything else may be a live server that is only busy.
            guard failure.errno == ECONNREFUSED || failure.errno == ENOENT else { throw .inUse(path: path) }
        } catch let failure as ListenerFailure {
            throw failure
        } catch {
            preconditionFailure("unexpected failure: \(error)")
        }
    }

    private static func makeSocket(
        in directory: RootedDirectory,
        leaf: String,
        mode: UInt32,
        group: UInt32?
    ) throws(SystemFailure) -> (socket: AsyncListeningSocket, identity: FileIdentity) {
        let privateLeaf = ".\(leaf).new"
        try directory.removeTree(privateLeaf)
        let privateDirectory = try directory.makeDirectory(privateLeaf, mode: 0o700)
        // What a failure leaves is removed by the next start.
        defer { try? directory.removeTree(privateLeaf) }
        let subject = "\(directory.name)/\(leaf)"
        let made = try makeUnixSocket(subject: subject)
        let raw = made.raw
        // Bound through the descriptor of the directory, so that nothing can be slipped in between.
        guard let address = UnixAddress(path: "/proc/self/fd/\(privateDirectory.raw)/s") else {
            throw SystemFailure(call: "bind", subject: subject, errno: ENAMETOOLONG)
        }
        try check("bind", subject) { address.withPointer { bind(raw, $0, $1) } }
        if let group {
            try check("fchownat", subject) {
                fchownat(privateDirectory.raw, "s", ~0, group, AT_SYMLINK_NOFOLLOW)
            }
        }
        try check("fchmodat", subject) { fchmodat(privateDirectory.raw, "s", mode, 0) }
        try check("listen", subject) { listen(raw, SOMAXCONN) }
        guard let identity = FileIdentity(of: "s", in: privateDirectory) else {
            throw .current("fstatat", subject)
        }
        try check("renameat", subject) { renameat(privateDirectory.raw, "s", directory.raw, leaf) }
        return (try AsyncListeningSocket(made, subject: subject), identity)
    }
}

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

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
    private let leaf: String
    private let mode: UInt32
    /// As the socket was made, or as it was set since.
    private let group: Mutex<UInt32?>
    private let state: Mutex<State>

    private enum State {
        case listening(Place)
        case closed
    }

    /// Where clients find it, and what answers them there.
    private struct Place {
        var directory: RootedDirectory
        /// Held for as long as this server lives.
        var lock: LockFile
        var identity: FileIdentity
        var socket: AsyncListeningSocket
    }

    /// - Parameters:
    ///   - path: where the socket file is to be; its directory exists.
    ///   - mode: permission bits of the file.
    ///   - group: the file's group, nil for the process's own.
    init(path: String, mode: UInt32 = 0o660, group: UInt32? = nil) throws(ListenerFailure) {
        guard UnixAddress(path: path) != nil else { throw .pathTooLong(path: path) }
        self.path = path
        self.mode = mode
        self.group = Mutex(group)
        leaf = RootedDirectory.split(path).leaf
        let directory = try Self.openDirectory(of: path)
        let lock = try Self.lock(Self.lockName(leaf), in: directory, path)
        let place = try Self.place(path, directory, lock, leaf: leaf, mode: mode, group: group)
        state = Mutex(.listening(place))
    }

    /// The next connection.
    func accept() async throws(AsyncDescriptor.Failure) -> Descriptor {
        while true {
            guard case .listening(let place) = state.withLock({ $0 }) else { throw .closed }
            do throws(AsyncDescriptor.Failure) {
                return try await place.socket.accept()
            } catch {
                // Closed because another one has taken its place.
                if error == .closed, case .listening(let now) = state.withLock({ $0 }),
                    now.socket !== place.socket
                {
                    continue
                }
                throw error
            }
        }
    }

    /// The names whose disappearance matters.
    var paths: [String] { [path, path + ".lock"] }

    /// Makes again what somebody has removed of the socket and its lock, with the same mode and group; answers what that
    /// was, by its path. The directory exists. Connections that were accepted go on. Once closed, nothing is made any
    /// more. Not for two callers at once.
    func makeWhole() throws(ListenerFailure) -> [String] {
        guard case .listening(var place) = state.withLock({ $0 }) else { return [] }
        var missing: [String] = []
        let directory = try Self.openDirectory(of: path)
        if !place.lock.isInPlace(in: directory) {
            // Whoever has it by now keeps it: this is the node's queue, where nobody waits.
            place.lock = try Self.lock(Self.lockName(leaf), in: directory, path, patience: .zero)
            missing.append(path + ".lock")
        }
        if FileIdentity(of: leaf, in: directory) != place.identity {
            place = try Self.place(
                path,
                directory,
                place.lock,
                leaf: leaf,
                mode: mode,
                group: group.withLock { $0 }
            )
            missing.append(path)
        }
        if !missing.isEmpty { take(place) }
        return missing
    }

    private func take(_ place: Place) {
        let replaced: AsyncListeningSocket? = state.withLock { state in
            guard case .listening(let old) = state else { return place.socket }
            state = .listening(place)
            return old.socket === place.socket ? nil : old.socket
        }
        replaced?.close()
        // Closed meanwhile: what was just made goes as well.
        if replaced === place.socket { Self.remove(place, leaf) }
    }

    /// Gives the socket file to another group, also should it be made again. Who is connected stays so: permissions are
    /// asked for at connect(2).
    func setGroup(_ group: UInt32) throws(ListenerFailure) {
        guard case .listening(let place) = state.withLock({ $0 }) else { return }
        // Somebody has put another file there, whose group is none of ours to change.
        guard FileIdentity(of: leaf, in: place.directory) == place.identity else { throw .inUse(path: path) }
        self.group.withLock { $0 = group }
        do throws(SystemFailure) {
            try check("fchownat", path) {
                fchownat(place.directory.raw, leaf, ~0, group, AT_SYMLINK_NOFOLLOW)
            }
        } catch {
            throw .system(error)
        }
    }

    /// Stops listening and removes the socket file, unless it has become somebody else's.
    func close() {
        let place: Place? = state.withLock { state in
            defer { state = .closed }
            if case .listening(let place) = state { return place }
            return nil
        }
        guard let place else { return }
        place.socket.close()
        Self.remove(place, leaf)
    }

    private static func remove(_ place: Place, _ leaf: String) {
        if FileIdentity(of: leaf, in: place.directory) == place.identity {
            unlinkat(place.directory.raw, leaf, 0)
        }
        place.lock.remove(from: place.directory)
    }

    private static func lockName(_ leaf: String) -> String { leaf + ".lock" }

    private static func openDirectory(of path: String) throws(ListenerFailure) -> RootedDirectory {
        do {
            return try RootedDirectory(
                hostPath: directory(of: path, parent: RootedDirectory.split(path).parent)
            )
        } catch {
            throw .system(error)
        }
    }

    private static func lock(
        _ name: String,
        in directory: RootedDirectory,
        _ path: String,
        patience: Duration = .seconds(2)
    ) throws(ListenerFailure) -> LockFile {
        do {
            return try LockFile(name, in: directory, patience: patience)
        } catch {
            throw error.errno == EWOULDBLOCK ? .inUse(path: path) : .system(error)
        }
    }

    /// Puts a listening socket in its place.
    private static func place(
        _ path: String,
        _ directory: RootedDirectory,
        _ lock: LockFile,
        leaf: String,
        mode: UInt32,
        group: UInt32?
    ) throws(ListenerFailure) -> Place {
        try refuseLiveServer(path, in: directory, leaf: leaf)
        do {
            let made = try makeSocket(in: directory, leaf: leaf, mode: mode, group: group)
            return Place(directory: directory, lock: lock, identity: made.identity, socket: made.socket)
        } catch {
            throw .system(error)
        }
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

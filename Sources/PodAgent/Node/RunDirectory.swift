import Glibc
import PodCore
import Synchronization

/// The run directory: what is in it of the node, and the lock that keeps a second agent out.
///
///     lock      held as long as the agent lives
///     empty/    the root of what needs none
///     pods/     one directory per Pod, with its shim's socket
///
/// It lies in a place that people clean up, so everything in it can be made again while the agent lives.
final class RunDirectory: Sendable {
    /// Absolute, because plans name places in it.
    let path: String
    private let held: Mutex<Held>

    private struct Held {
        var directory: RootedDirectory
        var lock: LockFile
    }

    private static let lockName = "lock"
    private static let subdirectories: [(name: String, mode: UInt32)] = [("empty", 0o555), ("pods", 0o700)]
    private static let what = "the run directory"
    private static let flag = "--run-dir"

    /// Makes it; it belongs to root alone. A second agent on it is refused.
    init(path: String) throws {
        self.path = path
        let directory = try NodeDirectories.make(path, mode: 0o711, flag: Self.flag)
        let lock = try NodeDirectories.lock(directory, Self.lockName, Self.what, flag: Self.flag)
        held = Mutex(Held(directory: directory, lock: lock))
        _ = try makeSubdirectories()
    }

    /// As it is now. After it has been made again, what was opened before is another directory, without a name.
    var directory: RootedDirectory { held.withLock { $0.directory } }

    /// The names whose disappearance matters.
    var paths: [String] { ([Self.lockName] + Self.subdirectories.map(\.name)).map { "\(path)/\($0)" } }

    /// Makes again what somebody has removed; answers what that was, by its path. Fails, in a line that says so, when
    /// another agent has taken the lock meanwhile. Not for two callers at once.
    func makeWhole() throws -> [String] {
        var missing: [String] = []
        let present = held.withLock { $0 }
        var directory = try NodeDirectories.make(path, mode: 0o711, flag: Self.flag)
        if try !isSame(directory, present.directory) {
            missing.append(path)
        } else {
            directory = present.directory
        }
        if !present.lock.isInPlace(in: directory) {
            let lock = try NodeDirectories.lock(directory, Self.lockName, Self.what, flag: Self.flag)
            held.withLock { $0 = Held(directory: directory, lock: lock) }
            missing.append("\(path)/\(Self.lockName)")
        }
        return missing + (try makeSubdirectories())
    }

    /// The subdirectories that were missing.
    private func makeSubdirectories() throws -> [String] {
        let directory = directory
        return try Self.subdirectories.compactMap { name, mode in
            let isMissing = (try? directory.directory(name)) == nil
            _ = try NodeDirectories.make("\(path)/\(name)", mode: mode, flag: Self.flag)
            return isMissing ? "\(path)/\(name)" : nil
        }
    }

    private func isSame(_ a: RootedDirectory, _ b: RootedDirectory) throws(SystemFailure) -> Bool {
        var (first, second) = (stat(), stat())
        try check("fstat", a.name) { fstat(a.raw, &first) }
        try check("fstat", b.name) { fstat(b.raw, &second) }
        return FileIdentity(first) == FileIdentity(second)
    }
}

import CNamespaces
import Glibc
import PodCore

/// The agent's own directories.
final class NodeDirectories: Sendable {
    let state: RootedDirectory
    let runDirectory: RunDirectory
    /// Absolute, because plans name places in it.
    let statePath: String
    private let logPath: String
    /// Held as long as the agent lives, so that a second one on the same state directory finds out: both would take its
    /// Pods for theirs.
    private let stateLock: LockFile
    static let stateLockLeaf = "agent.lock"

    /// Makes and opens them. The run directory belongs to root alone; a second agent on it or on the state directory
    /// is refused.
    init(options: NodeOptions) throws {
        statePath = try Self.absolute(options.stateDirectory)
        runDirectory = try RunDirectory(path: try Self.absolute(options.runDirectory))
        state = try Self.make(statePath, mode: 0o711, flag: "--state-dir")
        logPath = try Self.absolute(options.logDirectory)
        _ = try Self.make(logPath, mode: 0o755, flag: "--log-dir")
        stateLock = try Self.lock(state, Self.stateLockLeaf, "the state directory", flag: "--state-dir")
        _ = try Self.make("\(statePath)/pods", mode: 0o700, flag: "--state-dir")
    }

    /// Makes and opens a directory that can be written to, now, rather than when the first Pod needs it.
    static func make(_ path: String, mode: UInt32, flag: String) throws -> RootedDirectory {
        do throws(SystemFailure) {
            let directory = try RootedDirectory(hostPath: "/").makeDirectory(path, mode: mode)
            try check("faccessat", path) { faccessat(directory.raw, ".", W_OK | X_OK, 0) }
            return directory
        } catch {
            throw CommandFailure(
                "cannot use the directory \(path): \(errnoText(error.errno)); choose another by \(flag)"
            )
        }
    }

    static func absolute(_ path: String) throws -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { throw SystemFailure.current("getcwd", path) }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    /// Takes the lock of one of these directories.
    static func lock(
        _ directory: RootedDirectory,
        _ leaf: String,
        _ what: String,
        flag: String
    ) throws -> LockFile {
        do throws(SystemFailure) {
            return try LockFile(leaf, in: directory)
        } catch {
            throw CommandFailure(
                error.errno == EWOULDBLOCK
                    ? "another podagent uses \(what) \(directory.name); stop it, or choose another by \(flag)"
                    : "cannot use \(what) \(directory.name): \(error); choose another by \(flag)"
            )
        }
    }

    /// The run directory as it is now.
    var run: RootedDirectory { runDirectory.directory }

    /// The same for launch plans.
    var places: LaunchPlaces { LaunchPlaces(statePath: statePath, runPath: runDirectory.path) }

    /// A directory that survives reboots, of one Pod.
    func podState(_ uid: String) throws(SystemFailure) -> RootedDirectory {
        try state.makeDirectory("pods/\(uid)", mode: 0o711)
    }

    /// A directory that does not survive reboots, of one Pod.
    func podRun(_ uid: String) throws(SystemFailure) -> RootedDirectory {
        try run.makeDirectory("pods/\(uid)", mode: 0o700)
    }

    /// The directory of all logs, opened anew and made if it is missing: people do remove /var/log/pods.
    func logs() throws(SystemFailure) -> RootedDirectory {
        try RootedDirectory(hostPath: "/").makeDirectory(logPath, mode: 0o755)
    }

    /// `<namespace>_<name>_<uid>` beneath the log directory.
    static func logName(_ pod: Pod) -> String {
        "\(pod.metadata.namespace)_\(pod.metadata.name)_\(pod.metadata.uid)"
    }
}

/// A failure that ends a command: one line that says what to do.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

import CNamespaces
import Glibc
import PodCore

/// The agent's own directories, opened once.
final class NodeDirectories: Sendable {
    let state: RootedDirectory
    let run: RootedDirectory
    let logs: RootedDirectory
    /// Absolute, because plans name places in it.
    let runPath: String
    let statePath: String
    /// Held as long as the agent lives, so that a second one on the same directory finds out.
    private let lock: Descriptor

    /// Makes and opens them. The run directory belongs to root alone; a second agent on it is refused.
    init(options: NodeOptions) throws {
        runPath = try Self.absolute(options.runDirectory)
        statePath = try Self.absolute(options.stateDirectory)
        run = try Self.make(runPath, mode: 0o711)
        state = try Self.make(statePath, mode: 0o711)
        logs = try Self.make(try Self.absolute(options.logDirectory), mode: 0o755)
        lock = try Self.lock(run)
        _ = try run.makeDirectory("empty", mode: 0o555)
        _ = try run.makeDirectory("pods", mode: 0o700)
        _ = try state.makeDirectory("pods", mode: 0o700)
    }

    private static func make(_ path: String, mode: UInt32) throws -> RootedDirectory {
        do {
            return try RootedDirectory(hostPath: "/").makeDirectory(path, mode: mode)
        } catch {
            throw CommandFailure(
                "cannot use the directory \(path): \(errnoText(error.errno)); choose another by its flag, or run as root"
            )
        }
    }

    private static func absolute(_ path: String) throws -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { throw SystemFailure.current("getcwd", path) }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    private static func lock(_ run: RootedDirectory) throws -> Descriptor {
        let file = try run.open(
            "lock",
            flags: O_RDWR | O_CREAT,
            mode: 0o600,
            resolution: .beneathWithoutLinks
        )
        let raw = file.raw
        guard flock(raw, LOCK_EX | LOCK_NB) == 0 else {
            throw CommandFailure(
                "another podagent uses the run directory \(run.name); stop it, or choose another by --run-dir"
            )
        }
        return file
    }

    /// The same for launch plans.
    var places: LaunchPlaces { LaunchPlaces(statePath: statePath, runPath: runPath) }

    /// A directory that survives reboots, of one Pod.
    func podState(_ uid: String) throws(SystemFailure) -> RootedDirectory {
        try state.makeDirectory("pods/\(uid)", mode: 0o711)
    }

    /// A directory that does not survive reboots, of one Pod.
    func podRun(_ uid: String) throws(SystemFailure) -> RootedDirectory {
        try run.makeDirectory("pods/\(uid)", mode: 0o700)
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

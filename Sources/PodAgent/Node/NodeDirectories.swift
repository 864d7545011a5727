import CNamespaces
import Glibc
import PodCore

/// The agent's own directories.
final class NodeDirectories: Sendable {
    let state: RootedDirectory
    let run: RootedDirectory
    /// Absolute, because plans name places in it.
    let runPath: String
    let statePath: String
    private let logPath: String
    /// Held as long as the agent lives, so that a second one on the same directories finds out. Two agents with one
    /// state directory would both take its Pods for theirs.
    private let locks: [SharedDescriptor]

    /// Makes and opens them. The run directory belongs to root alone; a second agent on it or on the state directory
    /// is refused.
    init(options: NodeOptions) throws {
        runPath = try Self.absolute(options.runDirectory)
        statePath = try Self.absolute(options.stateDirectory)
        run = try Self.make(runPath, mode: 0o711, flag: "--run-dir")
        state = try Self.make(statePath, mode: 0o711, flag: "--state-dir")
        logPath = try Self.absolute(options.logDirectory)
        _ = try Self.make(logPath, mode: 0o755, flag: "--log-dir")
        locks = [
            try Self.lock(run, "lock", "the run directory \(run.name)", flag: "--run-dir"),
            try Self.lock(state, "agent.lock", "the state directory \(state.name)", flag: "--state-dir"),
        ]
        _ = try Self.make("\(runPath)/empty", mode: 0o555, flag: "--run-dir")
        _ = try Self.make("\(runPath)/pods", mode: 0o700, flag: "--run-dir")
        _ = try Self.make("\(statePath)/pods", mode: 0o700, flag: "--state-dir")
    }

    /// A directory that can be written to, now, rather than when the first Pod needs it.
    private static func make(_ path: String, mode: UInt32, flag: String) throws -> RootedDirectory {
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

    private static func absolute(_ path: String) throws -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { throw SystemFailure.current("getcwd", path) }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    private static func lock(
        _ directory: RootedDirectory,
        _ leaf: String,
        _ what: String,
        flag: String
    ) throws -> SharedDescriptor {
        let file: Descriptor
        do throws(SystemFailure) {
            let flags = O_RDWR | O_CREAT
            file = try directory.open(leaf, flags: flags, mode: 0o600, resolution: .beneathWithoutLinks)
        } catch {
            throw CommandFailure("cannot use \(what): \(error); choose another by \(flag)")
        }
        do throws(SystemFailure) {
            try lockFile(file.raw, subject: what)
        } catch {
            throw CommandFailure("another podagent uses \(what); stop it, or choose another by \(flag)")
        }
        return SharedDescriptor(file)
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

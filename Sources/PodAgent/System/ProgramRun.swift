import CNamespaces
import Glibc
import PodCore

/// A program of the operating system that is run to its end: what it is told, and what it says.
struct ProgramRun {
    /// What becomes of it.
    struct Outcome {
        /// As wait(2) has it.
        var status: Int32
        var output: [UInt8]
        var errors: [UInt8]
        /// What it was called by while it ran.
        var processID: pid_t

        var hasSucceeded: Bool { status == 0 }
    }

    /// Why there is no outcome.
    enum Failure: Error, CustomStringConvertible {
        case notFound(String)
        case tookTooLong(String, Duration)
        case saidTooMuch(String, Int)
        case call(SystemFailure)

        var description: String {
            switch self {
            case .notFound(let name):
                "there is no program \(name); install it, or put it on the PATH of podagent"
            case .tookTooLong(let name, let limit):
                "\(name) had not ended after \(limit.goText) and was killed"
            case .saidTooMuch(let name, let limit): "\(name) printed more than \(limit) bytes and was killed"
            case .call(let failure): "\(failure)"
            }
        }
    }

    /// Of the file, absolute.
    let path: String
    var arguments: [String] = []
    /// The whole of it.
    var environment: [String] = []
    /// Its standard input.
    var input: [UInt8] = []
    /// Bytes of its standard output, and of its standard error, that are read at most.
    var outputMax = 1 << 20
    /// How long it may take. Then it is killed, with everything in its process group.
    var timeLimit = Duration.seconds(30)

    /// The file of that name in the first directory that has it.
    static func find(_ name: String, in directories: [String] = systemDirectories) throws(Failure) -> String {
        let paths = directories.map { "\($0)/\(name)" }
        guard let path = paths.first(where: { access($0, X_OK) == 0 }) else { throw .notFound(name) }
        return path
    }

    /// PATH, and where Debian has what only root runs.
    private static var systemDirectories: [String] {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    }

    /// Runs it; blocks.
    func run() throws(Failure) -> Outcome {
        do {
            let running = try start()
            return try running.finish(outputMax: outputMax, timeLimit: timeLimit)
        } catch let failure as SystemFailure {
            throw .call(failure)
        } catch let failure as Failure {
            throw failure
        } catch {
            fatalError("\(error) is thrown by nothing in here")
        }
    }

    private func start() throws -> RunningProgram {
        // A file rather than a pipe: who writes into a pipe waits for its reader.
        let source = Descriptor(
            adopting: try check("memfd_create", path) { cns_sealed_memory("input", input, input.count) }
        )
        lseek(source.raw, 0, SEEK_SET)
        let (output, outputEnd) = try Self.pipe(path)
        let (errors, errorsEnd) = try Self.pipe(path)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (from, to) in [(source.raw, 0), (outputEnd.raw, 1), (errorsEnd.raw, 2)] as [(Int32, Int32)] {
            posix_spawn_file_actions_adddup2(&actions, from, to)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        )
        var pid: pid_t = 0
        let code = withCStrings([path] + arguments) { arguments in
            withCStrings(environment) { posix_spawn(&pid, path, &actions, &attributes, arguments, $0) }
        }
        guard code == 0 else { throw SystemFailure(call: "posix_spawn", subject: path, errno: code) }
        return RunningProgram(path: path, pid: pid, output: output, errors: errors)
    }

    private static func pipe(_ subject: String) throws(SystemFailure) -> (SharedDescriptor, SharedDescriptor)
    {
        var (reader, writer): (Int32, Int32) = (-1, -1)
        try check("pipe2", subject) { cns_pipe(&reader, &writer) }
        return (
            SharedDescriptor(Descriptor(adopting: reader)), SharedDescriptor(Descriptor(adopting: writer))
        )
    }
}

/// One that has been started and must be waited for.
private struct RunningProgram {
    let path: String
    let pid: pid_t
    let output: SharedDescriptor
    let errors: SharedDescriptor

    /// Reads what it prints until it has ended. What it has left running, and prints on, is not waited for.
    func finish(outputMax: Int, timeLimit: Duration) throws -> ProgramRun.Outcome {
        var status: Int32 = -1
        var isReaped = false
        defer {
            if !isReaped {
                kill(-pid, SIGKILL)
                waitpid(pid, &status, 0)
            }
        }
        let ended = Descriptor(adopting: try check("pidfd_open", path) { cns_pidfd_open(pid) })
        let deadline = Clock.tick() + timeLimit
        var (printed, complained) = ([UInt8](), [UInt8]())
        var watched = [output.raw, errors.raw, ended.raw].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        while true {
            let wait = (deadline - Clock.tick()).wholeMilliseconds
            guard wait > 0 else { throw ProgramRun.Failure.tookTooLong(path, timeLimit) }
            try check("poll", path) { poll(&watched, 3, Int32(clamping: wait)) }
            let hasEnded = watched[2].revents != 0
            if watched[0].revents != 0, !Self.read(output, &printed) { watched[0].fd = -1 }
            if watched[1].revents != 0, !Self.read(errors, &complained) { watched[1].fd = -1 }
            guard max(printed.count, complained.count) <= outputMax else {
                throw ProgramRun.Failure.saidTooMuch(path, outputMax)
            }
            // Not before both pipes have been found empty: what it said last may still be in them.
            if hasEnded, watched[0].revents == 0, watched[1].revents == 0 { break }
            for index in watched.indices { watched[index].revents = 0 }
        }
        try check("waitpid", path) { waitpid(pid, &status, 0) }
        isReaped = true
        return ProgramRun.Outcome(status: status, output: printed, errors: complained, processID: pid)
    }

    /// Takes what is there; false at the end.
    private static func read(_ end: SharedDescriptor, _ bytes: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = Glibc.read(end.raw, &buffer, buffer.count)
        guard count > 0 else { return count < 0 && errno == EINTR }
        bytes += buffer[..<count]
        return true
    }
}

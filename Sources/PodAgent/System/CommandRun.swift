import CNamespaces
import Glibc
import PodCore
import Synchronization

/// A program of the node's, run to its end with all of its input at hand and its output kept. Blocks; for workers.
///
/// It leads a process group of its own and has no descriptors but its standard streams. When the agent dies it goes on.
struct CommandRun: Sendable {
    let path: String
    /// After the program's name.
    var arguments: [String] = []
    /// All of its variables, `NAME=value`.
    let environment: [String]
    let input: [UInt8]
    /// After which it is killed, with what is left of its process group.
    let limit: Duration
    /// It is born in; nil is the agent's own.
    var cgroup: SharedDescriptor?
    /// By which it can be ended before; nil when nobody will.
    var cancellation: Cancellation?

    /// Why it was not left to end by itself.
    enum Failure: Error, Equatable {
        case system(SystemFailure)
        case tooSlow(limit: Duration)
        case tooLong(bytes: Int)
        case cancelled
    }

    /// Ends commands from another thread, those that have not begun too.
    final class Cancellation: Sendable {
        private struct State {
            var isCancelled = false
            /// A number that is the command's until it is waited for.
            var group: pid_t?
        }

        private let state = Mutex(State())

        func cancel() {
            state.withLock { state in
                state.isCancelled = true
                if let group = state.group { Glibc.kill(-group, SIGKILL) }
            }
        }

        var isCancelled: Bool { state.withLock(\.isCancelled) }

        /// The command has begun, or, with nil, is about to be waited for.
        fileprivate func watch(_ group: pid_t?) {
            state.withLock { state in
                state.group = group
                if state.isCancelled, let group { Glibc.kill(-group, SIGKILL) }
            }
        }
    }

    /// How it ended, and what it printed.
    struct Outcome: Sendable {
        let end: CommandEnd
        /// What it was called by while it ran.
        let processID: pid_t
        let output: [UInt8]
        /// The end of what came by standard error.
        let errors: [UInt8]
    }

    /// A program that has just been written can still be open for writing in a child that another thread has cloned and
    /// that has not come to its own exec; nothing tells when it has.
    private static let (busyAttempts, busyPause): (Int, UInt32) = (100, 10_000)
    /// Bytes of standard output.
    static let outputMax = 1 << 20
    /// Bytes of standard error that are kept, from its end.
    private static let errorsMax = 16 << 10

    /// Runs it. What it has left running in the background, and its output, is not waited for.
    func run() throws(Failure) -> Outcome {
        if cancellation?.isCancelled == true { throw .cancelled }
        let observed: Result<Outcome, Failure>
        do throws(SystemFailure) {
            observed = try observe(start())
        } catch {
            throw .system(error)
        }
        return try observed.get()
    }

    private struct Running {
        let pid: pid_t
        let pidfd: SharedDescriptor
        let output: SharedDescriptor
        let errors: SharedDescriptor
    }

    private func start() throws(SystemFailure) -> Running {
        let bytes = input
        let stdin = try check("memfd_create", path) { cns_sealed_memory("input", bytes, bytes.count) }
        let source = SharedDescriptor(Descriptor(adopting: stdin))
        try check("lseek", path) { lseek(stdin, 0, SEEK_SET) }
        // The ends that the program writes to are ours until it has them, and its alone from then on: their readers
        // hear of its end.
        let (output, outputEnd) = try Self.pipe(path)
        let (errors, errorsEnd) = try Self.pipe(path)
        var pidfd: Int32 = -1
        defer { withExtendedLifetime((source, outputEnd, errorsEnd)) {} }
        let pid = try execute((source.raw, outputEnd.raw, errorsEnd.raw), &pidfd)
        let running = SharedDescriptor(Descriptor(adopting: pidfd))
        return Running(pid: pid, pidfd: running, output: output, errors: errors)
    }

    private func execute(
        _ standard: (Int32, Int32, Int32),
        _ pidfd: inout Int32
    ) throws(SystemFailure) -> pid_t {
        var attempt = 1
        while true {
            let pid = execute(once: standard, &pidfd)
            if pid > 0 { return pid }
            let failure = SystemFailure.current("execve", path)
            guard failure.errno == ETXTBSY, attempt < Self.busyAttempts else { throw failure }
            attempt += 1
            usleep(Self.busyPause)
        }
    }

    private func execute(once standard: (Int32, Int32, Int32), _ pidfd: inout Int32) -> pid_t {
        withCStrings([path] + arguments) { arguments in
            withCStrings(environment) { environment in
                path.withCString { path in
                    var command = cns_command(
                        path: path,
                        arguments: arguments,
                        environment: environment,
                        standard: standard,
                        cgroup_fd: cgroup?.raw ?? -1
                    )
                    return cns_run_command(&command, &pidfd)
                }
            }
        }
    }

    /// The reader does not block, the writer does: programs expect nothing else of their output.
    private static func pipe(_ subject: String) throws(SystemFailure) -> (SharedDescriptor, SharedDescriptor)
    {
        let pipe = try Pipe(subject)
        let reader = pipe.reader
        try check("fcntl", subject) { fcntl(reader.raw, F_SETFL, O_NONBLOCK) }
        return (reader, pipe.writer)
    }

    private func observe(_ running: Running) throws(SystemFailure) -> Result<Outcome, Failure> {
        let deadline = Clock.tick() + limit
        cancellation?.watch(running.pid)
        var output = Collected(from: running.output)
        var errors = Collected(from: running.errors, keeping: Self.errorsMax)
        var hasEnded = false
        while !hasEnded {
            let left = deadline - Clock.tick()
            if left <= .zero {
                kill(running)
                return .failure(.tooSlow(limit: limit))
            }
            var polled = [pollfd(fd: running.pidfd.raw, events: Int16(POLLIN), revents: 0)]
            polled += [output.descriptor, errors.descriptor].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            let milliseconds = Int32(clamping: left.wholeNanoseconds / 1_000_000 + 1)
            _ = Glibc.poll(&polled, nfds_t(polled.count), milliseconds)
            // Looked at before the output: what is written before the end is there by then.
            hasEnded = polled[0].revents != 0
            output.collect()
            errors.collect()
            if output.count > Self.outputMax {
                kill(running)
                return .failure(.tooLong(bytes: Self.outputMax))
            }
        }
        let end = reap(running)
        // It may have ended well at the last moment, which nobody wants to hear any more either.
        if cancellation?.isCancelled == true { return .failure(.cancelled) }
        return .success(Outcome(end: end, processID: running.pid, output: output.bytes, errors: errors.bytes))
    }

    /// The whole group, so that what the program has started does not go on without it.
    private func kill(_ running: Running) {
        Glibc.kill(-running.pid, SIGKILL)
        _ = reap(running)
    }

    private func reap(_ running: Running) -> CommandEnd {
        cancellation?.watch(nil)
        var status: Int32 = 0
        while waitpid(running.pid, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f)
    }
}

/// What has come out of a pipe so far.
private struct Collected {
    private let source: SharedDescriptor
    private let max: Int?
    private(set) var bytes: [UInt8] = []
    private var isAtEnd = false

    /// - Parameter max: how many bytes are kept, from the end; nil for all of them.
    init(from source: SharedDescriptor, keeping max: Int? = nil) {
        self.source = source
        self.max = max
    }

    var count: Int { bytes.count }

    /// For poll(2), which passes over what is negative: a pipe at its end would be ready for ever.
    var descriptor: Int32 { isAtEnd ? -1 : source.raw }

    /// Takes what is there, of an endless stream a part.
    mutating func collect() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        for _ in 0..<16 where !isAtEnd {
            let count = read(source.raw, &buffer, buffer.count)
            if count < 0 { return }
            if count == 0 { isAtEnd = true }
            bytes += buffer[..<count]
            if let max, bytes.count > max { bytes.removeFirst(bytes.count - max) }
        }
    }
}

import CNamespaces
import Glibc
import PodCore

extension Node {
    /// Starts a process in a running container for a client.
    func exec(_ worker: PodWorker, _ request: ExecRequest) async throws(StatusFailure) -> ExecSession {
        guard
            let record = worker.machine.containers.first(where: { $0.name == request.container }),
            let container = worker.container(of: record),
            case .running = record.state
        else { throw .badRequest("container not found (\"\(request.container)\")") }
        let preparation = worker.preparation(of: container, restartCount: record.restartCount)
        do {
            let prepared = try await Worker.attempt {
                try preparation.prepareExec(request.command, terminal: request.tty)
            }
            return try await start(prepared, worker, request)
        } catch let failure as StatusFailure {
            throw failure
        } catch {
            throw .internalError("\(error)")
        }
    }

    private func start(_ prepared: PreparedExec, _ worker: PodWorker, _ request: ExecRequest) async throws
        -> ExecSession
    {
        let exec = ExecRun(plan: prepared.launch)
        let (exits, exit) = AsyncStream.makeStream(of: ExecExit.self)
        exec.onEnded = { ending in
            exit.yield(ending)
            exit.finish()
        }
        if request.tty { return try await startTerminal(prepared, worker, request, exec, exits) }
        let pipes = try ExecPipes(stdin: request.stdin, stdout: request.stdout, stderr: request.stderr)
        let run = try worker.exec(
            prepared,
            container: request.container,
            terminal: false,
            streams: pipes.childEnds,
            exec
        )
        return ExecSession(streams: try pipes.sessionStreams(), exit: exits, cancel: Self.killer(worker, run))
    }

    /// The terminal is made by the process itself, inside the container, and comes with the news that it has started.
    private func startTerminal(
        _ prepared: PreparedExec,
        _ worker: PodWorker,
        _ request: ExecRequest,
        _ exec: ExecRun,
        _ exits: AsyncStream<ExecExit>
    ) async throws -> ExecSession {
        let (starts, start) = AsyncStream.makeStream(of: SharedDescriptor?.self)
        exec.onStarted = { terminal in
            start.yield(terminal)
            start.finish()
        }
        let onEnded = exec.onEnded
        exec.onEnded = { ending in
            start.finish()
            onEnded(ending)
        }
        let run = try worker.exec(prepared, container: request.container, terminal: true, streams: [], exec)
        for await terminal in starts {
            guard let terminal else { break }
            let raw = try check("fcntl", "terminal") { fcntl(terminal.raw, F_DUPFD_CLOEXEC, 3) }
            let master = try AsyncDescriptor(Descriptor(adopting: raw), subject: "terminal")
            return ExecSession(streams: .terminal(master), exit: exits, cancel: Self.killer(worker, run))
        }
        return ExecSession(
            streams: .pipes(stdin: nil, stdout: nil, stderr: nil),
            exit: exits,
            cancel: Self.killer(worker, run)
        )
    }

    private static func killer(_ worker: PodWorker, _ run: RunID) -> @Sendable () -> Void {
        { [weak worker] in
            Task { @NodeActor in
                guard let worker, worker.execs[run] != nil else { return }
                worker.sandbox?.signal(SIGKILL, run: run)
            }
        }
    }
}

/// The pipes between a client and a process. An input that the client does not want is a pipe at its end; an output is
/// the node's null device, because a pipe without a reader would end the process with SIGPIPE.
private struct ExecPipes {
    private(set) var childEnds: [SharedDescriptor] = []
    private var ours: [SharedDescriptor?] = []

    init(stdin: Bool, stdout: Bool, stderr: Bool) throws {
        for (index, wanted) in [stdin, stdout, stderr].enumerated() {
            if index > 0, !wanted {
                let null = try check("open", "/dev/null") { cns_openat(AT_FDCWD, "/dev/null", O_WRONLY, 0) }
                childEnds.append(SharedDescriptor(Descriptor(adopting: null)))
                ours.append(nil)
                continue
            }
            let pipe = try Pipe("exec")
            childEnds.append(index == 0 ? pipe.reader : pipe.writer)
            ours.append(wanted ? (index == 0 ? pipe.writer : pipe.reader) : nil)
        }
    }

    func sessionStreams() throws -> ExecSession.Streams {
        .pipes(stdin: try own(0), stdout: try own(1), stderr: try own(2))
    }

    private func own(_ index: Int) throws -> AsyncDescriptor? {
        guard let end = ours[index] else { return nil }
        let raw = try check("fcntl", "exec") { fcntl(end.raw, F_DUPFD_CLOEXEC, 3) }
        return try AsyncDescriptor(Descriptor(adopting: raw), subject: "exec")
    }
}

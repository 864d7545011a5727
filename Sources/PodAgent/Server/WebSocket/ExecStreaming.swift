import CNamespaces
import Glibc
import PodCore

/// One exec under way: the process's stdio on one side, the client's channels on the other.
///
/// ```
///   client ──receive──▶ stdin, size          exit ──▶ drain stdout, stderr ──▶ status ──▶ close
///          ◀──pump──── stdout, stderr
/// ```
/// The client's end kills the process; the process's end is told with all that it wrote before. Nothing is gathered on
/// the way: a client that does not read stops the process at its pipe, and a process that does not read the client.
struct ExecStreaming {
    /// How much output is still passed on after the process's end. All that it wrote itself fits, because it is in the
    /// pipe (64 KiB, at most 1 MiB by pipe(7)); children that it left behind could go on for ever.
    private static let drainMax = 1_048_576
    private static let pieceMax = 32_768
    /// How long the client may take to answer the close frame.
    private static let closingTime = Duration.seconds(1)

    let socket: WebSocketConnection
    let version: ChannelProtocol
    let command: [String]
    let session: ExecSession

    private enum Part: Sendable {
        case clientEnded, processEnded, lingered
    }

    private typealias Channel = ChannelProtocol.Channel

    /// Runs to the end of the process or of the client, and closes the process's stdio.
    func run() async {
        await withTaskGroup(of: Part.self) { group in
            group.addTask {
                await self.receive()
                return .clientEnded
            }
            // Receiving stops at a process that does not read, and would never come to the client's end behind that.
            group.addTask {
                await self.socket.waitUntilClientIsGone()
                return .clientEnded
            }
            group.addTask {
                await self.produce()
                return .processEnded
            }
            if await group.next() == .clientEnded {
                session.cancel()
            } else {
                group.addTask {
                    try? await Task.sleep(for: Self.closingTime)
                    return .lingered
                }
                _ = await group.next()  // Any of those left: it only has to be waited for.
            }
            group.cancelAll()
        }
        // After the server was told to stop, nobody has said goodbye yet.
        if Task.isCancelled {
            session.cancel()
            await socket.close(1001, "the server stops")
        }
        session.streams.close()
    }

    // MARK: From the client

    private func receive() async {
        var reader = ChannelReader(version)
        do {
            while true {
                switch reader.read(try await socket.receive()) {
                case .stdin(let bytes): try await write(bytes)
                case .closeStdin: session.streams.closeInput()
                case .resize(let size): session.streams.resize(size)
                case nil: continue
                }
            }
        } catch {
            return  // The client has gone, in one of several ways that all come to the same.
        }
    }

    /// A process that no longer reads loses its input, as with any pipe; that is no end for the client.
    private func write(_ bytes: [UInt8]) async throws {
        guard let input = session.streams.input else { return }
        do throws(AsyncDescriptor.Failure) {
            try await input.write(bytes)
        } catch {
            if error == .cancelled { throw error }
        }
    }

    // MARK: To the client

    private func produce() async {
        // Without an output nobody pumps, and only the status goes to the client.
        let outputs = session.streams.outputs
        do {
            try await socket.send([outputs.first?.channel ?? Channel.status])
            let exit = await withTaskGroup(of: Void.self) { group in
                for (channel, descriptor) in outputs {
                    group.addTask { await self.pump(descriptor, to: channel) }
                }
                let exit = await firstExit()
                for (_, descriptor) in outputs { descriptor.finishReading(atMost: Self.drainMax) }
                return exit
            }
            guard let exit else { return }
            let status = exit.status(command: command)
            try await socket.send([Channel.status] + Array(status.document.json().utf8))
            await socket.close(1000)
        } catch {
            return  // The client has gone; whoever receives from it sees that too.
        }
    }

    /// Nil when this task is cancelled.
    private func firstExit() async -> ExecExit? {
        for await exit in session.exit { return exit }
        return Task.isCancelled ? nil : .failure("the process was lost")
    }

    private func pump(_ descriptor: AsyncDescriptor, to channel: UInt8) async {
        do {
            while true {
                let bytes = try await descriptor.read(atMost: Self.pieceMax)
                if bytes.isEmpty { return }
                try await socket.send([channel] + bytes)
            }
        } catch {
            return
        }
    }
}

extension ExecSession.Streams {
    fileprivate var input: AsyncDescriptor? {
        switch self {
        case .terminal(let terminal): terminal
        case .pipes(let stdin, _, _): stdin
        }
    }

    fileprivate var outputs: [(channel: UInt8, AsyncDescriptor)] {
        switch self {
        case .terminal(let terminal): [(ChannelProtocol.Channel.stdout, terminal)]
        case .pipes(_, let stdout, let stderr):
            [(ChannelProtocol.Channel.stdout, stdout), (ChannelProtocol.Channel.stderr, stderr)]
                .compactMap { channel, descriptor in descriptor.map { (channel, $0) } }
        }
    }

    /// Closes all of them.
    func close() {
        switch self {
        case .terminal(let terminal): terminal.close()
        case .pipes(let stdin, let stdout, let stderr):
            for descriptor in [stdin, stdout, stderr] { descriptor?.close() }
        }
    }

    /// The process reads the end of its stdin. A terminal has no such end but what is typed.
    fileprivate func closeInput() {
        if case .pipes(let stdin, _, _) = self { stdin?.close() }
    }

    fileprivate func resize(_ size: TerminalSize) {
        guard case .terminal(let terminal) = self else { return }
        var window = winsize(ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0)
        // Fails only when the terminal is gone, and then nobody looks at its size.
        terminal.withRaw { _ = cns_ioctl($0, UInt(TIOCSWINSZ), &window) }
    }
}

extension ExecExit {
    /// The status that the client is told at the end (channel 3).
    func status(command: [String]) -> Status {
        switch self {
        case .code(0):
            var status = Status()
            status.status = "Success"
            return status
        case .code(let code):
            return nonZero(code, command)
        case .signal(let signal):
            // As shells and container runtimes tell it.
            return nonZero(128 + signal, command)
        case .failure(let message):
            return StatusFailure(.internalError, message).status
        }
    }

    private func nonZero(_ code: Int32, _ command: [String]) -> Status {
        let words = command.joined(separator: " ")
        return StatusFailure(
            .nonZeroExitCode,
            "command terminated with non-zero exit code: error executing command [\(words)], exit code \(code)",
            causes: [StatusCause(reason: "ExitCode", message: String(code))]
        ).status
    }
}

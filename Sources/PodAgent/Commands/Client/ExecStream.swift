import Glibc
import PodCore

/// A command under way in a container: our standard streams on one side, the channels of a WebSocket on the other.
struct ExecStream {
    private let socket: WebSocketClient
    private let console: Console
    private let hasTerminal: Bool
    private var isInputOpen: Bool

    private typealias Channel = ChannelProtocol.Channel
    private static let pieceMax = 32_768

    init(_ socket: WebSocketClient, _ console: Console, hasInput: Bool, hasTerminal: Bool) {
        self.socket = socket
        self.console = console
        self.hasTerminal = hasTerminal
        isInputOpen = hasInput
    }

    /// Runs to the end of the command; returns its exit code.
    mutating func run() throws(CommandError) -> Int32 {
        // A reader of our output that has gone is found out by write(2), after the terminal has been given back.
        signal(SIGPIPE, SIG_IGN)
        guard hasTerminal else { return try loop(signals: nil, pending: { [] }) }
        sendSize()
        guard isInputOpen else { return try loop(signals: nil, pending: { [] }) }
        let terminal: RawTerminal
        do throws(SystemFailure) { terminal = try RawTerminal() } catch { throw .failed(error) }
        return try loop(signals: terminal.signals, pending: { terminal.pendingSignals() })
    }

    private mutating func loop(signals: Int32?, pending: () -> [Int32]) throws(CommandError) -> Int32 {
        while true {
            while let message = try socket.take() {
                if let code = try handle(message) { return code }
            }
            try socket.flush()
            var waiting = [
                pollfd(
                    fd: socket.socket.raw,
                    events: Int16(socket.isSending ? POLLIN | POLLOUT : POLLIN),
                    revents: 0
                ),
                // Input waits while earlier input is on its way: nothing piles up here.
                pollfd(fd: isInputOpen && !socket.isSending ? 0 : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: signals ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&waiting, 3, -1) >= 0 || errno == EINTR else {
                throw .failed(.current("poll", "exec"))
            }
            if waiting[2].revents != 0 { try obey(pending()) }
            if waiting[1].revents != 0 { forwardInput() }
            if waiting[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0, try !socket.fill() {
                throw .failed("the connection to the agent was lost while the command ran")
            }
        }
    }

    /// What a message means; the exit code when it is the last.
    private func handle(_ message: WebSocketClient.Message) throws(CommandError) -> Int32? {
        guard case .data(let bytes) = message else {
            guard case .closed(let reason) = message, !reason.isEmpty else {
                throw .failed("the agent closed the connection before the command had ended")
            }
            throw .failed("the agent closed the connection: \(reason)")
        }
        switch bytes.first {
        case Channel.stdout: try console.print(Array(bytes.dropFirst()))
        case Channel.stderr: _ = console.write(2, Array(bytes.dropFirst()))
        case Channel.status: return try Self.exitCode(of: Array(bytes.dropFirst()))
        default: break
        }
        return nil
    }

    private static func exitCode(of bytes: [UInt8]) throws(CommandError) -> Int32 {
        let status: Status = try APIClient.object(try APIClient.document(bytes))
        guard let failure = StatusFailure(status) else { return 0 }
        if failure.reason == .nonZeroExitCode,
            let code = failure.causes.first(where: { $0.reason == "ExitCode" }).flatMap({ Int32($0.message) })
        {
            return code
        }
        throw .refused(failure)
    }

    private mutating func forwardInput() {
        var buffer = [UInt8](repeating: 0, count: Self.pieceMax)
        let count = read(0, &buffer, buffer.count)
        if count > 0 {
            socket.enqueue([Channel.stdin] + buffer[..<count])
        } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
            isInputOpen = false
            socket.enqueue([Channel.close, Channel.stdin])
        }
    }

    private func obey(_ signals: [Int32]) throws(CommandError) {
        for signal in signals {
            if signal == SIGWINCH {
                sendSize()
            } else {
                // As a shell reports a program that a signal has ended.
                throw .silent(exitCode: 128 + signal)
            }
        }
    }

    private func sendSize() {
        guard let size = RawTerminal.size(of: 0) ?? RawTerminal.size(of: 1) else { return }
        socket.enqueue([Channel.resize] + Array("{\"Width\":\(size.width),\"Height\":\(size.height)}".utf8))
    }
}

import CNamespaces
import Glibc
import PodCore

/// A connection to the agent with blocking reads and writes and, where one is set, a deadline.
final class ClientSocket {
    private let descriptor: Descriptor
    private let subject: String
    private var buffer: [UInt8] = []
    private var start = 0
    /// When waiting for the agent ends in failure; nil waits for ever.
    var deadline: Tick?

    /// Connects.
    init(path: String) throws(CommandError) {
        subject = path
        do throws(SystemFailure) {
            descriptor = try connectUnixSocket(path: path)
        } catch {
            throw Self.explain(error, path: path)
        }
    }

    private static func explain(_ failure: SystemFailure, path: String) -> CommandError {
        switch failure.errno {
        case ENOENT, ECONNREFUSED, ENOTDIR:
            .failed(
                "nobody answers at \(path): is podagent serve running? (or name its socket with --socket)"
            )
        case EACCES, EPERM:
            .failed(
                "no permission to talk to \(path): become root, or join the group that podagent serve gives its socket to"
            )
        case ENAMETOOLONG: .failed("\(path) is no path that a socket can have (at most 107 bytes)")
        default: .failed(failure)
        }
    }

    /// The descriptor, to be polled.
    var raw: Int32 { descriptor.raw }

    /// What has been received and not yet taken.
    var pending: Int { buffer.count - start }

    /// Takes up to `limit` bytes, waiting for at least one; empty when the agent has closed.
    func read(atMost limit: Int) throws(CommandError) -> [UInt8] {
        if pending == 0, try !fill() { return [] }
        let count = min(limit, pending)
        defer { start += count }
        return Array(buffer[start..<start + count])
    }

    /// Takes what has been received already.
    func takePending() -> [UInt8] {
        defer {
            buffer = []
            start = 0
        }
        return Array(buffer[start...])
    }

    /// Takes a line without its end; nil when the agent has closed before one was whole.
    func line(limit: Int) throws(CommandError) -> [UInt8]? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                defer { start = end + 1 }
                let line = buffer[start..<end]
                return Array(line.last == 0x0D ? line.dropLast() : line)
            }
            guard pending <= limit else { throw .failed("the answer from \(subject) has a line without end") }
            let length = pending
            guard try fill() else { return nil }
            searched = start + length
        }
    }

    /// Sends all of it.
    func write(_ bytes: [UInt8]) throws(CommandError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            // Not write(2): an agent that has gone must not end us with SIGPIPE.
            let count = rest.withUnsafeBytes { send(raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 {
                if errno == EINTR { continue }
                throw lost(errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends what can be sent without waiting; returns how much that was.
    func writeSome(_ bytes: [UInt8]) throws(CommandError) -> Int {
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        while true {
            let count = bytes.withUnsafeBytes { send(raw, $0.baseAddress, $0.count, flags) }
            if count >= 0 { return count }
            if errno == EAGAIN { return 0 }
            guard errno == EINTR else { throw lost(errno) }
        }
    }

    /// Receives more; false when the agent has closed.
    private func fill() throws(CommandError) -> Bool {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        try waitForInput()
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(raw, &piece, piece.count)
            if count >= 0 {
                buffer += piece[..<count]
                return count > 0
            }
            guard errno == EINTR else { throw lost(errno) }
        }
    }

    private func waitForInput() throws(CommandError) {
        guard let deadline else { return }
        while true {
            let left = (deadline - Clock.tick()).wholeMilliseconds
            guard left > 0 else { throw .failed(ClientSocket.timedOut) }
            var waiting = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
            if poll(&waiting, 1, Int32(clamping: left)) != 0 { return }
        }
    }

    /// The message of a failure by ``deadline``, for those who put it better.
    static let timedOut = "the agent did not answer in time"

    private func lost(_ code: Int32) -> CommandError {
        .failed("the connection to \(subject) was lost: \(errnoText(code))")
    }
}

extension Duration {
    /// Whole milliseconds, rounded up so that waiting that long is waiting long enough.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}

import CNamespaces
import Glibc
import PodCore
import Synchronization

/// A socket, pipe or terminal that is read and written by tasks: nothing blocks a thread, and it is closed exactly once.
///
/// At most one task reads and one writes at a time. Back-pressure is the kernel's: ``write(_:timeout:)`` returns when
/// the bytes are in the kernel's buffer, so a peer that does not read holds up its writer and nobody else.
///
/// Writing to a pipe whose reader has gone raises `SIGPIPE`; the process ignores it (see ``APIServer/start()``).
final class AsyncDescriptor: Sendable {
    /// Why a read or a write ended without success.
    enum Failure: Error, Hashable, Sendable {
        /// Nothing moved for as long as the caller allowed.
        case timedOut
        /// The waiting task was cancelled.
        case cancelled
        /// ``close()`` was called.
        case closed
        /// The peer is gone (`EPIPE`, `ECONNRESET`).
        case hungUp
        case system(SystemFailure)
    }

    private struct State: ~Copyable {
        /// Nil once it is closed.
        var descriptor: Descriptor?
        /// Once set, a read never waits: see ``finishReading(atMost:)``.
        var bytesLeft: Int?
    }

    /// What messages call it.
    let subject: String
    private let state: Mutex<State>
    private let reading: Readiness
    private let writing: Readiness

    /// Takes over a descriptor and makes it non-blocking, which all who share its open file see.
    init(_ descriptor: consuming Descriptor, subject: String) throws(SystemFailure) {
        let raw = descriptor.raw
        let flags = try check("fcntl", subject) { cns_fcntl(raw, F_GETFL, 0) }
        try check("fcntl", subject) { cns_fcntl(raw, F_SETFL, flags | O_NONBLOCK) }
        state = Mutex(State(descriptor: descriptor))
        self.subject = subject
        reading = Readiness(raw, .reading)
        writing = Readiness(raw, .writing)
    }

    deinit { close() }

    /// Closes the descriptor. Reads and writes under way end with ``Failure/closed``. May be called again.
    func close() {
        reading.cancel()
        writing.cancel()
        state.withLock { $0.descriptor = nil }
    }

    /// From now on a read that would wait reports the end of the stream instead, and so does one after `atMost`
    /// further bytes. For the output of a process that has ended while others may still hold its pipe.
    func finishReading(atMost bytes: Int) {
        state.withLock { $0.bytesLeft = bytes }
        reading.interrupt()
    }

    /// Some bytes, as soon as there are any; empty at the end of the stream.
    func read(atMost count: Int = 65_536, timeout: Duration? = nil) async throws(Failure) -> [UInt8] {
        while true {
            if let bytes = try readNow(atMost: count) { return bytes }
            try await wait(for: reading, timeout: timeout)
        }
    }

    /// Writes all bytes. `timeout` is how long nothing at all may move.
    func write(_ bytes: [UInt8], timeout: Duration? = nil) async throws(Failure) {
        var written = 0
        while written < bytes.count {
            if let count = try writeNow(bytes, from: written) {
                written += count
            } else {
                try await wait(for: writing, timeout: timeout)
            }
        }
    }

    /// Returns when there may be something to read or accept.
    func waitUntilReadable(timeout: Duration? = nil) async throws(Failure) {
        try await wait(for: reading, timeout: timeout)
    }

    /// Tells the peer of a socket that nothing more will come; it may go on sending.
    func shutdownWriting() {
        // Fails only when the peer has gone already, which the next read tells.
        withRaw { _ = shutdown($0, Int32(SHUT_WR)) }
    }

    /// Calls `body` with the descriptor's number, unless it is closed. `body` must not block.
    @discardableResult
    func withRaw<Result>(_ body: (Int32) -> Result) -> Result? {
        state.withLock { state in
            guard let raw = state.descriptor?.raw else { return nil }
            return body(raw)
        }
    }

    /// Waits for a direction; returns also when something else than the kernel says that it is worth another look.
    private func wait(for direction: Readiness, timeout: Duration?) async throws(Failure) {
        switch await direction.wait(timeout: timeout) {
        case .ready: return
        case .timedOut: throw .timedOut
        case .interrupted: if Task.isCancelled { throw .cancelled }
        case .cancelled: throw .closed
        case .failed(let failure): throw .system(failure)
        }
    }

    /// One read(2); nil when it would block.
    private func readNow(atMost limit: Int) throws(Failure) -> [UInt8]? {
        var code: Int32 = 0
        let result: [UInt8]?? = state.withLock { state in
            guard let raw = state.descriptor?.raw else { return .none }
            let wanted = min(limit, state.bytesLeft ?? limit)
            guard wanted > 0 else { return .some([]) }
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
                repeat {
                    count = Glibc.read(raw, buffer.baseAddress, wanted)
                } while count < 0 && errno == EINTR
                code = count < 0 ? errno : 0
                filled = max(0, count)
            }
            if count < 0 { return .some(code == EAGAIN && state.bytesLeft != nil ? [] : nil) }
            if let left = state.bytesLeft { state.bytesLeft = left - count }
            return .some(bytes)
        }
        guard let bytes = result else { throw .closed }
        if let bytes { return bytes }
        switch code {
        case EAGAIN: return nil
        // The slave of a terminal is closed: for the master that is the end of its stream.
        case EIO: return []
        case ECONNRESET: throw .hungUp
        default: throw .system(SystemFailure(call: "read", subject: subject, errno: code))
        }
    }

    /// One write(2); nil when it would block.
    private func writeNow(_ bytes: [UInt8], from start: Int) throws(Failure) -> Int? {
        var code: Int32 = 0
        let result: Int? = state.withLock { state in
            guard let raw = state.descriptor?.raw else { return nil }
            var count = 0
            bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                repeat {
                    count = Glibc.write(raw, rest.baseAddress, rest.count)
                } while count < 0 && errno == EINTR
            }
            code = count < 0 ? errno : 0
            return count
        }
        guard let count = result else { throw .closed }
        if count >= 0 { return count }
        switch code {
        case EAGAIN: return nil
        case EPIPE, ECONNRESET: throw .hungUp
        default: throw .system(SystemFailure(call: "write", subject: subject, errno: code))
        }
    }
}

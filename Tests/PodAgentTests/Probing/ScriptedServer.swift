import CNamespaces
import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// A TCP server on 127.0.0.1 that does with each connection what a test says, in a thread of its own.
final class ScriptedServer: Sendable {
    /// One connection. Writing to a client that is gone is no error: who attacks does not mind.
    final class Connection: Sendable {
        fileprivate let socket: SharedDescriptor

        fileprivate init(_ socket: SharedDescriptor) { self.socket = socket }

        var descriptor: Int32 { socket.raw }

        /// The next bytes; none at the end.
        func read() -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(socket.raw, &buffer, buffer.count, 0)
            return Array(buffer.prefix(max(0, count)))
        }

        /// The request up to its empty line.
        func readRequest() -> String {
            var bytes: [UInt8] = []
            while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
                let more = read()
                if more.isEmpty { break }
                bytes += more
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// Returns whether the client took it.
        @discardableResult
        func write(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    send(socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }

        @discardableResult
        func write(_ text: String) -> Bool { write(Array(text.utf8)) }

        /// Until the client goes.
        func waitForClient() { while !read().isEmpty {} }

        /// Closes with a reset.
        func reset() {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                socket.raw,
                SOL_SOCKET,
                SO_LINGER,
                &linger,
                socklen_t(MemoryLayout.size(ofValue: linger))
            )
        }
    }

    let port: UInt16
    private let listener: SharedDescriptor

    /// Each connection is closed when `body` returns.
    init(backlog: Int32 = 1024, _ body: @escaping @Sendable (Connection) -> Void) throws {
        let raw = try check("socket", "test") {
            socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        }
        listener = SharedDescriptor(Descriptor(adopting: raw))
        port = try listenOnLoopback(raw, backlog)
        let listener = listener
        startThread {
            while true {
                let raw = accept(listener.raw, nil, nil)
                if raw < 0 { return }
                _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
                let connection = Connection(SharedDescriptor(Descriptor(adopting: raw)))
                startThread { body(connection) }
            }
        }
    }

    /// Answers every request in the same way.
    static func answering(_ text: String) throws -> ScriptedServer {
        try ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(text)
        }
    }

    /// Wakes the thread that accepts, which ends.
    deinit { shutdown(listener.raw, Int32(SHUT_RDWR)) }
}

/// An address of 127.0.0.1, for calls that read or write it.
func withLoopback<Result>(
    port: UInt16,
    _ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) throws -> Result
) rethrows -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return try withUnsafeMutablePointer(to: &address) { pointer in
        try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, &size) }
    }
}

/// Returns the port, which is the kernel's choice.
func listenOnLoopback(_ raw: Int32, _ backlog: Int32) throws -> UInt16 {
    try withLoopback(port: 0) { address, size in
        try check("bind", "test") { bind(raw, address, size) }
        try check("listen", "test") { listen(raw, backlog) }
        try check("getsockname", "test") { getsockname(raw, address, &size) }
        return UInt16(bigEndian: UnsafeRawPointer(address).load(fromByteOffset: 2, as: UInt16.self))
    }
}

/// Not one of Dispatch's: what waits here is what others are tested with.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let work = Unmanaged.passRetained(Work(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread,
        nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        },
        work.toOpaque()
    )
    precondition(code == 0, "no thread for a test: \(code)")
    pthread_detach(thread)
}

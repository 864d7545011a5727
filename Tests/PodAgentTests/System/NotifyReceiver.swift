import CNamespaces
import Glibc
import PodCore
import Testing

@testable import PodAgent

/// The service manager's side of sd_notify(3): a datagram socket that is told who sent each message.
final class NotifyReceiver {
    struct Received: Hashable {
        var lines: [String]
        var processID: Int32
    }

    /// As NOTIFY_SOCKET would have it.
    let name: String
    private let descriptor: Descriptor

    /// - Parameter name: a path, or `@` and an abstract name.
    init(_ name: String) throws {
        self.name = name
        descriptor = Descriptor(adopting: cns_unix_datagram_socket())
        let raw = descriptor.raw
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(name.utf8).map { $0 == UInt8(ascii: "@") ? 0 : $0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let size = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + path.count } ?? 0
        // A child that was born elsewhere meanwhile has the socket that had the name until its execve(2).
        try eventually("\(name) is free") {
            let bound = withUnsafeBytes(of: address) {
                bind(raw, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(size))
            }
            let code = errno
            try #require(bound == 0 || code == EADDRINUSE, "bind \(name): \(errnoText(code))")
            return bound == 0
        }
        var on: Int32 = 1
        setsockopt(raw, SOL_SOCKET, SO_PASSCRED, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The next message; nil if none comes in time.
    func next(within seconds: Double = 20) -> Received? {
        let raw = descriptor.raw
        var waiting = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, Int32(seconds * 1000)) == 1 else { return nil }
        var text = [UInt8](repeating: 0, count: 4096)
        var control = [UInt8](repeating: 0, count: 256)
        let count = text.withUnsafeMutableBytes { text in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: text.baseAddress, iov_len: text.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var header = msghdr()
                    header.msg_iov = part
                    header.msg_iovlen = 1
                    header.msg_control = control.baseAddress
                    header.msg_controllen = control.count
                    return recvmsg(raw, &header, 0)
                }
            }
        }
        guard count >= 0 else { return nil }
        // A header of 16 bytes, then struct ucred, which begins with the PID (cmsg(3), unix(7)).
        let processID = control.withUnsafeBytes { $0.load(fromByteOffset: 16, as: Int32.self) }
        let lines = String(decoding: text[..<count], as: UTF8.self).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        return Received(lines: lines.map(String.init), processID: processID)
    }

    /// Drops messages until one has the line; all of that one's lines.
    func message(
        with line: String,
        within seconds: Double = 20,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Received {
        let end = Clock.tick() + .milliseconds(Int(seconds * 1000))
        var seen: [[String]] = []
        while Clock.tick() < end {
            guard let received = next(within: seconds) else { break }
            if received.lines.contains(line) { return received }
            seen.append(received.lines)
        }
        return try #require(nil, "no message with \(line) came, but \(seen)", sourceLocation: sourceLocation)
    }

    deinit { if name.hasPrefix("/") { unlink(name) } }
}

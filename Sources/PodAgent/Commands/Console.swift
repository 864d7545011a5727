import Glibc

/// Where a command prints: standard output for what was asked for, standard error for everything else.
struct Console: Sendable {
    /// Takes bytes for descriptor 1 or 2; false when nobody reads them any more.
    var write: @Sendable (Int32, [UInt8]) -> Bool
    /// The environment variables that commands look at.
    var environment: [String: String]

    /// The process's own.
    static let standard = Console(
        write: { writeToEnd($0, $1) },
        environment: ["PODAGENT_SOCKET": getenv("PODAGENT_SOCKET").map { String(cString: $0) } ?? ""]
    )

    /// Prints text as it is.
    func print(_ text: String) throws(CommandError) { try print(Array(text.utf8)) }

    /// Prints bytes as they are.
    func print(_ bytes: [UInt8]) throws(CommandError) {
        // A pager that was left early is no failure worth words.
        guard bytes.isEmpty || write(1, bytes) else { throw .silent(exitCode: 1) }
    }

    /// Prints a line of its own on standard error. Whoever has closed that does not want to know.
    func note(_ line: String) { _ = write(2, Array((line + "\n").utf8)) }
}

/// Writes all of it, waiting where that is necessary; false when nobody reads it any more.
func writeToEnd(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            guard errno == EAGAIN else { return false }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&waiting, 1, -1)
            continue
        }
        rest = rest.dropFirst(count)
    }
    return true
}

import Glibc

/// The group that may use the node's socket.
enum SocketGroup {
    /// - Parameter name: a group's name or number; nil is the process's own group.
    static func id(_ name: String?) throws(CommandError) -> UInt32 {
        guard let name else { return getegid() }
        if let number = UInt32(name) { return number }
        guard let entry = getgrnam(name) else {
            throw .failed(
                "there is no group \(name) for the socket; make it, or name another by --socket-group"
            )
        }
        return entry.pointee.gr_gid
    }
}

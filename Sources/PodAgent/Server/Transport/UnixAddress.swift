import CNamespaces
import Glibc

/// A socket's name in the file system (`sockaddr_un`, unix(7)). Never an abstract one: those ignore file modes.
struct UnixAddress {
    /// Bytes of a path that fit with their closing NUL.
    static let pathMax = 107

    private var address: sockaddr_un

    /// Nil when the path is empty, too long or has a NUL within.
    init?(path: String) {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= Self.pathMax, !bytes.contains(0) else { return nil }
        address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    }

    /// Calls `body` with what bind(2) and connect(2) want.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafeBytes(of: address) { bytes in
            // A sockaddr_un is made to be passed as a sockaddr; the size is the whole structure's.
            body(
                bytes.assumingMemoryBound(to: sockaddr.self).baseAddress.unsafelyUnwrapped,
                socklen_t(bytes.count)
            )
        }
    }
}

/// Connects to a socket in the file system. `ECONNREFUSED` and `ENOENT` mean that no server is there.
func connectUnixSocket(path: String) throws(SystemFailure) -> Descriptor {
    guard let address = UnixAddress(path: path) else {
        throw SystemFailure(call: "connect", subject: path, errno: ENAMETOOLONG)
    }
    let socket = try makeUnixSocket(subject: path)
    let raw = socket.raw
    try check("connect", path) { address.withPointer { connect(raw, $0, $1) } }
    return socket
}

/// A new stream socket, close-on-exec from birth.
func makeUnixSocket(subject: String) throws(SystemFailure) -> Descriptor {
    Descriptor(adopting: try check("socket", subject) { cns_unix_stream_socket() })
}

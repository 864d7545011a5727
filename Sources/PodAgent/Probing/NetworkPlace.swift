import CNamespaces
import Glibc

/// From where a call is made.
enum NetworkPlace: Sendable {
    /// The node's own network.
    case node
    /// Inside a network namespace, of which this is an open descriptor: a Pod that has no address which the node could
    /// reach is asked at its loopback. Only the socket is made there; names are looked up as the node does.
    case namespace(SharedDescriptor)

    /// The namespace that threads come back to. The first thread is asked, which never leaves it, and once: a
    /// thread that was elsewhere would otherwise take that for its own.
    private static let own: Result<SharedDescriptor, SystemFailure> = {
        do throws(SystemFailure) {
            let path = "/proc/self/ns/net"
            let raw = try check("open", path) { cns_openat(AT_FDCWD, path, O_RDONLY, 0) }
            return .success(SharedDescriptor(Descriptor(adopting: raw)))
        } catch {
            return .failure(error)
        }
    }()

    /// A socket that is close-on-exec and does not block.
    ///
    /// A kubelet sets SO_LINGER to a second, with which close(2) waits for the other side's acknowledgement, also of a
    /// socket that otherwise never waits: a Pod that acknowledges nothing would hold up everybody's probes. How long the
    /// kernel remembers the connection does not depend on it. So the option is left alone.
    func socket(family: Int32, type: Int32) throws(SystemFailure) -> Descriptor {
        let raw: Int32
        switch self {
        case .node:
            // The bits are those of open(2): SOCK_CLOEXEC and SOCK_NONBLOCK, socket(2).
            raw = try check("socket", "a probe's") { Glibc.socket(family, type | O_CLOEXEC | O_NONBLOCK, 0) }
        case .namespace(let descriptor):
            let own = try Self.own.get()
            raw = try check("setns or socket", "a probe's, in its Pod's network") {
                cns_socket_in(descriptor.raw, own.raw, family, type)
            }
        }
        return Descriptor(adopting: raw)
    }
}

extension SystemFailure {
    /// Whether it is the node that lacks something, and not the network that leads nowhere.
    var isShortage: Bool { [EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL].contains(errno) }
}

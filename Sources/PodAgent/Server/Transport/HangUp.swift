import CNamespaces
import Glibc

extension AsyncDescriptor {
    /// Returns when the peer of a socket has closed its end altogether.
    ///
    /// A read would tell as well, but only behind what the peer sent before, and whoever passes that on may be held up
    /// for as long as its taker likes. The socket is put into an epoll instance of its own and no event is asked for:
    /// `EPOLLHUP` and `EPOLLERR` are reported always (epoll_ctl(2)), and make that instance readable.
    func waitUntilHungUp() async throws(Failure) {
        let watch: AsyncDescriptor
        do throws(SystemFailure) {
            let raw = try check("epoll_create1", subject) { epoll_create1(Int32(EPOLL_CLOEXEC)) }
            let epoll = Descriptor(adopting: raw)
            let added = withRaw { socket in
                Result { () throws(SystemFailure) in
                    try check("epoll_ctl", subject) { cns_epoll_control(raw, EPOLL_CTL_ADD, socket, 0, 0) }
                }
            }
            guard let added else { throw SystemFailure(call: "epoll_ctl", subject: subject, errno: EBADF) }
            _ = try added.get()
            watch = try AsyncDescriptor(epoll, subject: subject)
        } catch {
            throw .system(error)
        }
        defer { watch.close() }
        try await watch.waitUntilReadable()
    }
}

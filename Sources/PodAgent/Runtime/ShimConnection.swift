import CNamespaces
import Glibc
import PodCore

/// podagent's end of the socket to one shim.
///
/// Owned by the node's queue. What the shim says goes to `onEvent`, in order; when the connection ends, `onClose` is
/// called once. A shim that has been asked for its state answers with the welcome, its runs and `replayed`.
@NodeActor
final class ShimConnection {
    private let socket: SharedDescriptor
    private var registration: EventPoll.Key?
    private let subject: String
    private var isOpen = true
    /// What the socket did not take at once, in order.
    private var waiting: [(request: ShimRequest, descriptors: [SharedDescriptor])] = []
    /// More than this waits for nobody but a shim that hangs, which is given up soon.
    private static let waitingMax = 1024
    var onEvent: (ShimEvent) -> Void = { _ in }
    var onClose: () -> Void = {}

    /// Takes over a connected socket.
    init(socket: consuming Descriptor, subject: String) throws(SystemFailure) {
        self.socket = SharedDescriptor(socket)
        self.subject = subject
        registration = try NodeActor.events.add(self.socket.raw, EPOLLIN, subject: subject) { [weak self] _ in
            NodeActor.assumeIsolated { self?.happened() }
        }
    }

    isolated deinit { close() }

    /// Connects to the shim that listens at `name` in `directory`, whatever the length of the directory's own path.
    static func connect(
        _ name: String,
        in directory: RootedDirectory,
        subject: String
    ) throws(SystemFailure) -> ShimConnection {
        let descriptor = try seqpacketSocket(subject)
        let raw = descriptor.raw
        try withSocketAddress(name, in: directory) { (address, size) throws(SystemFailure) in
            try check("connect", subject) { Glibc.connect(raw, address, size) }
        }
        return try ShimConnection(socket: descriptor, subject: subject)
    }

    /// Sends a request with the descriptors that belong to it. Never waits: what the socket does not take now is sent
    /// when it does.
    func send(_ request: ShimRequest, descriptors: [SharedDescriptor] = []) throws(SystemFailure) {
        guard isOpen else { throw SystemFailure(call: "sendmsg", subject: subject, errno: EPIPE) }
        if waiting.isEmpty, try transmit(request, descriptors) { return }
        guard waiting.count < Self.waitingMax else {
            throw SystemFailure(call: "sendmsg", subject: subject, errno: EAGAIN)
        }
        waiting.append((request, descriptors))
        waitForRoom()
    }

    /// False when the socket takes no more for now.
    private func transmit(_ request: ShimRequest, _ descriptors: [SharedDescriptor]) throws(SystemFailure)
        -> Bool
    {
        var encoded = request.encoded
        let size = MemoryLayout<cns_request>.size
        if cns_send(socket.raw, &encoded, size, descriptors.map(\.raw), Int32(descriptors.count)) == 0 {
            return true
        }
        if errno == EAGAIN { return false }
        throw .current("sendmsg", subject)
    }

    private func waitForRoom() {
        if let registration { NodeActor.events.change(registration, to: EPOLLIN, EPOLLOUT) }
    }

    private func happened() {
        if !waiting.isEmpty { flush() }
        receive()
    }

    private func flush() {
        do throws(SystemFailure) {
            while let (request, descriptors) = waiting.first {
                guard try transmit(request, descriptors) else { return }
                waiting.removeFirst()
            }
        } catch {
            // The reading side finds out, and says so.
            waiting = []
        }
        if let registration { NodeActor.events.change(registration, to: EPOLLIN) }
    }

    /// Lets go of the shim without a word; it goes on.
    func close() {
        guard isOpen else { return }
        isOpen = false
        waiting = []
        if let registration { NodeActor.events.remove(registration) }
        registration = nil
    }

    private func receive() {
        while isOpen {
            var event = cns_event()
            var descriptors = [Int32](repeating: -1, count: Int(CNS_DESCRIPTORS_MAX))
            var count = Int32(descriptors.count)
            let size = cns_receive(socket.raw, &event, MemoryLayout<cns_event>.size, &descriptors, &count)
            if size < 0 && errno == EAGAIN { return }
            guard size == MemoryLayout<cns_event>.size else { return ended() }
            // Fewer than none: this process has too many open to take in a terminal. The event stands all the same.
            let passed = descriptors.prefix(max(0, Int(count))).map {
                SharedDescriptor(Descriptor(adopting: $0))
            }
            guard let decoded = ShimEvent(event, descriptor: passed.first) else { return ended() }
            onEvent(decoded)
        }
    }

    private func ended() {
        guard isOpen else { return }
        close()
        onClose()
    }
}

/// A non-blocking `SOCK_SEQPACKET` socket.
private func seqpacketSocket(_ subject: String) throws(SystemFailure) -> Descriptor {
    Descriptor(adopting: try check("socket", subject) { cns_shim_socket() })
}

/// The socket that a shim will listen on, bound at `name` in `directory`.
func listeningShimSocket(
    _ name: String,
    in directory: RootedDirectory,
    subject: String
) throws(SystemFailure) -> Descriptor {
    let descriptor = try seqpacketSocket(subject)
    let raw = descriptor.raw
    _ = unlinkat(directory.raw, name, 0)
    try withSocketAddress(name, in: directory) { (address, size) throws(SystemFailure) in
        try check("bind", subject) { bind(raw, address, size) }
    }
    try check("listen", subject) { listen(raw, 4) }
    return descriptor
}

/// The address of a socket in a directory. It goes by the directory's descriptor, so that the 108 bytes of sun_path
/// (unix(7)) suffice for a directory of any depth.
private func withSocketAddress(
    _ name: String,
    in directory: RootedDirectory,
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemFailure) -> Void
) throws(SystemFailure) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = "/proc/self/fd/\(directory.raw)/\(name)"
    withUnsafeMutableBytes(of: &address.sun_path) { bytes in
        for (index, byte) in path.utf8.prefix(bytes.count - 1).enumerated() { bytes[index] = byte }
    }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    var outcome: Swift.Result<Void, SystemFailure> = .success(())
    withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
            do throws(SystemFailure) { try body(rebound, size) } catch { outcome = .failure(error) }
        }
    }
    try outcome.get()
}

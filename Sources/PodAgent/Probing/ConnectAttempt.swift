import CCurl
import CNamespaces
import Glibc
import PodCore

/// A TCP call to an address: connects, and closes at once.
final class ConnectAttempt: NetworkAttempt {
    private let address: IPAddress
    private let context: AttemptContext
    private var socket: SharedDescriptor?
    private var key: EventPoll.Key?

    init(_ address: IPAddress, _ context: AttemptContext) {
        self.address = address
        self.context = context
    }

    func start() {
        do throws(SystemFailure) {
            let family = address.width == 32 ? AF_INET : AF_INET6
            let type = Int32(SOCK_STREAM.rawValue)
            let socket = SharedDescriptor(try context.place.socket(family: family, type: type))
            self.socket = socket
            let code = connect(socket.raw)
            if code == EINPROGRESS { return try wait(for: socket) }
            finish(code)
        } catch {
            abandon()
            context.finish(error.isShortage ? .error("\(error)") : .failure("\(error)"))
        }
    }

    func expire() -> ProbeOutcome {
        // It may have become ready a moment ago, and the news be behind those of others.
        let code = socket.flatMap { Self.result(of: $0.raw) }
        abandon()
        guard let code else { return NetworkFailure.connectTimeout(to: context.call.address).outcome }
        return outcome(code)
    }

    func abandon() {
        if let key { context.events.remove(key) }
        key = nil
        socket = nil
    }

    private func connect(_ raw: Int32) -> Int32 {
        let port = context.call.port
        let result = withSocketAddress(address, port: port) { Glibc.connect(raw, $0, $1) }
        return result == 0 ? 0 : errno
    }

    private func wait(for socket: SharedDescriptor) throws(SystemFailure) {
        // Within a node the kernel is mostly done by now, and only says so when it is asked again.
        if let code = Self.result(of: socket.raw) { return finish(code) }
        // On the poll's queue alone, like this.
        nonisolated(unsafe) weak let attempt = self
        key = try context.events.add(socket.raw, EPOLLOUT, EPOLLONESHOT, subject: context.call.address) { _ in
            guard let code = Self.result(of: socket.raw) else { return }
            attempt?.finish(code)
        }
    }

    private func finish(_ code: Int32) {
        abandon()
        context.finish(outcome(code))
    }

    private func outcome(_ code: Int32) -> ProbeOutcome {
        if code == 0 { return .success }
        let failure = SystemFailure(call: "connect", subject: context.call.address, errno: code)
        if failure.isShortage { return .error("\(failure)") }
        return NetworkFailure.connect(to: context.call.address, reason: errnoText(code)).outcome
    }

    /// How the connecting has ended, as an errno; nil when it has not. connect(2), EINPROGRESS.
    private static func result(of raw: Int32) -> Int32? {
        var polled = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
        guard poll(&polled, 1, 0) > 0 else { return nil }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout.size(ofValue: code))
        return getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno
    }
}

/// A TCP call to a name, which libcurl looks up in a thread of its own, and tries the addresses of.
final class NamedConnectAttempt: NetworkAttempt {
    private let context: AttemptContext
    private var transfer: Transfer?

    init(_ context: AttemptContext) { self.context = context }

    func start() {
        guard let transfer = Transfer(to: "http://\(context.call.address)", from: context.place, for: self)
        else {
            return context.finish(.error("libcurl does not take the host"))
        }
        self.transfer = transfer
        transfer.set(CURLOPT_CONNECT_ONLY, 1)
        context.loop.add(transfer)
    }

    func expire() -> ProbeOutcome {
        let own = transfer?.ownFailure
        abandon()
        return (own ?? .connectTimeout(to: context.call.address)).outcome
    }

    func abandon() {
        if let transfer { context.loop.remove(transfer) }
        transfer = nil
    }
}

extension NamedConnectAttempt: TransferOwner {
    func received(header line: UnsafeBufferPointer<UInt8>) -> Bool { false }

    func received(body bytes: UnsafeBufferPointer<UInt8>) -> Bool { false }

    func ended(_ transfer: Transfer, _ code: CURLcode) {
        self.transfer = nil
        let call = context.call
        if code == CURLE_OK { return context.finish(.success) }
        context.finish(
            transfer.failure(code, host: call.host, address: call.address, hasHead: false).outcome
        )
    }
}

/// The kernel's form of an address and a port.
private func withSocketAddress(
    _ address: IPAddress,
    port: UInt16,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    func pass<Value>(_ value: Value) -> Int32 {
        withUnsafePointer(to: value) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Value>.size))
            }
        }
    }
    if address.width == 32 {
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &four.sin_addr) { $0.copyBytes(from: address.bytes) }
        return pass(four)
    }
    var six = sockaddr_in6()
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = port.bigEndian
    withUnsafeMutableBytes(of: &six.sin6_addr) { $0.copyBytes(from: address.bytes) }
    return pass(six)
}

import CNamespaces
import Glibc
import PodCore
import Synchronization

/// A listening socket whose connections are accepted by a task.
final class AsyncListeningSocket: Sendable {
    /// How long accepting rests when the process or the machine is out of descriptors. The connection stays in the
    /// kernel's queue, so the socket stays readable, and trying again at once would only burn the processor.
    private static let restWhenExhausted = Duration.milliseconds(200)

    private let descriptor: AsyncDescriptor

    init(_ descriptor: consuming Descriptor, subject: String) throws(SystemFailure) {
        self.descriptor = try AsyncDescriptor(descriptor, subject: subject)
    }

    /// The next connection, close-on-exec from birth.
    func accept() async throws(AsyncDescriptor.Failure) -> Descriptor {
        while true {
            let result = descriptor.withRaw { raw -> (descriptor: Int32, code: Int32) in
                let accepted = cns_accept(raw)
                return (accepted, accepted < 0 ? errno : 0)
            }
            guard let result else { throw .closed }
            if result.descriptor >= 0 { return Descriptor(adopting: result.descriptor) }
            switch result.code {
            case EAGAIN: try await descriptor.waitUntilReadable()
            case EINTR, ECONNABORTED: continue
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: try await rest()
            default:
                throw .system(SystemFailure(call: "accept4", subject: descriptor.subject, errno: result.code))
            }
        }
    }

    func close() { descriptor.close() }

    private func rest() async throws(AsyncDescriptor.Failure) {
        do { try await Task.sleep(for: Self.restWhenExhausted) } catch { throw .cancelled }
    }
}

import CNamespaces
import Glibc

/// The program that unpacks layers: podagent itself, under another verb.
struct UnpackerProgram: Sendable {
    let path: String

    /// The program that runs now, also when its file has been replaced or removed meanwhile: both sides of the socket are
    /// of one version. A test bundle, or what the toolchain runs one by, is no podagent; there it is beside the bundle.
    static let own: UnpackerProgram = {
        let own = "/proc/self/exe"
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = readlink(own, &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
        let bundle = (CommandLine.arguments + [path]).first { $0.hasSuffix(".xctest") }
        guard let bundle, let end = bundle.lastIndex(of: "/") else { return UnpackerProgram(path: own) }
        return UnpackerProgram(path: bundle[..<end] + "/podagent")
    }()

    /// Starts one, in a PID namespace of its own: it runs as root, and root may signal all that it can name.
    ///
    /// - Parameters:
    ///   - label: What ps(1) shows of the layer.
    ///   - descriptors: Those of ``UnpackerDescriptor``, in their order.
    func spawn(label: String, descriptors: [Int32]) throws(SystemFailure) -> StartedUnpacker {
        let opened = try check("open", path) { cns_openat(AT_FDCWD, path, O_PATH, 0) }
        let program = Descriptor(adopting: opened)
        var pidfd: Int32 = -1
        let pid = withCStrings(["podagent", UnpackLayerCommand.verb.name, label]) { arguments in
            withCStrings([]) { environment in
                descriptors.withUnsafeBufferPointer { descriptors in
                    var what = cns_program(
                        program_fd: program.raw,
                        arguments: arguments,
                        environment: environment,
                        descriptors: descriptors.baseAddress,
                        descriptor_count: Int32(descriptors.count),
                        cgroup_fd: -1,
                        namespaces: UInt64(CNS_NAMESPACE_PID.rawValue)
                    )
                    return cns_spawn(&what, &pidfd)
                }
            }
        }
        guard pid > 0 else { throw .current("clone3", path) }
        return StartedUnpacker(pid: pid, pidfd: Descriptor(adopting: pidfd))
    }
}

/// An unpacker that must be reaped, and is in every case when its owner goes away.
final class StartedUnpacker {
    let pid: pid_t
    let pidfd: SharedDescriptor
    private var hasEnded = false
    /// How long one gets to end by itself that has closed its socket, in milliseconds.
    private static let endTime: Int32 = 5_000

    init(pid: pid_t, pidfd: consuming Descriptor) {
        self.pid = pid
        self.pidfd = SharedDescriptor(pidfd)
    }

    /// Waits for its end, and sees to it. Blocks.
    func end() -> UnpackerEnd {
        hasEnded = true
        var polled = pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)
        if poll(&polled, 1, Self.endTime) == 0 { _ = cns_pidfd_send_signal(pidfd.raw, SIGKILL) }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f)
    }

    /// One that has said its last word has nothing left to do, whatever it may think of that.
    deinit {
        guard !hasEnded else { return }
        _ = cns_pidfd_send_signal(pidfd.raw, SIGKILL)
        _ = end()
    }
}

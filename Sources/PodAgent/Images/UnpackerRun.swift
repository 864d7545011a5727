import CNamespaces
import Glibc
import PodCore

/// The agent's side of the unpacking of one layer: starts the process, feeds it, and hears what came of it. Blocks.
///
/// What comes back is from a process that a stranger's bytes may have taken over. It can have directories of its own
/// file system marked as opaque, and say what it likes of this layer; see docs/image-security.md for what follows.
final class UnpackerRun {
    /// What the pipe to it holds, in bytes.
    private static let pipeBytes = 1 << 20

    private let directory: RootedDirectory
    private let limits: ImageLimits
    private let process: StartedUnpacker
    private let socket: SharedDescriptor
    /// Nil when all has been written.
    private var writer: SharedDescriptor?
    /// The file system that the layer is unpacked on.
    private let device: dev_t
    private var marks = 0

    init(
        _ layer: ListedLayer,
        into directory: RootedDirectory,
        limits: ImageLimits,
        program: UnpackerProgram
    ) throws(SystemFailure) {
        self.directory = directory
        self.limits = limits
        device = try Self.directoryDevice(of: directory.raw, directory.name)
        let pipe = try Pipe("unpacker")
        cns_enlarge_pipe(pipe.writer.raw, Int32(Self.pipeBytes))
        let writer = pipe.writer
        try check("fcntl", "unpacker") { fcntl(writer.raw, F_SETFL, O_NONBLOCK) }
        var (ours, its): (Int32, Int32) = (-1, -1)
        try check("socketpair", "unpacker") { cns_channel(&ours, &its) }
        socket = SharedDescriptor(Descriptor(adopting: ours))
        // Closed with the end of this function: the process is the only one to hold it then.
        let other = SharedDescriptor(Descriptor(adopting: its))
        let target = try directory.open(".", flags: O_RDONLY | O_DIRECTORY)
        process = try program.spawn(
            label: layer.diffID.description,
            descriptors: [pipe.reader.raw, target.raw, other.raw]
        )
        self.writer = writer
        let order = UnpackerOrder(diffID: layer.diffID, limits: limits, directory: directory.name)
        try UnpackerSocket(raw: ours).send(.order, json: order)
    }

    /// Kills it, from any thread; what is left of it is seen to by ``run(_:)``.
    var stop: @Sendable () -> Void {
        let pidfd = process.pidfd
        return { _ = cns_pidfd_send_signal(pidfd.raw, SIGKILL) }
    }

    /// Hands over all of the stream, unless there is a verdict before. The process is gone when this returns.
    func run(_ stream: any ByteStream) throws(LayerProblem) -> UnpackerVerdict {
        while true {
            let bytes: UnsafeRawBufferPointer
            do { bytes = try stream.next() } catch { throw .stream(error) }
            if bytes.isEmpty { break }
            // Not only when the pipe is full: bytes may be long in coming, and it waits for its answer.
            if let verdict = try news() { return verdict }
            if let verdict = try write(bytes) { return verdict }
        }
        writer = nil
        while true {
            if let verdict = try news() { return verdict }
            wait()
        }
    }

    /// Nil when all bytes are written.
    private func write(_ bytes: UnsafeRawBufferPointer) throws(LayerProblem) -> UnpackerVerdict? {
        var rest = bytes
        while !rest.isEmpty {
            guard let writer else { return nil }
            let count = cns_write_pipe(writer.raw, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: break
            // It reads no more, so it has said why, or has ended.
            case EPIPE: self.writer = nil
            default: throw .system(.current("write", "unpacker"))
            }
            wait()
            if let verdict = try news() { return verdict }
        }
        return nil
    }

    /// Until it takes more bytes or has something to say; its end is something too.
    private func wait() {
        var polled = [
            pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: writer?.raw ?? -1, events: Int16(POLLOUT), revents: 0),
        ]
        _ = poll(&polled, nfds_t(polled.count), -1)
    }

    // MARK: What it says

    /// Answers what it asks for. Its verdict, if that is there.
    private func news() throws(LayerProblem) -> UnpackerVerdict? {
        while true {
            let received: UnpackerSocket.Received
            do { received = try UnpackerSocket(raw: socket.raw).receive() } catch { throw .system(error) }
            switch received {
            case .nothing: return nil
            case .incomprehensible: throw .unpacker(.incomprehensible)
            case .end: throw .unpacker(process.end())
            case .message(let message):
                switch message.kind {
                case .mark: try mark(message.descriptor)
                case .verdict: return try verdict(message)
                case .order, .marked: throw .unpacker(.incomprehensible)
                }
            }
        }
    }

    private func mark(_ passed: SharedDescriptor?) throws(LayerProblem) {
        marks += 1
        // Each directory once, when it is made or hidden; and the tree's own limit is on both.
        guard marks <= 2 * limits.layerEntries, let passed else { throw .unpacker(.incomprehensible) }
        var answer: Int32 = 0
        do throws(SystemFailure) {
            guard try Self.directoryDevice(of: passed.raw, directory.name) == device else {
                throw SystemFailure(call: "fsetxattr", subject: directory.name, errno: EXDEV)
            }
            let raw = passed.raw
            try OpaqueMark.set(on: raw, directory.name)
        } catch {
            answer = error.errno
        }
        do {
            try UnpackerSocket(raw: socket.raw).send(.marked, withUnsafeBytes(of: answer) { Array($0) })
        } catch  where error.errno == EPIPE {
            // It has ended; that is the next thing to be heard.
        } catch {
            throw .system(error)
        }
    }

    private static func directoryDevice(of raw: Int32, _ subject: String) throws(SystemFailure) -> dev_t {
        var status = stat()
        try check("fstat", subject) { fstat(raw, &status) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw SystemFailure(call: "fstat", subject: subject, errno: ENOTDIR)
        }
        return status.st_dev
    }

    private func verdict(_ message: UnpackerSocket.Message) throws(LayerProblem) -> UnpackerVerdict {
        guard let verdict = message.decoded(UnpackerVerdict.self), isPossible(verdict) else {
            throw .unpacker(.incomprehensible)
        }
        return verdict
    }

    private func isPossible(_ verdict: UnpackerVerdict) -> Bool {
        guard let facts = verdict.facts else { return verdict.problem != nil }
        return verdict.problem == nil && (0...limits.layerBytes).contains(facts.bytes)
            && (0...limits.layerEntries).contains(facts.entries)
            && facts.droppedAttributes.count <= LayerTree.droppedAttributesMax
            && facts.droppedAttributes.allSatisfy { $0 == printable($0.prefix(64)) }
    }
}

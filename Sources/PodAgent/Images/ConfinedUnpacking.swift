import CNamespaces
import Glibc
import PodCore

/// The unpacking of one layer, in the process that is there for it alone.
final class ConfinedUnpacking {
    /// A zstd window is 128 MiB at most, which libzstd sees to; the rest is libarchive's and this program's.
    private static let dataBytesMax: UInt64 = 256 << 20
    /// The parents of an entry are open one by one while they are made.
    private static let descriptorsMax: UInt64 = 1024

    private let order: UnpackerOrder
    private let socket: UnpackerSocket
    private var entryName: String?

    init(_ order: UnpackerOrder, _ socket: UnpackerSocket) {
        self.order = order
        self.socket = socket
    }

    func run() -> UnpackerVerdict {
        do throws(LayerProblem) {
            try warmUp()
            do throws(SystemFailure) { try confine() } catch { throw .system(error) }
            return UnpackerVerdict(facts: try unpack())
        } catch {
            return UnpackerVerdict(entry: entryName.map { String($0.prefix(4096)) }, problem: error)
        }
    }

    /// Has libraries read their own files while these are the node's: libcrypto its configuration, the C library what it
    /// knows of character sets. Afterwards there would be a stranger's in their places.
    private func warmUp() throws(LayerProblem) {
        for algorithm in Digest.Algorithm.allCases { _ = ContentHash(algorithm).finish() }
        let stream = WarmUpStream()
        let tar = try ofStream { () throws(StreamProblem) in try ArchiveReader(.tar, of: stream) }
        let entry = try ofStream { () throws(StreamProblem) in try tar.nextEntry() }
        guard entry?.name == WarmUpStream.name else { throw .unreadableName }
    }

    private func confine() throws(SystemFailure) {
        var what = cns_confinement(
            root_fd: UnpackerDescriptor.directory,
            capabilities: CapabilitySet.unpacking.bits,
            data_bytes_max: Self.dataBytesMax,
            file_bytes_max: UInt64(clamping: order.limits.layerBytes),
            descriptors_max: Self.descriptorsMax
        )
        guard let failed = cns_confine(&what) else { return }
        throw .current(String(cString: failed), "unpacker")
    }

    private func unpack() throws(LayerProblem) -> LayerTree.Facts {
        let root = RootedDirectory(
            adopting: Descriptor(adopting: UnpackerDescriptor.directory),
            name: order.directory
        )
        let tree = LayerTree(root, limits: order.limits, markingOpaque: askForMark)
        let input = UnpackerInput(layer: UnpackerDescriptor.layer, socket: socket.raw)
        try tree.unpack(input, diffID: order.diffID, &entryName)
        // The agent writes on until it has written all, and would take an early end for a failure.
        try ofStream { () throws(StreamProblem) in try input.drain() }
        return tree.facts
    }

    /// `trusted` attributes take CAP_SYS_ADMIN, which would be all capabilities in one.
    private func askForMark(_ directory: RootedDirectory) throws(SystemFailure) {
        try socket.send(.mark, descriptor: directory.raw)
        guard case .message(let message) = try socket.receive(), message.kind == .marked,
            message.body.count == MemoryLayout<Int32>.size
        else { _exit(1) }
        let code = message.body.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
        guard code == 0 else {
            throw SystemFailure(
                call: "fsetxattr",
                subject: "\(directory.name) trusted.overlay.opaque",
                errno: code
            )
        }
    }
}

/// The layer as it comes by the pipe, as long as there is an agent at the other end of the socket.
private final class UnpackerInput: ByteStream {
    private let layer: Int32
    private let socket: Int32
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

    init(layer: Int32, socket: Int32) {
        self.layer = layer
        self.socket = socket
    }

    deinit { buffer.deallocate() }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        do throws(SystemFailure) {
            // Nothing is said to it now, so what comes by the socket is the agent's end.
            var polled = [
                pollfd(fd: layer, events: Int16(POLLIN), revents: 0),
                pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
            ]
            try check("poll", "unpacker") { poll(&polled, nfds_t(polled.count), -1) }
            if polled[1].revents != 0 { _exit(1) }
            let count = try check("read", "layer") { read(layer, buffer.baseAddress, buffer.count) }
            return UnsafeRawBufferPointer(rebasing: buffer[..<count])
        } catch {
            throw .system(error)
        }
    }
}

/// A tar archive of one empty file whose name stands in a pax header, and so goes through a conversion of characters.
private final class WarmUpStream: ByteStream {
    static let name = Array("\u{E9}".utf8)

    private let bytes: UnsafeMutableRawBufferPointer
    private var isRead = false

    init() {
        let record = Array("11 path=".utf8) + Self.name + Array("\n".utf8)
        let body = record + [UInt8](repeating: 0, count: 512 - record.count)
        let archive =
            Self.header(type: "x", size: record.count) + body + Self.header(type: "0", size: 0)
            + [UInt8](repeating: 0, count: 1024)
        bytes = .allocate(byteCount: archive.count, alignment: 16)
        bytes.copyBytes(from: archive)
    }

    deinit { bytes.deallocate() }

    func next() throws(StreamProblem) -> UnsafeRawBufferPointer {
        defer { isRead = true }
        return isRead ? UnsafeRawBufferPointer(rebasing: bytes[..<0]) : UnsafeRawBufferPointer(bytes)
    }

    /// POSIX.1-2001, pax, "ustar Header Block".
    private static func header(type: Character, size: Int) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put("a", at: 0)
        put("0000644", at: 100)
        put(octal(size, digits: 11), at: 124)
        put(octal(0, digits: 11), at: 136)
        put("        \(type)", at: 148)
        put("ustar", at: 257)
        put("00", at: 263)
        put(octal(block.reduce(0) { $0 + Int($1) }, digits: 6), at: 148)
        block[154] = 0
        return block
    }
}

import CNamespaces
import Dispatch
import Glibc

/// inotify(7) on the node's queue.
@NodeActor
final class Inotify {
    /// What the kernel saw.
    struct Event {
        /// The watch it belongs to; -1 for an overflow of the queue.
        var watch: Int32
        var mask: UInt32
        /// Ties the two halves of a rename together.
        var cookie: UInt32
        /// The name in the watched directory; empty when it is about the watched object itself.
        var name: String

        func has(_ bits: Int32) -> Bool { mask & UInt32(bitPattern: bits) != 0 }
    }

    private let descriptor: SharedDescriptor
    private let source: any DispatchSourceRead

    /// Begins to listen. `subject` is what failures call it; `receive` gets what one read(2) returned, in the kernel's order.
    init(
        subject: String = "manifests",
        receive: @escaping @NodeActor ([Event]) -> Void
    ) throws(SystemFailure) {
        let raw = try check("inotify_init1", subject) { inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC)) }
        let descriptor = SharedDescriptor(Descriptor(adopting: raw))
        self.descriptor = descriptor
        source = DispatchSource.makeReadSource(fileDescriptor: raw, queue: NodeActor.queue)
        source.setEventHandler {
            NodeActor.assumeIsolated {
                let events = Self.read(descriptor)
                if !events.isEmpty { receive(events) }
            }
        }
        // The descriptor may be closed only after the source has let go of it.
        source.setCancelHandler { withExtendedLifetime(descriptor) {} }
        source.activate()
    }

    isolated deinit { source.cancel() }

    /// Watches what a descriptor stands for: this very inode, whatever becomes of its path.
    func watch(_ opened: Int32, mask: Int32, subject: String) throws(SystemFailure) -> Int32 {
        let queue = descriptor.raw
        return try check("inotify_add_watch", subject) {
            inotify_add_watch(queue, "/proc/self/fd/\(opened)", UInt32(bitPattern: mask))
        }
    }

    /// Ends a watch. One that the kernel has ended already is no error.
    func unwatch(_ watch: Int32) { _ = inotify_rm_watch(descriptor.raw, watch) }

    private static func read(_ descriptor: SharedDescriptor) -> [Event] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        // EAGAIN, when the wake-up was for nothing, and EINTR both mean that the source will fire again.
        let count = Glibc.read(descriptor.raw, &buffer, buffer.count)
        guard count > 0 else { return [] }
        return buffer.withUnsafeBytes { bytes in
            var events: [Event] = []
            var offset = 0
            while offset + MemoryLayout<inotify_event>.size <= count {
                let header = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                let start = offset + MemoryLayout<inotify_event>.size
                offset = start + Int(header.len)
                let name = bytes[start..<offset].prefix { $0 != 0 }
                events.append(
                    Event(
                        watch: header.wd,
                        mask: header.mask,
                        cookie: header.cookie,
                        name: String(decoding: name, as: UTF8.self)
                    )
                )
            }
            return events
        }
    }
}

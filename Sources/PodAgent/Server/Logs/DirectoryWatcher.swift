import CNamespaces
import Glibc
import PodCore
import Synchronization

/// Tells tasks that something has changed in a directory: inotify(7), one instance for all of them, because a user may
/// have only 128.
///
/// What changed is not told: whoever is woken looks for himself, so that signals may be merged and none is missed.
final class DirectoryWatcher: Sendable {
    private struct State {
        /// Who waits, by the kernel's number of the watch.
        var waiters: [Int32: [UInt64: AsyncStream<Void>.Continuation]] = [:]
        var waitersEver: UInt64 = 0
    }

    private static let mask = UInt32(
        IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
            | IN_ONLYDIR
    )

    private let descriptor: AsyncDescriptor
    private let state = Mutex(State())

    /// Begins to listen. ``close()`` ends it.
    init() throws(SystemFailure) {
        let raw = try check("inotify_init1", "log directories") { inotify_init1(Int32(IN_CLOEXEC)) }
        descriptor = try AsyncDescriptor(Descriptor(adopting: raw), subject: "inotify")
        // Unstructured, because it lives as long as this object; it ends with the descriptor.
        Task { [descriptor, weak self] in
            while let events = try? await descriptor.read(), !events.isEmpty { self?.tell(events) }
        }
    }

    deinit { close() }

    /// Ends all signals.
    func close() {
        descriptor.close()
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters.values.flatMap(\.values)
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Yields after changes in a directory. The first may be told at once; many changes may be told as one.
    func changes(in directory: RootedDirectory) throws(SystemFailure) -> AsyncStream<Void> {
        let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        // The watch is made under the lock, so that another's end cannot remove it before it is noted.
        let outcome: Result<(Int32, UInt64), SystemFailure> = state.withLock { state in
            let watch = descriptor.withRaw { raw in
                // The descriptor's magic link leads to the directory itself, whatever its path has become.
                inotify_add_watch(raw, "/proc/self/fd/\(directory.raw)", Self.mask)
            }
            guard let watch, watch >= 0 else {
                return .failure(.current("inotify_add_watch", directory.name))
            }
            state.waitersEver += 1
            state.waiters[watch, default: [:]][state.waitersEver] = continuation
            return .success((watch, state.waitersEver))
        }
        let (watch, id) = try outcome.get()
        continuation.onTermination = { [weak self] _ in self?.remove(id, from: watch) }
        return changes
    }

    /// Watches under way; for tests.
    var watchCount: Int { state.withLock { $0.waiters.count } }

    private func remove(_ id: UInt64, from watch: Int32) {
        let waiter = state.withLock { state -> AsyncStream<Void>.Continuation? in
            let waiter = state.waiters[watch]?.removeValue(forKey: id)
            if state.waiters[watch]?.isEmpty == true {
                state.waiters[watch] = nil
                // Fails when the directory has gone, and its watch with it.
                descriptor.withRaw { _ = inotify_rm_watch($0, watch) }
            }
            return waiter
        }
        // Dropped outside the lock: giving up the last reference runs code of the stream.
        withExtendedLifetime(waiter) {}
    }

    /// Reads the kernel's records: `struct inotify_event` with a name of `len` bytes behind it.
    private func tell(_ bytes: [UInt8]) {
        var changed: Set<Int32> = []
        var isOverflow = false
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            let headerSize = MemoryLayout<inotify_event>.size
            while offset + headerSize <= buffer.count {
                let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { isOverflow = true }
                changed.insert(event.wd)
                offset += headerSize + Int(event.len)
            }
        }
        let waiters = state.withLock { state in
            state.waiters.filter { isOverflow || changed.contains($0.key) }.flatMap(\.value.values)
        }
        for waiter in waiters { waiter.yield() }
    }
}

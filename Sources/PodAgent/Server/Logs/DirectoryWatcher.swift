import CNamespaces
import Glibc
import PodCore
import Synchronization

/// Tells tasks that something has changed in a directory: inotify(7), one instance for all of them, because a user may
/// have only 128. It is made when the first of them asks.
///
/// What changed is not told: whoever is woken looks for himself, so that signals may be merged and none is missed.
final class DirectoryWatcher: Sendable {
    private struct State {
        var instance = Instance.none
        /// Who waits, by the kernel's number of the watch.
        var waiters: [Int32: [UInt64: AsyncStream<Void>.Continuation]] = [:]
        var waitersEver: UInt64 = 0
    }

    private enum Instance {
        case none
        case open(AsyncDescriptor)
        case closed
    }

    private static let mask = UInt32(
        IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
            | IN_ONLYDIR
    )

    private let state = Mutex(State())

    deinit { close() }

    /// Ends all signals, for good.
    func close() {
        let waiters = state.withLock { state in
            if case .open(let descriptor) = state.instance { descriptor.close() }
            state.instance = .closed
            defer { state.waiters = [:] }
            return state.waiters.values.flatMap(\.values)
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Yields after changes in a directory. The first may be told at once; many changes may be told as one.
    func changes(in directory: RootedDirectory) throws(SystemFailure) -> AsyncStream<Void> {
        let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        // The watch is made under the lock, so that another's end cannot remove it before it is noted.
        let outcome = state.withLock { state in
            Result { () throws(SystemFailure) in
                let watch = try addWatch(directory, &state)
                state.waitersEver += 1
                state.waiters[watch, default: [:]][state.waitersEver] = continuation
                return (watch, state.waitersEver)
            }
        }
        let (watch, id) = try outcome.get()
        continuation.onTermination = { [weak self] _ in self?.remove(id, from: watch) }
        return changes
    }

    /// Watches under way; for tests.
    var watchCount: Int { state.withLock { $0.waiters.count } }

    private func addWatch(_ directory: RootedDirectory, _ state: inout State) throws(SystemFailure) -> Int32 {
        let descriptor = try openInstance(&state)
        var failure: SystemFailure?
        let watch = descriptor.withRaw { raw in
            // The descriptor's magic link leads to the directory itself, whatever its path has become.
            let watch = inotify_add_watch(raw, "/proc/self/fd/\(directory.raw)", Self.mask)
            if watch < 0 { failure = .current("inotify_add_watch", directory.name) }
            return watch
        }
        if let failure { throw failure }
        guard let watch else {
            throw SystemFailure(call: "inotify_add_watch", subject: directory.name, errno: EBADF)
        }
        return watch
    }

    private func openInstance(_ state: inout State) throws(SystemFailure) -> AsyncDescriptor {
        switch state.instance {
        case .open(let descriptor): return descriptor
        case .closed:
            throw SystemFailure(call: "inotify_add_watch", subject: "a stopped server", errno: EBADF)
        case .none: break
        }
        let raw = try check("inotify_init1", "log directories") { inotify_init1(Int32(IN_CLOEXEC)) }
        let descriptor = try AsyncDescriptor(Descriptor(adopting: raw), subject: "inotify")
        state.instance = .open(descriptor)
        // Unstructured, because it lives as long as the instance; it ends with the descriptor.
        Task { [weak self] in
            while let events = try? await descriptor.read(), !events.isEmpty { self?.tell(events) }
        }
        return descriptor
    }

    private func remove(_ id: UInt64, from watch: Int32) {
        let waiter = state.withLock { state -> AsyncStream<Void>.Continuation? in
            let waiter = state.waiters[watch]?.removeValue(forKey: id)
            if state.waiters[watch]?.isEmpty == true {
                state.waiters[watch] = nil
                // Fails when the directory has gone, and its watch with it.
                if case .open(let descriptor) = state.instance {
                    descriptor.withRaw { _ = inotify_rm_watch($0, watch) }
                }
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

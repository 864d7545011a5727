import CNamespaces
import Dispatch
import Glibc
import PodCore
import Synchronization

/// Writes the node's events to their file, away from the node's queue.
///
///     change ─▶ its name              ─▶ at once, but at most once a second ─▶ appended ─▶ now and then all written anew
///                                        a disk that is full: tried again, after 1 s … 60 s
///
/// What has changed is kept as names, and as nothing but that when they become many; so it is little, however much happens
/// and however long the disk is full. Nobody ever waits for it but the end of the agent.
final class EventRecorder: Sendable {
    fileprivate struct State {
        /// The names of events that the file does not have as they are, or has still.
        var changed: Set<String> = []
        /// The file is to be replaced as a whole.
        var isRewriteDue = true
        /// There is something to write.
        var isPending = false
        /// A write is to come, or under way.
        var isScheduled = false
        var lastWriteAt: Tick?
        /// How long the next try waits after the last, when that failed.
        var retryDelay: Duration?
        /// Of the file as it was last written to.
        var size = 0
        /// How much of that was there when the file was last replaced.
        var sizeReplaced = 0
    }

    /// Between two writes.
    private let pace: Duration
    private static let retry = (first: Duration.seconds(1), max: Duration.seconds(60))
    /// How much a file may grow before it is replaced, if there is less in it than that.
    private static let growth = 256 << 10

    /// How many names are remembered before all events are written anew instead.
    private static let changedMax = 1_000

    private let directory: RootedDirectory
    private let cache: WatchCache<Event>
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "podagent.events")

    /// - Parameters:
    ///   - cache: what the file is to say. An earlier agent's file is replaced by the first write, and not appended to:
    ///     nobody has to know how it ends.
    ///   - pace: the least time between two writes.
    init(directory: RootedDirectory, cache: WatchCache<Event>, pace: Duration = .seconds(1)) {
        self.directory = directory
        self.cache = cache
        self.pace = pace
    }

    /// The event of this name is another one now, or gone.
    func change(_ name: String) {
        let wait: Duration? = state.withLock { state in
            state.isPending = true
            if !state.isRewriteDue { state.changed.insert(name) }
            if state.changed.count > Self.changedMax { state.rewriteNext() }
            if state.isScheduled { return nil }
            state.isScheduled = true
            return state.lastWriteAt.map { max(.zero, $0 + pace - Clock.tick()) } ?? .zero
        }
        if let wait { schedule(after: wait) }
    }

    /// Writes what is not written yet, now. Once: a disk that is full is no reason not to end.
    func flush() { queue.sync { _ = write() } }

    private func schedule(after wait: Duration) {
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(wait.wholeNanoseconds))) { [weak self] in
            guard let self, let delay = write() else { return }
            schedule(after: delay)
        }
    }

    // MARK: On the queue

    /// Writes all that has changed; how long the next try is to wait, if there has to be one.
    private func write() -> Duration? {
        guard let work = state.withLock({ $0.take(growth: Self.growth) }) else { return nil }
        let bytes = batch(work)
        do throws(SystemFailure) {
            if case .append(_, let size) = work {
                // If it is not the file that this recorder has left, all of it is written anew.
                guard try append(bytes, to: size) else { return failed(nil) }
            } else {
                try directory.replaceFile(EventFile.name, with: bytes, mode: 0o600, durable: true)
            }
            return wrote(bytes.count, isReplaced: work == .replace)
        } catch {
            return failed(error)
        }
    }

    private func batch(_ work: State.Work) -> [UInt8] {
        switch work {
        case .replace:
            let list = cache.list()
            return EventFile.batch(list.items, resourceVersion: list.resourceVersion)
        case .append(let names, _):
            let events = names.compactMap { cache[$0] }
            let gone = names.subtracting(events.map(\.metadata.name)).sorted()
            return EventFile.batch(events, removed: gone, resourceVersion: cache.version)
        }
    }

    /// Appends to the file if it is there and as it was left; else answers false. One that could not take all of it gets
    /// its end back, so that the next batch does not stand behind half of this one.
    private func append(_ bytes: [UInt8], to size: Int) throws(SystemFailure) -> Bool {
        let file: Descriptor
        do throws(SystemFailure) {
            let flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK
            file = try directory.open(EventFile.name, flags: flags, resolution: .beneathWithoutLinks)
        } catch  where [ENOENT, ELOOP, ENXIO, EISDIR].contains(error.errno) {
            return false
        }
        let raw = file.raw
        var status = stat()
        try check("fstat", EventFile.name) { fstat(raw, &status) }
        guard status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) == size else { return false }
        do throws(SystemFailure) {
            try writeAll(file, bytes, subject: "\(directory.name)/\(EventFile.name)")
        } catch {
            // If not even that can be done, the next write finds another size and replaces the file.
            _ = ftruncate(raw, off_t(size))
            throw error
        }
        return true
    }

    private func wrote(_ count: Int, isReplaced: Bool) -> Duration? {
        let isMended = state.withLock { state in
            state.size = isReplaced ? count : state.size + count
            if isReplaced { state.sizeReplaced = count }
            defer { state.retryDelay = nil }
            return state.retryDelay != nil
        }
        if isMended { Log.notice("events are saved again") }
        return next(after: pace)
    }

    private func failed(_ failure: SystemFailure?) -> Duration? {
        let (delay, isNew) = state.withLock { state in
            state.rewriteNext()
            guard failure != nil else { return (Duration.zero, false) }
            let delay = state.retryDelay.map { min($0 * 2, Self.retry.max) } ?? Self.retry.first
            defer { state.retryDelay = delay }
            return (delay, state.retryDelay == nil)
        }
        if let failure, isNew {
            Log.warning("cannot save events: \(failure); they are kept in memory, and it is tried again")
        }
        return next(after: delay)
    }

    private func next(after delay: Duration) -> Duration? {
        state.withLock { state in
            state.lastWriteAt = Clock.tick()
            state.isScheduled = state.isPending
            return state.isPending ? delay : nil
        }
    }
}

extension EventRecorder.State {
    /// What is to be written.
    enum Work: Equatable {
        /// Everything, in place of what is there.
        case replace
        /// Behind the first `size` bytes, which is all there is, the events of these names.
        case append(Set<String>, size: Int)
    }

    /// The next write brings everything, so what has changed need not be remembered.
    mutating func rewriteNext() {
        isRewriteDue = true
        isPending = true
        changed = []
    }

    /// Takes what is to be written; what changes from here on is the next write's.
    mutating func take(growth: Int) -> Work? {
        guard isPending else {
            isScheduled = false
            return nil
        }
        defer {
            isPending = false
            isRewriteDue = false
            changed = []
        }
        if isRewriteDue || size - sizeReplaced > max(growth, sizeReplaced) { return .replace }
        return .append(changed, size: size)
    }
}

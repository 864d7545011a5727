import Dispatch
import PodCore
import Synchronization

/// Writes what must be remembered of one Pod, away from the node's queue: `pod.json` once, and the newest record. One
/// that is overtaken while an earlier one is on its way to disk never goes there.
final class PodRecorder: Sendable {
    /// Called on the node's queue with what came of a write.
    typealias Done = @NodeActor @Sendable (Result<Void, any Error>) -> Void

    private struct State {
        /// What is to be written next, or again, and who waits for that.
        var next: (record: PodRecordFile, done: [Done])?
        /// Who waits for the write that is under way; nil while there is none.
        var current: [Done]?
        /// Of the last write.
        var outcome: Result<Void, any Error> = .success(())
        var stopped = false
        /// How long was waited before the last attempt after a failed one; nil when the last write went through.
        var delay: Duration?
        /// A record of the Pod is on disk, this one or one of an earlier podagent.
        var exists: Bool
        var directory: RootedDirectory?
    }

    private static let firstDelay = Duration.seconds(1)
    private static let maxDelay = Duration.seconds(10)
    private static let queue = DispatchQueue(label: "podagent.records", attributes: .concurrent)

    private let pod: Pod
    private let directories: NodeDirectories
    private let state: Mutex<State>
    private let idle = DispatchGroup()

    /// - Parameter exists: whether a record of the Pod is on disk already.
    init(pod: Pod, directories: NodeDirectories, exists: Bool = false) {
        self.pod = pod
        self.directories = directories
        state = Mutex(State(exists: exists))
    }

    /// Writes `record` soon; `done` is called when it, or a newer one, is on disk, or could not be written.
    func write(_ record: PodRecordFile, done: @escaping Done) {
        let begins = state.withLock { state in
            guard !state.stopped else { return false }
            state.next = (record, (state.next?.done ?? []) + [done])
            defer { state.current = state.current ?? [] }
            return state.current == nil
        }
        guard begins else { return }
        Self.queue.async(group: idle) { self.drain() }
    }

    /// Calls `done` when everything that has been given to ``write(_:done:)`` is on disk, or could not be written.
    func whenWritten(_ done: @escaping Done) {
        let outcome: Result<Void, any Error>? = state.withLock { state in
            if state.next != nil {
                state.next?.done.append(done)
            } else if state.current != nil {
                state.current?.append(done)
            } else {
                return state.outcome
            }
            return nil
        }
        if let outcome { Self.tell([done], outcome) }
    }

    /// Calls `done` when there is a record on disk, be it an older one, or when the last attempt at the first has failed.
    func whenExisting(_ done: @escaping Done) {
        let outcome: Result<Void, any Error>? = state.withLock { state in
            if state.exists { return .success(()) }
            return state.delay != nil && state.current == nil ? state.outcome : nil
        }
        if let outcome { Self.tell([done], outcome) } else { whenWritten(done) }
    }

    /// Nothing is written from here on, because the Pod's files are about to go; so nobody has to wait for it.
    func stop() {
        let waiting = state.withLock { state in
            state.stopped = true
            defer { state.next = nil }
            return state.next?.done ?? []
        }
        // Who waits for a write that is under way is told by it.
        Self.tell(waiting, .success(()))
    }

    /// Waits until what was under way is on disk. Never on the node's queue, except when the agent ends.
    func flush() { idle.wait() }

    private func drain() {
        while true {
            var outcome: Result<Void, any Error> = .success(())
            // Nothing when it was stopped before it began.
            let record = next()
            if let record { outcome = Result { try write(record) } }
            let (waiting, isDone) = finish(outcome, of: record)
            Self.tell(waiting, outcome)
            if isDone { return }
        }
    }

    private func next() -> PodRecordFile? {
        state.withLock { state in
            guard let next = state.next else { return nil }
            state.next = nil
            state.current = (state.current ?? []) + next.done
            return next.record
        }
    }

    /// Who waited for this write, and whether there is nothing more to write.
    private func finish(
        _ outcome: Result<Void, any Error>,
        of record: PodRecordFile?
    ) -> (waiting: [Done], isDone: Bool) {
        let retry: Duration?
        let result: (waiting: [Done], isDone: Bool)
        (result, retry) = state.withLock { state in
            let waiting = state.current ?? []
            state.outcome = outcome
            guard case .failure = outcome, let record else {
                if record != nil { state.exists = true }
                state.delay = nil
                let isDone = state.next == nil
                state.current = isDone ? nil : []
                return ((waiting, isDone), nil)
            }
            // The Pod runs on, and its shim keeps its ends until a record gets through: this one, or a later one.
            let delay = state.delay.map { min($0 * 2, Self.maxDelay) } ?? Self.firstDelay
            state.delay = delay
            if state.next == nil, !state.stopped { state.next = (record, []) }
            state.current = nil
            return ((waiting, true), delay)
        }
        if case .failure(let error) = outcome, let retry { tryAgain(in: retry, after: error) }
        return result
    }

    /// A later ``write(_:done:)`` may be quicker; then there is nothing left to do.
    private func tryAgain(in delay: Duration, after error: any Error) {
        let name = pod.metadata.name
        Log.warning("cannot save the record of Pod \(name): \(error); trying again in \(delay.goText)")
        let wait = DispatchTimeInterval.milliseconds(Int(delay / .milliseconds(1)))
        Self.queue.asyncAfter(deadline: .now() + wait) { [weak self] in
            guard let self, begins() else { return }
            Self.queue.async(group: idle) { self.drain() }
        }
    }

    /// Claims the one place of who writes, if there is something to write.
    private func begins() -> Bool {
        state.withLock { state in
            guard state.next != nil, state.current == nil else { return false }
            state.current = []
            return true
        }
    }

    private func write(_ record: PodRecordFile) throws {
        CrashPoint.beforeRecord.pass(pod.metadata.uid)
        var directory = state.withLock { $0.directory }
        if directory == nil {
            let opened = try directories.podState(pod.metadata.uid)
            try PodFile.write(pod, to: opened)
            CrashPoint.betweenRecords.pass(pod.metadata.uid)
            state.withLock { $0.directory = opened }
            directory = opened
        }
        if let directory { try record.write(to: directory) }
        CrashPoint.afterRecord.pass(pod.metadata.uid)
    }

    private static func tell(_ waiting: [Done], _ outcome: Result<Void, any Error>) {
        guard !waiting.isEmpty else { return }
        NodeActor.queue.async {
            NodeActor.assumeIsolated { for done in waiting { done(outcome) } }
        }
    }
}

import Dispatch
import PodCore
import Synchronization

/// Writes what must be remembered of one Pod, away from the node's queue: `pod.json` once, and the newest record. One
/// that is overtaken while an earlier one is on its way to disk never goes there.
final class PodRecorder: Sendable {
    /// Called on the node's queue with what came of a write.
    typealias Done = @NodeActor @Sendable (Result<Void, any Error>) -> Void

    private struct State {
        /// What is to be written next, and who waits for that.
        var next: (record: PodRecordFile, done: [Done])?
        /// Who waits for the write that is under way; nil while there is none.
        var current: [Done]?
        /// Of the last write.
        var outcome: Result<Void, any Error> = .success(())
        var stopped = false
        /// A record of the Pod is on disk, this one or one of an earlier podagent.
        var exists: Bool
        var directory: RootedDirectory?
    }

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

    /// Calls `done` when there is a record on disk, be it an older one, or when there cannot be.
    func whenExisting(_ done: @escaping Done) {
        if state.withLock({ $0.exists }) { Self.tell([done], .success(())) } else { whenWritten(done) }
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
            if let record = next() {
                outcome = Result { try write(record) }
                // The Pod runs on; the shim keeps its ends until a later record gets through.
                if case .failure(let error) = outcome {
                    Log.warning("cannot save the record of Pod \(pod.metadata.name): \(error)")
                }
            }
            let (waiting, isDone) = finish(outcome)
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
    private func finish(_ outcome: Result<Void, any Error>) -> (waiting: [Done], isDone: Bool) {
        state.withLock { state in
            state.outcome = outcome
            if case .success = outcome { state.exists = true }
            let waiting = state.current ?? []
            let isDone = state.next == nil
            state.current = isDone ? nil : []
            return (waiting, isDone)
        }
    }

    private func write(_ record: PodRecordFile) throws {
        var directory = state.withLock { $0.directory }
        if directory == nil {
            let opened = try directories.podState(pod.metadata.uid)
            // An earlier podagent's is read before its record is believed.
            if !state.withLock({ $0.exists }) { try PodFile.write(pod, to: opened) }
            state.withLock { $0.directory = opened }
            directory = opened
        }
        if let directory { try record.write(to: directory) }
    }

    private static func tell(_ waiting: [Done], _ outcome: Result<Void, any Error>) {
        guard !waiting.isEmpty else { return }
        NodeActor.queue.async {
            NodeActor.assumeIsolated { for done in waiting { done(outcome) } }
        }
    }
}

import Dispatch
import PodCore
import Synchronization

/// Writes what must be remembered of one Pod, away from the node's queue: `pod.json` once, and the newest record. One
/// that is overtaken while an earlier one is on its way to disk never goes there; one that cannot be written is tried
/// again, as there may be nothing that would make a newer one for days.
final class PodRecorder: Sendable {
    /// Called on the node's queue with what came of a write.
    typealias Outcome = Result<Void, any Error>
    typealias Done = @NodeActor @Sendable (Outcome) -> Void
    typealias Written = @NodeActor @Sendable () -> Void

    fileprivate struct State {
        /// What is to be written next, or again.
        var next: PodRecordFile?
        /// Called when that is on disk.
        var written: [Written] = []
        /// Called when that has been tried.
        var waiting: [Done] = []
        /// Called when the write that is under way is done; nil while there is none.
        var current: [Done]?
        /// Of the last write.
        var outcome: Outcome = .success(())
        /// How long the next try waits after the last, when that failed.
        var retryDelay: Duration?
        var stopped = false
        /// A record of the Pod is on disk, this one or one of an earlier podagent.
        var exists: Bool
        var directory: RootedDirectory?
        /// What the Pod has been changed to, until a record is given that says so.
        var announcedPod: Pod?
        /// The same from then on, until it is on disk.
        var changedPod: Pod?
    }

    private static let queue = DispatchQueue(label: "podagent.records", attributes: .concurrent)
    fileprivate static let retry = (first: Duration.seconds(1), max: Duration.seconds(60))

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

    /// Writes `record` soon; `written` is called when it, or a newer one, is on disk.
    func write(_ record: PodRecordFile, written: @escaping Written) {
        let begins = state.withLock { state in
            guard !state.stopped else { return false }
            state.next = record
            state.written.append(written)
            if let announced = state.announcedPod.take() { state.changedPod = announced }
            return state.begins()
        }
        if begins { begin() }
    }

    /// With the next record the Pod is written as it is now. After that, so that of a container which is to be started
    /// anew a record says so before nothing else does: whoever finds the old Pod makes the change once more. Never with a
    /// record that is on its way already: whoever found that with the new Pod would not know what to start anew.
    func change(_ pod: Pod) { state.withLock { $0.announcedPod = pod } }

    /// Calls `done` when everything that has been given to ``write(_:written:)`` is on disk, or could not be written.
    func whenWritten(_ done: @escaping Done) {
        let outcome: Outcome? = state.withLock { state in
            // What waits for another try has been tried.
            guard state.current != nil else { return state.outcome }
            if state.next != nil { state.waiting.append(done) } else { state.current?.append(done) }
            return nil
        }
        if let outcome { Self.onNode { done(outcome) } }
    }

    /// Calls `body` when everything that has been given to ``write(_:written:)`` is on disk, however many tries that takes.
    func whenOnDisk(_ body: @escaping Written) {
        whenWritten { outcome in
            if case .success = outcome { return body() }
            // What has failed stands by to be tried again.
            let isTriedAgain = self.state.withLock { state in
                if state.next != nil { state.written.append(body) }
                return state.next != nil
            }
            if !isTriedAgain { body() }
        }
    }

    /// Calls `done` when there is a record on disk, be it an older one, or when there cannot be.
    func whenExisting(_ done: @escaping Done) {
        if state.withLock({ $0.exists }) { Self.onNode { done(.success(())) } } else { whenWritten(done) }
    }

    /// Nothing is written from here on, because the Pod's files are about to go; so nobody has to wait for it.
    func stop() {
        let waiting = state.withLock { state in
            state.stopped = true
            state.next = nil
            defer { state.waiting = [] }
            return state.waiting
        }
        // Who waits for a write that is under way is told by it.
        Self.onNode { for done in waiting { done(.success(())) } }
    }

    /// Waits until what was under way is on disk. Never on the node's queue, except when the agent ends.
    func flush() { idle.wait() }

    private func begin() { Self.queue.async(group: idle) { self.drain() } }

    private func drain() {
        while true {
            // Nothing when it was stopped before it began.
            let (record, changed, written) = state.withLock { $0.take() }
            var outcome = Outcome.success(())
            if let record {
                outcome = Result { try write(record, changed) }
                if case .failure(let error) = outcome {
                    // The Pod runs on; the shim keeps its ends until a record of them gets through.
                    Log.warning("cannot save the record of Pod \(pod.metadata.name): \(error)")
                }
            }
            let (tried, isDone) = state.withLock { $0.finish(record, changed, written, outcome) }
            Self.onNode {
                if case .success = outcome { for body in written { body() } }
                for done in tried { done(outcome) }
            }
            if isDone { return tryAgainLater() }
        }
    }

    private func tryAgainLater() {
        guard let delay = state.withLock({ $0.retryDelay }) else { return }
        let deadline = DispatchTime.now() + .nanoseconds(Int(delay.wholeNanoseconds))
        Self.queue.asyncAfter(deadline: deadline) { [weak self] in
            guard let self, state.withLock({ $0.next != nil && $0.begins() }) else { return }
            begin()
        }
    }

    private func write(_ record: PodRecordFile, _ changed: Pod?) throws {
        CrashPoint.beforeRecord.pass(pod.metadata.uid)
        var directory = state.withLock { $0.directory }
        if directory == nil {
            let opened = try directories.podState(pod.metadata.uid)
            // An earlier podagent's is read before its record is believed.
            if !state.withLock({ $0.exists }) { try PodFile.write(pod, to: opened) }
            CrashPoint.betweenRecords.pass(pod.metadata.uid)
            state.withLock { $0.directory = opened }
            directory = opened
        }
        guard let directory else { return }
        try record.write(to: directory)
        if let changed { try PodFile.write(changed, to: directory) }
        CrashPoint.afterRecord.pass(pod.metadata.uid)
    }

    private static func onNode(_ body: @escaping @NodeActor @Sendable () -> Void) {
        NodeActor.queue.async { NodeActor.assumeIsolated(body) }
    }
}

extension PodRecorder.State {
    /// Whether somebody has to begin writing, because nobody is.
    fileprivate mutating func begins() -> Bool {
        if current != nil { return false }
        current = []
        return true
    }

    fileprivate mutating func take() -> (PodRecordFile?, Pod?, [PodRecorder.Written]) {
        defer {
            next = nil
            changedPod = nil
            written = []
            waiting = []
        }
        current = (current ?? []) + waiting
        return (next, changedPod, written)
    }

    /// Who waited for this try, and whether there is nothing more to write for now.
    fileprivate mutating func finish(
        _ record: PodRecordFile?,
        _ changed: Pod?,
        _ tellers: [PodRecorder.Written],
        _ outcome: PodRecorder.Outcome
    ) -> (tried: [PodRecorder.Done], isDone: Bool) {
        self.outcome = outcome
        let (tried, isNewer) = (current ?? [], next != nil)
        switch outcome {
        case .success:
            if record != nil { exists = true }
            retryDelay = nil
        case .failure:
            if !stopped, next == nil { next = record }
            changedPod = changedPod ?? changed
            written = tellers + written
            retryDelay = retryDelay.map { min($0 * 2, PodRecorder.retry.max) } ?? PodRecorder.retry.first
        }
        current = isNewer ? [] : nil
        return (tried, !isNewer)
    }
}

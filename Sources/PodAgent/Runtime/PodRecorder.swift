import Dispatch
import PodCore
import Synchronization

/// Writes one Pod's record away from the node's queue. Only the newest is written: one that is overtaken while an
/// earlier one is on its way to disk never goes there.
final class PodRecorder: Sendable {
    private struct State {
        var pending: (record: PodRecordFile, done: [@NodeActor @Sendable () -> Void])?
        var writing = false
        var stopped = false
    }

    private static let queue = DispatchQueue(label: "podagent.records", attributes: .concurrent)

    private let directory: RootedDirectory
    private let state = Mutex(State())
    private let idle = DispatchGroup()

    init(directory: RootedDirectory) { self.directory = directory }

    /// Writes `record` soon; `done` is called on the node's queue when it, or a newer one, is on disk.
    func write(_ record: PodRecordFile, done: @escaping @NodeActor @Sendable () -> Void) {
        let begins = state.withLock { state in
            guard !state.stopped else { return false }
            state.pending = (record, (state.pending?.done ?? []) + [done])
            defer { state.writing = true }
            return !state.writing
        }
        guard begins else { return }
        Self.queue.async(group: idle) { self.drain() }
    }

    /// Nothing is written from here on: the Pod's files are about to go.
    func stop() {
        state.withLock { state in
            state.stopped = true
            state.pending = nil
        }
    }

    /// Waits until what was under way is on disk. Never on the node's queue, except when the agent ends.
    func flush() { idle.wait() }

    private func drain() {
        while let (record, done) = next() {
            do {
                try record.write(to: directory)
            } catch {
                // The Pod runs on; the shim keeps its ends until a later record gets through.
                Log.warning("cannot save the record of a Pod: \(error)")
                continue
            }
            NodeActor.queue.async {
                NodeActor.assumeIsolated { for call in done { call() } }
            }
        }
    }

    private func next() -> (record: PodRecordFile, done: [@NodeActor @Sendable () -> Void])? {
        state.withLock { state in
            guard let pending = state.pending else {
                state.writing = false
                return nil
            }
            state.pending = nil
            return pending
        }
    }
}

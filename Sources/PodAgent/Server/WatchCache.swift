import PodCore
import Synchronization

/// A change of one object, as a watch reports it.
struct WatchEvent<Object: Sendable>: Sendable {
    enum Kind: String, Sendable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
    }

    var kind: Kind
    /// The object after the change; for a deletion its last state.
    var object: Object
    /// The object before the change, from which a selector sees that it began or ceased to match.
    var previous: Object?
    var resourceVersion: UInt64
}

/// What a watch begins with, and what follows.
struct WatchSubscription<Object: Sendable>: Sendable {
    /// The objects that exist, when the watch began without a version; else none.
    var initial: [Object]
    /// The version that `initial` (or the version asked for) stands for.
    var resourceVersion: UInt64
    /// The changes after that. Finishes when the watcher fell too far behind; it then lists again.
    var changes: AsyncStream<WatchEvent<Object>>
}

/// The counter behind every `resourceVersion` of the node. All caches of a node share one.
///
/// It starts where no earlier run of the agent can have been (the caller passes the wall clock in microseconds), so
/// that a version handed out before a restart is always too old, and a client lists again instead of missing changes.
final class ResourceVersionCounter: Sendable {
    private let value: Atomic<UInt64>

    init(startingAt value: UInt64) { self.value = Atomic(value) }

    /// The version of the latest change.
    var current: UInt64 { value.load(ordering: .acquiring) }

    func next() -> UInt64 { value.add(1, ordering: .acquiringAndReleasing).newValue }
}

/// The objects of one kind with their recent changes: lists are read from it, watches go on from any version that it
/// still remembers.
///
/// Kept by whoever owns the objects; read from any task. The history and every watcher's backlog are bounded: a
/// version older than the history is answered with 410 `Expired`, a watcher that does not keep up is cut off.
final class WatchCache<Object: Sendable>: Sendable {
    private typealias Continuation = AsyncStream<WatchEvent<Object>>.Continuation

    private struct State {
        var objects: [String: Object] = [:]
        /// The last changes, oldest first.
        var history: [WatchEvent<Object>] = []
        /// The version before the oldest change in `history`: watches can go on from here.
        var floor: UInt64
        var watchers: [UInt64: Continuation] = [:]
        /// How many watches there ever were; names the next one.
        var watchersEver: UInt64 = 0

        var sorted: [Object] { objects.sorted { $0.key < $1.key }.map(\.value) }
    }

    private let counter: ResourceVersionCounter
    private let historyMax: Int
    private let backlogMax: Int
    private let state: Mutex<State>

    /// - Parameters:
    ///   - objects: what there is from the beginning; each carries a version that is older than the counter's.
    ///   - historyMax: changes that are remembered at least; twice as many are kept at most.
    ///   - backlogMax: changes that may wait for one watcher.
    init(
        counter: ResourceVersionCounter,
        objects: [String: Object] = [:],
        historyMax: Int = 1_024,
        backlogMax: Int = 1_024
    ) {
        self.counter = counter
        self.historyMax = historyMax
        self.backlogMax = backlogMax
        state = Mutex(State(objects: objects, floor: counter.current))
    }

    /// Adds or replaces an object. `make` is handed the version that the object is to carry in its metadata.
    @discardableResult
    func set(_ key: String, _ make: (UInt64) -> Object) -> Object {
        let (object, lagging) = state.withLock { state in
            let version = counter.next()
            let object = make(version)
            let previous = state.objects.updateValue(object, forKey: key)
            let kind: WatchEvent<Object>.Kind = previous == nil ? .added : .modified
            let event = WatchEvent(kind: kind, object: object, previous: previous, resourceVersion: version)
            return (object, record(event, in: &state))
        }
        for watcher in lagging { watcher.finish() }
        return object
    }

    /// Removes an object; its last state is told to watchers as `make` gives it (with the version of the removal).
    func remove(_ key: String, _ make: (Object, UInt64) -> Object = { object, _ in object }) {
        let lagging: [Continuation] = state.withLock { state in
            guard let previous = state.objects.removeValue(forKey: key) else { return [] }
            let version = counter.next()
            let last = make(previous, version)
            let event = WatchEvent(kind: .deleted, object: last, previous: previous, resourceVersion: version)
            return record(event, in: &state)
        }
        for watcher in lagging { watcher.finish() }
    }

    /// Remembers a change and tells it to the watchers. Answers those whose backlog is full: the caller finishes them
    /// when it has let go of the lock, because their end calls ``detach(_:)``.
    private func record(_ event: WatchEvent<Object>, in state: inout State) -> [Continuation] {
        state.history.append(event)
        if state.history.count > 2 * historyMax {
            let forgotten = state.history.count - historyMax
            state.floor = state.history[forgotten - 1].resourceVersion
            state.history.removeFirst(forgotten)
        }
        return state.watchers.values.filter { watcher in
            if case .dropped = watcher.yield(event) { return true }
            return false
        }
    }

    /// The object of that key.
    subscript(key: String) -> Object? { state.withLock { $0.objects[key] } }

    /// The version of the latest change of any object of the node.
    var version: UInt64 { counter.current }

    /// All objects in the order of their keys.
    func list() -> ListSnapshot<Object> {
        state.withLock { state in
            ListSnapshot(items: state.sorted, resourceVersion: counter.current)
        }
    }

    /// Begins a watch. Without a version, or with 0, it begins with all objects that exist.
    func watch(since: UInt64?) throws(StatusFailure) -> WatchSubscription<Object> {
        let outcome: Result<WatchSubscription<Object>, StatusFailure> = state.withLock { state in
            let (changes, continuation) = AsyncStream<WatchEvent<Object>>.makeStream(
                bufferingPolicy: .bufferingOldest(backlogMax)
            )
            guard let since, since > 0 else {
                attach(continuation, to: &state)
                return .success(
                    WatchSubscription(
                        initial: state.sorted,
                        resourceVersion: counter.current,
                        changes: changes
                    )
                )
            }
            let current = counter.current
            guard since >= state.floor else { return .failure(.expired(since, oldest: state.floor)) }
            // A version from the future can only stem from another agent's run; its holder has to list again.
            guard since <= current else { return .failure(.expired(since, oldest: current)) }
            for event in state.history where event.resourceVersion > since {
                guard case .enqueued = continuation.yield(event) else {
                    return .failure(.expired(since, oldest: event.resourceVersion))
                }
            }
            attach(continuation, to: &state)
            return .success(WatchSubscription(initial: [], resourceVersion: since, changes: changes))
        }
        return try outcome.get()
    }

    /// Watches under way; for tests.
    var watcherCount: Int { state.withLock { $0.watchers.count } }

    private func attach(_ continuation: Continuation, to state: inout State) {
        state.watchersEver += 1
        let id = state.watchersEver
        state.watchers[id] = continuation
        continuation.onTermination = { [weak self] _ in self?.detach(id) }
    }

    private func detach(_ id: UInt64) {
        // Dropped outside the lock: giving up the last reference runs code of the stream.
        let watcher = state.withLock { $0.watchers.removeValue(forKey: id) }
        withExtendedLifetime(watcher) {}
    }
}

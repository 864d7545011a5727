import PodCore
import Synchronization

/// Writes a watch: one JSON object a line, each in a chunk of its own.
///
/// ```
///   initial objects ──▶ changes ─┬─▶ the client goes, falls behind, or the server stops
///                       bookmarks┘   its time is over
/// ```
struct WatchAnswer<Object: KubernetesObject>: Sendable {
    /// How often a client that allows bookmarks gets one.
    var bookmarkInterval = Duration.seconds(60)
    let query: ListQuery<Object>
    let namespace: String?
    let writer: ObjectWriter<Object>
    let subscription: WatchSubscription<Object>

    func run(_ body: HTTPBodyWriter) async throws {
        let output = WatchOutput(writer: writer, body: body, version: subscription.resourceVersion)
        if query.initialEvents != .suppressed {
            for object in subscription.initial where matches(object) {
                try await output.write("ADDED", object)
            }
            if query.initialEvents == .requested, query.allowsBookmarks {
                try await output.writeBookmark(endsInitial: true)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in subscription.changes { try await write(event, to: output) }
            }
            group.addTask {
                try await Task.sleep(for: .seconds(query.watchSeconds))
                await output.end()
            }
            if query.allowsBookmarks {
                group.addTask {
                    while true {
                        try await Task.sleep(for: bookmarkInterval)
                        try await output.writeBookmark(endsInitial: false)
                    }
                }
            }
            // The first that ends, ends the watch.
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func write(_ event: WatchEvent<Object>, to output: WatchOutput<Object>) async throws {
        if let kind = kind(of: event) {
            try await output.write(kind, event.object, version: event.resourceVersion)
        } else {
            output.pass(event.resourceVersion)
        }
    }

    /// What a change is to somebody who sees only what matches: an object that begins to match is added, one that ceases
    /// to is deleted.
    private func kind(of event: WatchEvent<Object>) -> String? {
        let isMatch = event.kind != .deleted && matches(event.object)
        let wasMatch = event.previous.map { matches($0) } ?? false
        return switch (wasMatch, isMatch) {
        case (false, false): nil
        case (false, true): "ADDED"
        case (true, true): "MODIFIED"
        case (true, false): "DELETED"
        }
    }

    private func matches(_ object: Object) -> Bool {
        query.matches(object, metadata: writer.resource.metadata(object), namespace: namespace)
    }
}

/// The lines of one watch, written whole and one after the other by whichever task has something to say.
private final class WatchOutput<Object: KubernetesObject>: Sendable {
    private struct State {
        /// Everything up to this version has been told.
        var version: UInt64
        var columnsAreKnown = false
        var isOver = false
    }

    private let writer: ObjectWriter<Object>
    private let body: HTTPBodyWriter
    private let lock = AsyncLock()
    private let state: Mutex<State>

    init(writer: ObjectWriter<Object>, body: HTTPBodyWriter, version: UInt64) {
        self.writer = writer
        self.body = body
        state = Mutex(State(version: version))
    }

    func write(_ kind: String, _ object: Object, version: UInt64? = nil) async throws {
        try await lock.withLock {
            let columnsAreKnown = state.withLock { state in
                defer { state.columnsAreKnown = true }
                return state.columnsAreKnown
            }
            try await write(line: kind, writer.object(object, withColumns: !columnsAreKnown))
            if let version { pass(version) }
        }
    }

    func writeBookmark(endsInitial: Bool) async throws {
        try await lock.withLock {
            let version = state.withLock { $0.version }
            try await write(line: "BOOKMARK", writer.bookmark(version: version, endsInitial: endsInitial))
        }
    }

    /// A change that does not concern the client.
    func pass(_ version: UInt64) { state.withLock { $0.version = version } }

    /// Nothing is written after this returns, and no line is left half-written.
    func end() async {
        await lock.withLock { state.withLock { $0.isOver = true } }
    }

    private func write(line kind: String, _ object: Document) async throws {
        guard !state.withLock({ $0.isOver }) else { return }
        let event: Document = .map(["type": Document(.string(kind)), "object": object])
        try await body.write(Array(event.json().utf8) + [0x0A])
    }
}

import Glibc
import PodCore
import Synchronization
import Testing

@testable import PodAgent

/// A node in memory: Pods and events in caches, logs in a directory, exec by the test's own hand.
final class FakeNode: NodeService {
    struct State {
        var health: String?
        var deletions: [String] = []
        var created: [Document] = []
        var loaded: [String] = []
        var removed: [String] = []
        var execs: [ExecRequest] = []
        var logTargets: [LogTarget] = []
    }

    let state = Mutex(State())
    let counter = ResourceVersionCounter(startingAt: 100)
    let podCache: WatchCache<Pod>
    let eventCache: WatchCache<Event>
    let logs: RootedDirectory
    /// What ``exec(namespace:pod:request:)`` answers.
    let execution = Mutex<(@Sendable (ExecRequest) throws(StatusFailure) -> ExecSession)?>(nil)
    /// Followed by logs: finished when the container ends.
    let running = AsyncStream<Never>.makeStream()

    init(logs: RootedDirectory, historyMax: Int = 1_024) {
        self.logs = logs
        podCache = WatchCache(counter: counter, historyMax: historyMax)
        eventCache = WatchCache(counter: counter)
    }

    func add(_ pod: Pod) {
        podCache.set("\(pod.metadata.namespace)/\(pod.metadata.name)") { version in
            var pod = pod
            pod.metadata.resourceVersion = String(version)
            return pod
        }
    }

    func add(_ event: Event) {
        eventCache.set("\(event.metadata.namespace)/\(event.metadata.name)") { version in
            var event = event
            event.metadata.resourceVersion = String(version)
            return event
        }
    }

    func healthProblem() async -> String? { state.withLock { $0.health } }
    func pods() async -> ListSnapshot<Pod> { podCache.list() }

    func pod(namespace: String, name: String) async -> Pod? {
        podCache["\(namespace)/\(name)"] ?? podCache["\(namespace)/\(name)-n1"]
    }

    func create(_ document: Document, namespace: String) async throws(StatusFailure) -> Pod {
        state.withLock { $0.created.append(document) }
        let name = document["metadata"]?["name"]?.string ?? ""
        if podCache["\(namespace)/\(name)"] != nil { throw .alreadyExists("pods", name) }
        add(.sample(name, namespace: namespace))
        return podCache["\(namespace)/\(name)"] ?? Pod()
    }

    func delete(
        namespace: String,
        name: String,
        gracePeriodSeconds: Int64?
    ) async throws(StatusFailure) -> Pod {
        guard var pod = await pod(namespace: namespace, name: name) else { throw .notFound("pods", name) }
        state.withLock { $0.deletions.append("\(name) \(gracePeriodSeconds.map { String($0) } ?? "own")") }
        pod.metadata.deletionTimestamp = Timestamp(seconds: 1)
        add(pod)
        return pod
    }

    func events(namespace: String?) async -> ListSnapshot<Event> { eventCache.list() }

    func watchPods(since: UInt64?) async throws(StatusFailure) -> WatchSubscription<Pod> {
        try podCache.watch(since: since)
    }

    func watchEvents(since: UInt64?) async throws(StatusFailure) -> WatchSubscription<Event> {
        try eventCache.watch(since: since)
    }

    func logSource(
        namespace: String,
        pod: String,
        target: LogTarget
    ) async throws(StatusFailure) -> LogSource {
        state.withLock { $0.logTargets.append(target) }
        if target.hasEnded {
            return LogSource(directory: logs, restartCount: 0, end: AsyncStream { $0.finish() })
        }
        return LogSource(directory: logs, restartCount: 1, end: running.stream)
    }

    func exec(
        namespace: String,
        pod: String,
        request: ExecRequest
    ) async throws(StatusFailure) -> ExecSession {
        state.withLock { $0.execs.append(request) }
        guard let make = execution.withLock({ $0 }) else { throw .internalError("no exec in this test") }
        return try make(request)
    }

    func node() async -> Document {
        .map(["kind": "Node", "apiVersion": "v1", "metadata": .map(["name": "n1"])])
    }

    func loadImage(path: String, name: String?) async throws(StatusFailure) -> Document {
        state.withLock { $0.loaded.append("\(path) \(name ?? "-")") }
        return .map(["loaded": [Document(.string(name ?? "own"))]])
    }

    func pullImage(_ reference: ImageReference) -> AsyncStream<PullUpdate> {
        AsyncStream { updates in
            updates.yield(.progress(PullState()))
            updates.yield(.done(.map(["name": Document(.string(reference.canonical))])))
            updates.finish()
        }
    }

    func images() async -> Document { .map(["items": []]) }

    func removeImage(_ reference: String) async throws(StatusFailure) {
        guard reference != "missing" else { throw .notFound("images", reference) }
        state.withLock { $0.removed.append(reference) }
    }

    func setPinned(_ isPinned: Bool, _ reference: String) async throws(StatusFailure) -> Document {
        guard reference != "missing" else { throw .notFound("images", reference) }
        return .map(["names": [Document(.string("\(isPinned ? "pinned" : "free") \(reference)"))]])
    }

    func pruneImages(all: Bool) async throws(StatusFailure) -> Document {
        .map(["items": [], "freedBytes": Document(.integer(all ? 2 : 1))])
    }

    func shutDown() async -> Document { .map(["remaining": ["default/stuck"]]) }

    func ignoredManifests() async -> Document { .map(["ignored": []]) }
}

extension Pod {
    /// A Pod with one container that runs.
    static func sample(_ name: String, namespace: String = "default", labels: [String: String] = [:]) -> Pod {
        var pod = Pod()
        pod.metadata.name = name
        pod.metadata.namespace = namespace
        pod.metadata.uid = "uid-\(name)"
        pod.metadata.labels = labels
        pod.metadata.creationTimestamp = Timestamp(seconds: 1_000)
        pod.spec.nodeName = "n1"
        var container = Container()
        container.name = "main"
        pod.spec.containers = [container]
        pod.status.phase = .running
        var status = ContainerStatus()
        status.name = "main"
        status.ready = true
        status.containerID = "podagent://\(name)-1"
        status.state = .running(since: Timestamp(seconds: 1_001))
        var last = ContainerStateTerminated()
        last.containerID = "podagent://\(name)-0"
        status.lastState = .terminated(last)
        pod.status.containerStatuses = [status]
        return pod
    }
}

extension Event {
    static func sample(_ name: String, about pod: String, namespace: String = "default") -> Event {
        var event = Event()
        event.metadata.name = name
        event.metadata.namespace = namespace
        event.involvedObject.kind = "Pod"
        event.involvedObject.name = pod
        event.reason = "Started"
        event.message = "Container started"
        event.type = .normal
        event.count = 1
        return event
    }
}

/// A directory of the test's own that is removed with everything in it.
final class TemporaryDirectory: Sendable {
    let path: String
    let directory: RootedDirectory

    init() throws {
        var template = Array("/tmp/podagent-server-XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        path = try #require(made.map { String(cString: $0) })
        directory = try RootedDirectory(hostPath: path)
    }

    deinit {
        // Nothing more can be done about what a test leaves open.
        try? RootedDirectory(hostPath: "/tmp").removeTree(String(path.dropFirst("/tmp/".count)))
    }
}

/// A server on a socket of its own before a fake node.
final class ServerFixture: Sendable {
    let node: FakeNode
    let server: APIServer
    let socketPath: String
    private let temporary: TemporaryDirectory

    private init(limits: HTTPLimits, bookmarkInterval: Duration, historyMax: Int) throws {
        temporary = try TemporaryDirectory()
        socketPath = temporary.path + "/api.sock"
        node = FakeNode(
            logs: try temporary.directory.makeDirectory("logs", mode: 0o755),
            historyMax: historyMax
        )
        var configuration = APIServer.Configuration()
        configuration.limits = limits
        configuration.bookmarkInterval = bookmarkInterval
        server = APIServer(
            service: node,
            listener: try UnixListener(path: socketPath),
            parse: { bytes, type in
                guard type == "application/json" else {
                    return .failure(StatusFailure(.unsupportedMediaType, "not \(type)"))
                }
                let read = JSONReader.read(bytes)
                if let problem = read.problems.first { return .failure(.badRequest(problem.description)) }
                return .success(read.documents)
            },
            configuration: configuration
        )
        server.start()
    }

    /// Runs `body` against a server and stops it, whatever comes.
    static func with(
        limits: HTTPLimits = HTTPLimits(),
        bookmarkInterval: Duration = .seconds(60),
        historyMax: Int = 1_024,
        _ body: (ServerFixture) async throws -> Void
    ) async throws {
        let fixture = try ServerFixture(
            limits: limits,
            bookmarkInterval: bookmarkInterval,
            historyMax: historyMax
        )
        do {
            try await body(fixture)
            await fixture.server.stop()
        } catch {
            await fixture.server.stop()
            throw error
        }
    }

    func connect() throws -> TestClient { try TestClient(socketPath) }

    /// One request on a connection of its own.
    func request(
        _ method: String,
        _ target: String,
        headers: [String: String] = [:],
        body: String? = nil
    ) async throws -> TestResponse {
        let client = try connect()
        defer { client.close() }
        try await client.send(TestClient.request(method, target, headers: headers, body: body))
        return try await client.response(hasBody: method != "HEAD")
    }

    func get(_ target: String, headers: [String: String] = [:]) async throws -> TestResponse {
        try await request("GET", target, headers: headers)
    }
}

import Glibc
import PodCore
import Synchronization

/// The node's API on its socket: HTTP/1.1 with Kubernetes' own paths and JSON.
///
/// Every connection is a task; reading, writing and waiting take no thread, and nothing here runs on the node's queue.
final class APIServer: Sendable {
    struct Configuration: Sendable {
        var limits = HTTPLimits()
        var version = ServerVersion(agent: "0.1.0")
        /// How often watches that allow it are told where they stand.
        var bookmarkInterval = Duration.seconds(60)
        /// Where the few lines go that concern the server and no client.
        var log: @Sendable (String) -> Void = { _ in }
    }

    private let listener: UnixListener
    private let configuration: Configuration
    private let connections: ConnectionRegistry
    private let budget: BodyBudget
    private let watcher = DirectoryWatcher()
    private let router: Router
    private let accepting = Mutex<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - listener: the socket, which the server closes when it stops.
    ///   - parse: reads request bodies.
    init(
        service: any NodeService,
        listener: UnixListener,
        parse: @escaping BodyParser,
        configuration: Configuration = Configuration()
    ) {
        self.listener = listener
        self.configuration = configuration
        connections = ConnectionRegistry(connectionsMax: configuration.limits.connections)
        budget = BodyBudget(bytes: configuration.limits.bodyBytesTotal)
        router = Router(
            service: service,
            parse: parse,
            version: configuration.version,
            limits: configuration.limits,
            watcher: watcher,
            bookmarkInterval: configuration.bookmarkInterval
        )
    }

    /// Begins to accept. From here on the process ignores `SIGPIPE`: a client or container that is gone is then an
    /// error of one write and not the agent's end. (What the agent starts gets its signals reset before execve(2).)
    func start() {
        signal(SIGPIPE, SIG_IGN)
        accepting.withLock { task in
            precondition(task == nil, "started twice")
            task = Task { await self.accept() }
        }
    }

    /// Stops: no new connection, idle and endless ones end, requests under way have `grace` to finish.
    func stop(grace: Duration = .seconds(5)) async {
        listener.close()
        let task = accepting.withLock { $0 }
        await task?.value
        await connections.drain(grace: grace)
        watcher.close()
    }

    /// Connections at this moment.
    var connectionCount: Int { connections.count }

    private func accept() async {
        while true {
            do throws(AsyncDescriptor.Failure) {
                serve(try await listener.accept())
            } catch {
                if case .system(let failure) = error { configuration.log("the API has stopped: \(failure)") }
                return
            }
        }
    }

    private func serve(_ socket: consuming Descriptor) {
        let descriptor: AsyncDescriptor
        do {
            descriptor = try AsyncDescriptor(socket, subject: "client")
        } catch {
            return configuration.log("a client was turned away: \(error)")
        }
        let (limits, budget, router) = (configuration.limits, budget, router)
        let isAccepted = connections.start { seat in
            var connection = HTTPConnection(descriptor, limits: limits, seat: seat, budget: budget) {
                request in
                await router.answer(request)
            }
            await connection.run()
        }
        if !isAccepted { turnAway(descriptor) }
    }

    /// One write that does not wait: a crowd of clients is to cost nothing.
    private func turnAway(_ descriptor: AsyncDescriptor) {
        let failure = StatusFailure(
            .serviceUnavailable,
            "all \(configuration.limits.connections) connections are taken; try again"
        )
        let response = HTTPResponse.failure(failure)
        if case .bytes(let body) = response.body {
            let head = response.head(connectionHeaders: [
                ("Content-Length", String(body.count)), ("Connection", "close"),
            ])
            descriptor.withRaw { raw in
                // The buffer of a fresh socket takes it; if not, the client sees a closed connection.
                _ = (head + body).withUnsafeBytes { write(raw, $0.baseAddress, $0.count) }
            }
        }
        descriptor.close()
    }
}

import CNamespaces
import Dispatch
import Glibc
import PodCore

/// `podagent serve`: the daemon's beginning and end.
enum Serve {
    /// Runs until SIGTERM or SIGINT. Pods go on without the agent.
    static func run(_ options: NodeOptions) -> Never {
        umask(0o022)
        // glibc gives threads heaps of their own, up to eight for each processor, and what one has freed no other uses.
        _ = cns_limit_heaps(2)
        raiseDescriptorLimit()
        signal(SIGPIPE, SIG_IGN)
        let daemon = Daemon(options: options)
        let source = signalSource(for: daemon)
        Task { await daemon.begin() }
        // Not dispatchMain(), which would wait with every signal unblocked.
        while true {
            pause()
            withExtendedLifetime(source) {}
        }
    }

    private static func signalSource(for daemon: Daemon) -> any DispatchSourceRead {
        let signals: SignalDescriptor
        do throws(SystemFailure) {
            signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP])
        } catch {
            Daemon.fail(error)
        }
        let source = DispatchSource.makeReadSource(fileDescriptor: signals.raw, queue: NodeActor.queue)
        source.setEventHandler {
            NodeActor.assumeIsolated { for number in signals.pending() { daemon.received(number) } }
        }
        source.activate()
        return source
    }

    /// Each Pod costs a few descriptors; the soft limit of 1024 is for programs that use select(2).
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// The running daemon: node and API server.
@NodeActor
private final class Daemon {
    private let options: NodeOptions
    private var node: Node?
    private var server: APIServer?
    private var keeper: PlaceKeeper?
    private var ending = false

    nonisolated init(options: NodeOptions) { self.options = options }

    func begin() {
        do {
            let node = try Node(options: options)
            let listener: UnixListener
            do {
                listener = try UnixListener(path: options.socket, mode: 0o660, group: try socketGroup())
            } catch {
                node.stop()
                throw error
            }
            var configuration = APIServer.Configuration()
            configuration.version = ServerVersion(agent: PodAgentVersion.text)
            configuration.log = { Log.warning($0) }
            let server = APIServer(
                service: NodeAPI(node: node),
                listener: listener,
                parse: RequestBodies.parse,
                configuration: configuration
            )
            try node.start()
            server.start()
            self.node = node
            self.server = server
            keeper = PlaceKeeper(node: node, listener: listener)
            keeper?.start()
            warnOfSettingsWithoutEffect()
            Log.notice(
                "podagent \(PodAgentVersion.text) serves node \(node.context.nodeName) on \(options.socket)"
            )
        } catch {
            Self.fail(error)
        }
    }

    nonisolated static func fail(_ error: any Error) -> Never {
        let text = "podagent: \(error)\n"
        _ = text.withCString { Glibc.write(2, $0, strlen($0)) }
        exit(1)
    }

    private func warnOfSettingsWithoutEffect() {
        let given = [("--pod-cidr", options.podCIDR), ("--bridge", options.bridge)].filter { $0.1 != nil }
        guard !given.isEmpty else { return }
        let names = given.map(\.0).joined(separator: " and ")
        Log.warning(
            "\(names) cannot be honoured yet: in this version Pods have a loopback interface and no other"
        )
    }

    private func socketGroup() throws -> UInt32? {
        guard let name = options.socketGroup else { return nil }
        if let number = UInt32(name) { return number }
        guard let entry = getgrnam(name) else {
            throw CommandFailure(
                "there is no group \(name) for the socket; make it, or name another by --socket-group"
            )
        }
        return entry.pointee.gr_gid
    }

    func received(_ number: Int32) {
        if number == SIGHUP {
            return Log.notice("SIGHUP: this version reads its configuration at start only")
        }
        guard !ending else { return }
        ending = true
        Log.notice("ending; the Pods go on")
        keeper?.stop()
        Task {
            await server?.stop(grace: .seconds(1))
            node?.stop()
            exit(0)
        }
    }
}

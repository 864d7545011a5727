import Dispatch
import Glibc
import PodCore

/// The running daemon: node and API server, and what signals and the service manager have to do with them.
@NodeActor
final class Daemon {
    /// Whether the configuration is being read again. What is asked for meanwhile, or while the agent starts, comes after.
    private enum Reload {
        case none, underWay, wantedAgain
    }

    private let configuration: ServeConfiguration
    private let environment: ServiceEnvironment
    private var running: Running?
    private var reloading = Reload.none
    private var ending = false

    private struct Running {
        let node: Node
        let server: APIServer
        let listener: UnixListener
        let report: ServiceReport
        let keeper: PlaceKeeper
    }

    nonisolated init(configuration: ServeConfiguration, environment: ServiceEnvironment) {
        self.configuration = configuration
        self.environment = environment
    }

    func begin() {
        for problem in environment.problems { Log.warning(problem) }
        do {
            let manager = ServiceManager(environment)
            let running = try start(manager)
            self.running = running
            let name = running.node.context.nodeName
            Log.notice(
                "podagent \(PodAgentVersion.text) serves node \(name) on \(configuration.options.socket)"
            )
            running.report.begin()
            if reloading == .wantedAgain {
                reloading = .none
                reload()
            }
        } catch {
            Self.fail(error)
        }
    }

    private func start(_ manager: ServiceManager?) throws -> Running {
        let options = configuration.options
        let node = try Node(options: options)
        Log.nodeName = node.context.nodeName
        let listener: UnixListener
        do {
            let group = try SocketGroup.id(options.socketGroup)
            listener = try UnixListener(path: options.socket, mode: 0o660, group: group)
        } catch {
            node.stop()
            throw error
        }
        var settings = APIServer.Configuration()
        settings.version = ServerVersion(agent: PodAgentVersion.text)
        settings.log = { Log.warning($0) }
        let server = APIServer(
            service: NodeAPI(node: node),
            listener: listener,
            parse: RequestBodies.parse,
            configuration: settings
        )
        try node.start()
        server.start()
        let report = ServiceReport(manager: manager, census: node.census)
        let keeper = PlaceKeeper(node: node, listener: listener)
        keeper.start()
        return Running(node: node, server: server, listener: listener, report: report, keeper: keeper)
    }

    /// The start has failed: one line that says why.
    nonisolated static func fail(_ error: any Error) -> Never {
        Log.startFailed((error as? CommandError)?.text ?? "\(error)")
        exit(1)
    }

    // MARK: Signals

    /// What the agent listens for.
    nonisolated static var signals: [Int32] { [SIGTERM, SIGINT, SIGHUP] + TestHang.signals }

    func received(_ number: Int32) {
        switch number {
        case SIGHUP: reload()
        case _ where TestHang.signals.contains(number): TestHang.hang()
        default: end()
        }
    }

    private func end() {
        guard !ending else { return }
        ending = true
        Log.notice("ending; the Pods go on")
        running?.keeper.stop()
        running?.report.end()
        Task {
            await running?.server.stop(grace: .seconds(1))
            running?.node.stop()
            exit(0)
        }
    }

    // MARK: Reload

    private func reload() {
        guard !ending else { return }
        guard let running, reloading == .none else { return reloading = .wantedAgain }
        reloading = .underWay
        running.report.reloadBegins()
        let configuration = configuration
        Task {
            do {
                let (options, group) = try await Worker.attempt {
                    let options = try configuration.read()
                    return (options, try SocketGroup.id(options.socketGroup))
                }
                try apply(options, group, to: running)
            } catch {
                let reason = (error as? CommandError)?.text ?? "\(error)"
                Log.error("the configuration is refused and stays as it was: \(reason)")
            }
            let isWantedAgain = reloading == .wantedAgain
            reloading = .none
            running.report.reloadEnds()
            if isWantedAgain { reload() }
        }
    }

    /// All of it, or nothing: what can fail comes first.
    private func apply(_ options: NodeOptions, _ group: UInt32, to running: Running) throws {
        let context = running.node.context
        let change = OptionsChange(from: context.options, to: options)
        let peers = try running.node.peerMap(of: change.result)
        if change.names.contains("socket-group") { try running.listener.setGroup(group) }
        if change.names.contains("peers") { try running.node.setPeers(peers) }
        context.options = change.result
        Log.format = change.result.logFormat
        // What could not be pulled may come from where it can be had now.
        let isAboutRegistries = !change.names.filter(["registries", "registry-credentials"].contains).isEmpty
        if isAboutRegistries { running.node.imagesChanged() }
        let text = "configuration reloaded: \(change.summary)"
        if change.isComplete { Log.notice(text) } else { Log.warning(text) }
    }
}

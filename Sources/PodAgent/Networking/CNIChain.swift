import Glibc
import PodCore

/// The plugins of a network, run for one Pod one after the other. Blocks; never for two commands of one Pod at once.
struct CNIChain: Sendable {
    let network: CNINetwork
    let attachment: CNIAttachment
    let cgroup: PluginCgroup
    /// How long one plugin may take.
    let limit: Duration
    /// By which an ``add(namespace:)`` can be ended before.
    var cancellation: CommandRun.Cancellation?

    /// What a kubelet gives a runtime for all of a sandbox (`--runtime-request-timeout`).
    static let standardLimit = Duration.seconds(120)

    init(
        network: CNINetwork,
        attachment: CNIAttachment,
        cgroup: PluginCgroup,
        limit: Duration = Self.standardLimit,
        cancellation: CommandRun.Cancellation? = nil
    ) {
        self.network = network
        self.attachment = attachment
        self.cgroup = cgroup
        self.limit = limit
        self.cancellation = cancellation
    }

    /// Attaches the Pod. Whatever comes of it, it is followed by a ``delete(namespace:result:)`` some day.
    func add(namespace: String) throws(CNIFailure) -> CNIResult {
        let last = try run(.add, network.plugins, namespace: namespace, previous: nil)
        do throws(CNIResult.Failure) {
            return try CNIResult(last ?? .null, interface: attachment.interface)
        } catch {
            throw failure(.add, network.plugins.last, .noResult("\(error)"))
        }
    }

    /// Whether the attachment is as its plugins have made it. Says nothing when the network cannot be asked.
    func check(namespace: String, result: CNIResult) throws(CNIFailure) {
        guard network.version.hasCheck, !network.disablesCheck else { return }
        _ = try run(.check, network.plugins, namespace: namespace, previous: result.document)
    }

    /// Takes back what ``add(namespace:)`` has done, or the part that it has come to. May be done again and again.
    ///
    /// - Parameter namespace: nil when the Pod's is gone: what was in it went with it.
    func delete(namespace: String?, result: CNIResult?) throws(CNIFailure) {
        // The result goes with DEL since there is CHECK.
        let previous = network.version.hasCheck ? result?.document : nil
        _ = try run(.delete, network.plugins.reversed(), namespace: namespace, previous: previous)
    }

    /// The result of the last one, which each has of the one before in an ADD.
    private func run(
        _ command: CNIAttachment.Command,
        _ plugins: [CNINetwork.Plugin],
        namespace: String?,
        previous: Document?
    ) throws(CNIFailure) -> Document? {
        let place: SharedDescriptor
        do throws(SystemFailure) {
            place = try cgroup.enter(limit: limit)
        } catch {
            throw failure(command, plugins.first, .notRun("\(error)"))
        }
        defer { cgroup.leave() }
        var result = previous
        for plugin in plugins {
            let answer = try run(command, plugin, in: place, namespace: namespace, previous: result)
            if command == .add { result = answer }
        }
        return result
    }

    private func run(
        _ command: CNIAttachment.Command,
        _ plugin: CNINetwork.Plugin,
        in place: SharedDescriptor,
        namespace: String?,
        previous: Document?
    ) throws(CNIFailure) -> Document? {
        guard let path = program(plugin) else {
            throw failure(command, plugin, .notFound(directories: attachment.pluginDirectories))
        }
        let configuration = attachment.configuration(of: plugin, in: network, previous: previous)
        let run = CommandRun(
            path: path,
            environment: Self.environment + attachment.environment(command, namespace: namespace),
            input: Array(configuration.json().utf8),
            limit: limit,
            cgroup: place,
            cancellation: cancellation
        )
        let outcome: CommandRun.Outcome
        do throws(CommandRun.Failure) {
            outcome = try run.run()
        } catch {
            throw failure(command, plugin, CNIFailure.Cause(error))
        }
        let answer = CNIAnswer(end: outcome.end, output: outcome.output, errors: outcome.errors)
        do throws(CNIAnswer.Failure) {
            return try answer.result(of: command)
        } catch {
            throw failure(command, plugin, error.cause)
        }
    }

    private func program(_ plugin: CNINetwork.Plugin) -> String? {
        attachment.pluginDirectories.lazy.map { "\($0)/\(plugin.type)" }.first { path in
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        }
    }

    private func failure(
        _ command: CNIAttachment.Command,
        _ plugin: CNINetwork.Plugin?,
        _ cause: CNIFailure.Cause
    ) -> CNIFailure {
        CNIFailure(network: network.name, plugin: plugin?.type ?? "", command: command, cause: cause)
    }

    /// Plugins look for programs such as iptables; the rest of the agent's variables is none of their business.
    private static let environment: [String] = {
        let standard = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return ["PATH=" + (getenv("PATH").map { String(cString: $0) } ?? standard)]
    }()
}

extension CNIFailure.Cause {
    fileprivate init(_ failure: CommandRun.Failure) {
        switch failure {
        case .system(let failure): self = .notRun("\(failure)")
        case .tooSlow(let limit): self = .tooSlow(limit: limit)
        case .cancelled: self = .cancelled
        case .tooLong(let bytes): self = .tooLong(bytes: bytes)
        }
    }
}

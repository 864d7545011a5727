import CNamespaces
import Dispatch
import Glibc

/// What `podagent serve` was started with, and how to find out what it would be started with now.
struct ServeConfiguration: Sendable {
    let options: NodeOptions
    /// Reads flags and configuration file again; blocks.
    let read: @Sendable () throws(CommandError) -> NodeOptions
}

/// `podagent serve`: the daemon's beginning.
enum Serve {
    /// Runs until SIGTERM or SIGINT. Pods go on without the agent.
    static func run(_ configuration: ServeConfiguration) -> Never {
        umask(0o022)
        // glibc gives threads heaps of their own, up to eight for each processor, and what one has freed no other uses.
        _ = cns_limit_heaps(2)
        raiseDescriptorLimit()
        signal(SIGPIPE, SIG_IGN)
        Log.format = configuration.options.logFormat
        let daemon = Daemon(configuration: configuration, environment: .take())
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
            signals = try SignalDescriptor(Daemon.signals)
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

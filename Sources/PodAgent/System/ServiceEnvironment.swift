import Glibc

/// What a service manager has put into the environment for its service: sd_notify(3), sd_watchdog_enabled(3).
struct ServiceEnvironment: Hashable, Sendable {
    /// Where the manager listens; nil when nobody wants to hear anything.
    var socket: ServiceSocket?
    /// How long the manager waits for a sign of life before it takes the service for hung.
    var watchdog: Duration?
    /// What the variables say that cannot be followed, in one line each.
    var problems: [String] = []

    static let names = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]

    /// - Parameters:
    ///   - variables: the environment.
    ///   - processID: this process's own. A watchdog may be meant for another one, which we have inherited it from.
    init(_ variables: [String: String], processID: pid_t) {
        guard let name = variables["NOTIFY_SOCKET"], !name.isEmpty else { return }
        socket = ServiceSocket(name)
        guard socket != nil else {
            problems.append(
                "NOTIFY_SOCKET is \(name), neither a path nor an abstract name: nobody is notified"
            )
            return
        }
        guard let text = variables["WATCHDOG_USEC"] else { return }
        if let meant = variables["WATCHDOG_PID"], pid_t(meant) != processID { return }
        // All ones is how systemd writes "infinity".
        guard let microseconds = UInt64(text), microseconds > 0 else {
            problems.append("WATCHDOG_USEC is \(text), no number of microseconds: there is no watchdog")
            return
        }
        if microseconds != .max { watchdog = .microseconds(Int64(clamping: microseconds)) }
    }

    /// Reads the process's own variables and removes them, so that no child takes itself for the service. Called while
    /// there is one thread: the environment has no lock.
    static func take() -> ServiceEnvironment {
        var variables: [String: String] = [:]
        for name in names {
            if let value = getenv(name) { variables[name] = String(cString: value) }
            unsetenv(name)
        }
        return ServiceEnvironment(variables, processID: getpid())
    }
}

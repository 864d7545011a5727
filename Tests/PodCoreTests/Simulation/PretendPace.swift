@testable import PodCore

/// What is promised of how soon things are tried again, as far as one life of the agent can tell.
struct PretendPace {
    /// Nothing is tried before these.
    private var preparation: Int64 = .min
    private var sandbox: Int64 = .min
    private var starts: [String: Int64] = [:]
    private var preparationDelay: Int64 = 0

    /// Reckons with what the machine has just been told.
    mutating func take(_ event: PodEvent, at now: Int64) {
        switch event {
        case .preparationFailed:
            preparationDelay =
                preparationDelay == 0 ? 500_000_000 : min(preparationDelay * 2, 122_000_000_000)
            preparation = now + preparationDelay
        case .sandboxFailed: sandbox = now + 10_000_000_000
        case .sandboxRemoved, .sandboxEnded, .sandboxLost, .imagesChanged: starts = [:]
        case .redefined(_, let superseded): for name in superseded { starts[name] = nil }
        default: break
        }
    }

    /// All containers are removed, and with them what went wrong.
    mutating func restartAll() { starts = [:] }

    /// A start of which nothing came, not because the sandbox dies.
    mutating func failed(_ name: String, at now: Int64) { starts[name] = now + 10_000_000_000 }

    /// What is wrong with a preparation now.
    func prepares(at now: Int64) -> String? {
        now < preparation ? "volumes are prepared within their back-off of \(preparationDelay) ns" : nil
    }

    /// What is wrong with a new sandbox now. There is none sooner than a second after it.
    mutating func makesSandbox(at now: Int64) -> String? {
        defer { sandbox = max(sandbox, now + 1_000_000_000) }
        return now < sandbox ? "a sandbox is made too soon" : nil
    }

    /// What is wrong with a start now.
    func starts(_ name: String, at now: Int64) -> String? {
        now < starts[name] ?? .min ? "\(name) is tried again within ten seconds" : nil
    }
}

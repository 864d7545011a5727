/// Whether an ended container is started again: `spec.restartPolicy`.
public enum RestartRule: String, Hashable, Sendable, Codable {
    case always = "Always"
    case onFailure = "OnFailure"
    case never = "Never"

    /// Whether a regular container with this exit code is started again (reference §4.1). A clean exit under `Always`
    /// counts like a failure.
    public func restarts(afterExitCode code: Int32) -> Bool {
        switch self {
        case .always: true
        case .onFailure: code != 0
        case .never: false
        }
    }

    /// As ``restarts(afterExitCode:)``, for an instance of which more than its code is known: one that the node's own
    /// shutdown ended had not come to its end by itself, whatever its code.
    func restarts(after end: Termination) -> Bool {
        end.isInterrupted ? self != .never : restarts(afterExitCode: end.exitCode)
    }
}

/// An exception to a container's restart policy by exit code: `restartPolicyRules[]` (KEP-5307, KEP-5532).
public struct ExitCodeRule: Hashable, Sendable, Codable {
    /// What is done when the rule matches.
    public enum Action: String, Hashable, Sendable, Codable {
        /// The container is started again.
        case restart = "Restart"
        /// Everything of the Pod is started again, the init containers first.
        case restartAllContainers = "RestartAllContainers"
    }

    /// What is done when the rule matches.
    public var action: Action
    /// The exit codes that it is about.
    public var codes: [Int32]
    /// Whether it matches all codes but these.
    public var isNegated: Bool

    /// Makes a rule.
    public init(_ action: Action, codes: [Int32], isNegated: Bool = false) {
        self.action = action
        self.codes = codes
        self.isNegated = isNegated
    }

    /// Whether the rule is about this exit code; that of a process that died by signal N is 128 + N.
    func matches(_ code: Int32) -> Bool { codes.contains(code) != isNegated }
}

extension PodLifecycle {
    /// Whether a container of the Pod can have all of them restarted.
    var canRestartAll: Bool {
        (initContainers + containers).contains { container in
            container.restartRules.contains { $0.action == .restartAllContainers }
        }
    }
}

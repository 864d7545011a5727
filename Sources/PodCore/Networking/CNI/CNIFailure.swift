/// What went wrong with a plugin: which one of which network, asked for what, and why.
public struct CNIFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The network's name.
    public let network: String
    /// The plugin's type.
    public let plugin: String
    /// What it was to do.
    public let command: CNIAttachment.Command
    /// Why it has not.
    public let cause: Cause

    /// Why a plugin has not done what it was to do.
    public enum Cause: Equatable, Sendable {
        /// It has said so itself.
        case reported(Report)
        /// It has failed without a word that could be understood; with its last line on standard error.
        case failed(CommandEnd, lastLine: String)
        /// It said that all is well, and not what.
        case noResult(String)
        case notFound(directories: [String])
        /// It could not be run: the reason is the system's.
        case notRun(String)
        /// It was killed.
        case tooSlow(limit: Duration)
        case tooLong(bytes: Int)
        case cancelled
    }

    /// The error of a plugin, SPEC.md 1.0.0, section 5.
    public struct Report: Equatable, Sendable {
        /// Up to 99 the specification's, from 100 on the plugin's own.
        public var code: Int64
        /// A few words.
        public var message: String
        /// More of them.
        public var details: String
    }

    /// Makes it of its parts.
    public init(network: String, plugin: String, command: CNIAttachment.Command, cause: Cause) {
        self.network = network
        self.plugin = plugin
        self.command = command
        self.cause = cause
    }

    /// Whether the plugin asks to be asked again later, code 11.
    public var isTransient: Bool {
        if case .reported(let report) = cause { return report.code == 11 }
        return false
    }

    /// Whether the plugin itself has found the attachment to be wrong, rather than being unable to look.
    public var isVerdict: Bool {
        if case .reported = cause { return !isTransient }
        return false
    }

    /// One line, with the plugin's own words.
    public var description: String {
        "network \(network.quoted): plugin \(plugin.quoted): \(command.rawValue): \(cause)".onOneLine
    }
}

extension CNIFailure.Cause: CustomStringConvertible {
    /// The reason alone.
    public var description: String {
        switch self {
        case .reported(let report): "\(report)"
        case .failed(let end, ""): "it \(end) without giving a reason"
        case .failed(let end, let lastLine): "it \(end): \(lastLine)"
        case .noResult(let why): why
        case .notFound(let directories):
            "there is no such program in \(directories.joined(separator: ", ")); install it, or name its directory by "
                + "--cni-bin-dir"
        case .notRun(let reason): reason
        case .tooSlow(let limit): "it was killed after \(limit.goText)"
        case .cancelled: "it was killed because the Pod is not wanted any more"
        case .tooLong(let bytes): "it was killed after printing more than \(bytes) bytes"
        }
    }
}

extension CNIFailure.Report: CustomStringConvertible {
    /// Reads the error; nil when it is none.
    init?(_ document: Document) {
        guard let code = document["code"]?.integer, code != 0 else { return nil }
        self.code = code
        message = document["msg"]?.string ?? ""
        details = document["details"]?.string ?? ""
    }

    /// The plugin's words; the specification's for the code when it has none.
    public var description: String {
        let words = [message.isEmpty ? meaning : message, details].filter { !$0.isEmpty }
        return words.joined(separator: "; ") + (isTransient ? " (it asks to be asked again later)" : "")
    }

    private var isTransient: Bool { code == 11 }

    private var meaning: String {
        switch code {
        case 1: "incompatible CNI version"
        case 2: "unsupported field in the network configuration"
        case 3: "unknown container"
        case 4: "invalid environment variables"
        case 5: "I/O failure"
        case 6: "the configuration cannot be decoded"
        case 7: "invalid network configuration"
        case 11: "try again later"
        default: "error \(code)"
        }
    }
}

/// How a command that was run has ended.
public enum CommandEnd: Hashable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    /// The end of a sentence about it.
    public var description: String {
        switch self {
        case .exited(let code): "exited with code \(code)"
        case .signalled(let number): "was ended by signal \(number)"
        }
    }
}

extension String {
    /// Events and log lines are lines.
    fileprivate var onOneLine: String {
        split { $0.isNewline }.joined(separator: " ")
    }
}

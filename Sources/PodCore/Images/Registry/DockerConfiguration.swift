/// What a docker configuration says of registries: whose credentials are shown where.
///
/// Understood are `config.json` and the older `.dockercfg`. Of `config.json` only what is about credentials counts; the
/// rest is the business of docker's command line. Programs that would be asked (`credsStore`, `credHelpers`) are never
/// run: ``notes`` says which entries rely on them.
public struct DockerConfiguration: Hashable, Sendable {
    /// Which of the two it is.
    public enum Form: Sendable {
        /// `config.json`: the entries stand under `auths`.
        case config
        /// `.dockercfg`: the whole document is the entries.
        case legacy

        /// The form of a file of this name.
        public init(fileName: String) { self = fileName == ".dockercfg" ? .legacy : .config }
    }

    /// The longest configuration in bytes: as long as a Secret may be.
    public static let sizeMax = 1 << 20

    /// What is shown to the registries that match.
    struct Entry: Hashable, Sendable {
        let key: RegistryKey
        let credentials: [RegistryCredential]
    }

    /// In the order in which they are tried.
    let entries: [Entry]
    /// What has no effect though it may be meant to have one, a line each: entries that rely on programs, and empty
    /// ones.
    public let notes: [String]

    /// Reads a configuration. All of its entries have to be right.
    public init(parsing bytes: [UInt8], form: Form) throws(DockerConfigurationFailure) {
        guard bytes.count <= Self.sizeMax else { throw DockerConfigurationFailure(.root, .tooLong) }
        var limits = ManifestLimits()
        limits.depth = 16
        let parsed = JSONReader.read(bytes, limits: limits)
        // What the reader says would quote what it has found.
        if let problem = parsed.problems.first {
            throw DockerConfigurationFailure(.root, .notJSON(line: problem.line))
        }
        guard let document = parsed.documents.first, parsed.documents.count == 1 else {
            throw DockerConfigurationFailure(.root, .notJSON(line: nil))
        }
        var reader = DockerConfigurationReader()
        try reader.read(document, form: form)
        // Of keys in reverse order the one with the longer path comes first, as the kubelet has it.
        entries = reader.entries.enumerated()
            .sorted { ($1.element.key.text, $0.offset) < ($0.element.key.text, $1.offset) }
            .map(\.element)
        notes = reader.notes
    }

    /// Whether it has credentials for anything.
    public var isEmpty: Bool { entries.isEmpty }

    /// Everything that may be shown to a registry for a repository, in the order in which to try it.
    ///
    /// - Parameters:
    ///   - host: As image names have it, with its port: `docker.io`, `registry.example:5000`.
    ///   - repository: The repository there: `library/nginx`.
    public func credentials(host: String, repository: String) -> [RegistryCredential] {
        let target = RegistryKey(host: host, repository: repository)
        var found: [RegistryCredential] = []
        for entry in entries where entry.key.matches(target) {
            for credential in entry.credentials where !found.contains(credential) { found.append(credential) }
        }
        return found
    }
}

/// Why a docker configuration cannot be used. Never has anything of what stands in it but the names of registries.
public struct DockerConfigurationFailure: Error, Hashable, Sendable {
    /// What is wrong.
    public enum Problem: Hashable, Sendable {
        /// More than ``DockerConfiguration/sizeMax`` bytes.
        case tooLong
        /// Not JSON, from this line on.
        case notJSON(line: Int?)
        /// A value of another kind, such as `a map`.
        case wrongType(wanted: String)
        /// `auth` is not the base64 of a text.
        case notBase64
        /// `auth` is the base64 of something without a colon.
        case noColon
        /// A token with something in it that cannot stand in a header.
        case notPrintable
    }

    /// The field: `auths[registry.example].auth`.
    public let path: FieldPath
    /// What is wrong with it.
    public let problem: Problem

    init(_ path: FieldPath, _ problem: Problem) { (self.path, self.problem) = (path, problem) }
}

extension DockerConfigurationFailure: CustomStringConvertible {
    /// The field and what it must be.
    public var description: String {
        let place = path.description
        return place.isEmpty ? text : "\(place): \(text)"
    }

    private var text: String {
        switch problem {
        case .tooLong: "longer than \(DockerConfiguration.sizeMax) bytes"
        case .notJSON(let line?): "not valid JSON (line \(line))"
        case .notJSON(nil): "not valid JSON"
        case .wrongType(let wanted): "must be \(wanted)"
        case .notBase64: "must be the base64 of USER:PASSWORD, and is not base64 of a text"
        case .noColon: "must be the base64 of USER:PASSWORD, and has no colon"
        case .notPrintable: "must consist of printable ASCII characters without blanks"
        }
    }
}

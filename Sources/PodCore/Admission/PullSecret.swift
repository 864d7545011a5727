/// A Secret with credentials for registries, as a file defines it. Nothing shows more of it than its name.
public struct PullSecret: Hashable, Sendable, CustomStringConvertible {
    /// Its namespace and name.
    public let key: PodKey
    /// What it says.
    public let configuration: DockerConfiguration

    /// The namespace and name.
    public var description: String { key.description }
}

/// What came of admitting one Secret.
public struct SecretAdmission: Sendable, Equatable {
    /// Where it stands in its document.
    public let path: FieldPath
    /// Its namespace and name as far as they could be read.
    public internal(set) var key = PodKey(namespace: "default", name: "")
    /// The Secret, if nothing is wrong with it.
    public internal(set) var secret: PullSecret?
    /// Why it cannot be used. None of these has anything of its content.
    public internal(set) var problems: [ManifestProblem] = []
    /// What is probably a mistake but stops nothing.
    public internal(set) var warnings: [ManifestProblem] = []

    init(path: FieldPath) { self.path = path }
}

extension SecretAdmission {
    /// Admits or refuses every Secret of a document, which may be a list.
    public static func all(in document: Document) -> [SecretAdmission] {
        PodDocuments(document).secrets.map { SecretReader($0.document, at: $0.path).admission }
    }
}

/// Reads one Secret by hand rather than by a field table, whose words quote what they complain of.
///
/// Source of the rules: `ValidateSecret` in `pkg/apis/core/validation` of Kubernetes 1.36. That the content is right is
/// checked here too, where Kubernetes asks for no more than JSON.
struct SecretReader {
    private let document: Document
    private let path: FieldPath
    private(set) var admission: SecretAdmission

    private static let fields = ["apiVersion", "data", "immutable", "kind", "metadata", "stringData", "type"]
    private static let sizeMax = 1 << 20
    /// In place of what would be shown of a value.
    private static let redacted = "<secret contents redacted>"

    /// The types that hold credentials for registries, each with its key.
    private static let types: [String: (key: String, form: DockerConfiguration.Form)] = [
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson", .config),
        "kubernetes.io/dockercfg": (".dockercfg", .legacy),
    ]

    init(_ document: Document, at path: FieldPath) {
        (self.document, self.path) = (document, path)
        admission = SecretAdmission(path: path)
        guard case .map(let entries) = document.value else {
            refuse(.invalid(path, Self.redacted, "must be a map"), document)
            return
        }
        warnUnknown(entries.map(\.key), of: document, at: path, known: Self.fields)
        readMetadata()
        if let immutable = document["immutable"], !immutable.isNull {
            if case .bool = immutable.value {} else { wrongType("immutable", "a boolean", immutable) }
        }
        let contents = readContents()
        guard let type = readType() else { return }
        readConfiguration(contents, key: type.key, form: type.form)
    }

    // MARK: Metadata

    private mutating func readMetadata() {
        let place = path.field("metadata")
        let metadata = document["metadata"] ?? .null
        switch metadata.value {
        case .map(let entries):
            warnUnknown(
                entries.map(\.key),
                of: metadata,
                at: place,
                known: ObjectMeta.fields.fields.map(\.name)
            )
        case .null: break
        default: return wrongType("metadata", "a map", metadata)
        }
        let name = name("name", in: metadata)
        if let name {
            admission.key.name = name
            let broken = NameRules.subdomain(name)
            if name.isEmpty {
                refuse(.required(place.field("name"), "name is needed for the secret"), metadata)
            }
            for rule in broken where !name.isEmpty {
                refuse(.invalid(place.field("name"), name, rule), metadata)
            }
        }
        if let namespace = self.name("namespace", in: metadata), !namespace.isEmpty {
            admission.key.namespace = namespace
            for rule in NameRules.label(namespace) {
                refuse(.invalid(place.field("namespace"), namespace, rule), metadata)
            }
        }
        checkKeys(of: metadata["labels"], at: place.field("labels"), rule: NameRules.qualifiedName)
        checkKeys(of: metadata["annotations"], at: place.field("annotations")) {
            NameRules.qualifiedName($0.lowercased())
        }
    }

    /// A text of the metadata; empty where it is missing, nil where it is something else.
    private mutating func name(_ field: String, in metadata: Document) -> String? {
        guard let value = metadata[field], !value.isNull else { return "" }
        guard let text = value.string else {
            wrongType("metadata.\(field)", "a string", value)
            return nil
        }
        return text
    }

    /// Labels and annotations do nothing here. An annotation may hold a copy of the whole Secret, as those of `kubectl
    /// apply` do.
    private mutating func checkKeys(
        of map: Document?,
        at place: FieldPath,
        rule: (String) -> [String]
    ) {
        guard let map, !map.isNull else { return }
        guard case .map(let entries) = map.value else {
            return refuse(.invalid(place, Self.redacted, "must be a map"), map)
        }
        for entry in entries {
            for broken in rule(entry.key) { refuse(.invalid(place, entry.key, broken), entry.value) }
            guard entry.value.string == nil, !entry.value.isNull else { continue }
            refuse(.invalid(place[entry.key], Self.redacted, "must be a string"), entry.value)
        }
    }

    // MARK: Content

    /// What a key holds and where it stands.
    private typealias Content = (bytes: [UInt8], path: FieldPath, line: Int?)

    /// All keys. Of one that stands in both maps, that of `stringData` counts, as in Kubernetes.
    private mutating func readContents() -> [String: Content] {
        var contents: [String: Content] = [:]
        for field in ["data", "stringData"] {
            guard let map = document[field], !map.isNull else { continue }
            guard case .map(let entries) = map.value else {
                wrongType(field, "a map", map)
                continue
            }
            for entry in entries {
                let place = path.field(field)[entry.key]
                for rule in NameRules.configMapKey(entry.key) {
                    refuse(.invalid(place, entry.key, rule), entry.value)
                }
                guard let text = entry.value.string ?? (entry.value.isNull ? "" : nil) else {
                    refuse(.invalid(place, Self.redacted, "must be a string"), entry.value)
                    continue
                }
                let bytes = field == "data" ? Self.decode(text) : Array(text.utf8)
                if bytes == nil { refuse(.invalid(place, Self.redacted, "must be base64"), entry.value) }
                // An unusable value keeps its place, so that it is not said to be missing too.
                contents[entry.key] = (bytes ?? [], place, entry.value.line)
            }
        }
        if contents.values.reduce(0, { $0 + $1.bytes.count }) > Self.sizeMax {
            refuse(.tooLong(path.field("data"), maximum: Self.sizeMax), document["data"] ?? document)
        }
        return contents
    }

    /// Line breaks in base64 do not count. (Go, encoding/base64.)
    private static func decode(_ text: String) -> [UInt8]? {
        Base64.decode(String(decoding: text.utf8.filter { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self))
    }

    private mutating func readType() -> (key: String, form: DockerConfiguration.Form)? {
        let place = path.field("type")
        let value = document["type"] ?? .null
        guard !value.isNull, value.string != "" else {
            // What Kubernetes takes it for.
            refuse(.forbidden(place, "secrets of type \"Opaque\" are " + notSupportedYet("volumes")), value)
            return nil
        }
        guard let name = value.string else {
            wrongType("type", "a string", value)
            return nil
        }
        guard let type = Self.types[name] else {
            let detail = "secrets of type \(name.quoted) are " + notSupportedYet("volumes")
            refuse(.forbidden(place, detail), value)
            return nil
        }
        return type
    }

    private mutating func readConfiguration(
        _ contents: [String: Content],
        key: String,
        form: DockerConfiguration.Form
    ) {
        guard let content = contents[key] else {
            return refuse(.required(path.field("data")[key]), document["data"] ?? document)
        }
        for (other, unused) in contents.sorted(by: { $0.key < $1.key }) where other != key {
            warn("has no effect: podagent reads \(key) alone", at: unused.path, line: unused.line)
        }
        guard admission.problems.isEmpty else { return }
        do throws(DockerConfigurationFailure) {
            let configuration = try DockerConfiguration(parsing: content.bytes, form: form)
            for note in configuration.notes { warn(note, at: content.path, line: content.line) }
            admission.secret = PullSecret(key: admission.key, configuration: configuration)
        } catch {
            let problem = FieldError.invalid(content.path, Self.redacted, error.description)
            admission.problems.append(ManifestProblem(problem, line: content.line))
        }
    }

    // MARK: Reporting

    private mutating func refuse(_ error: FieldError, _ at: Document) {
        admission.problems.append(ManifestProblem(error, line: at.line ?? document.line))
    }

    private mutating func wrongType(_ field: String, _ wanted: String, _ value: Document) {
        let place = field.split(separator: ".").reduce(path) { $0.field(String($1)) }
        let detail = "must be \(wanted), not \(value.kindDescription)"
        refuse(.invalid(place, Self.redacted, detail), value)
    }

    private mutating func warn(_ message: String, at place: FieldPath, line: Int?) {
        admission.warnings.append(ManifestProblem(path: place, line: line, message: message))
    }

    private mutating func warnUnknown(
        _ names: [String],
        of map: Document,
        at place: FieldPath,
        known: [String]
    ) {
        var report = DecodeReport()
        for name in names where !known.contains(name) {
            report.warnUnknown(name, at: place.field(name), line: map[name]?.line ?? map.line, known: known)
        }
        admission.warnings += report.warnings
    }
}

/// A path of a `fieldRef`, taken apart.
///
/// Shared by validation and by whatever reads the value later, so that both understand a path alike.
public enum DownwardField: Sendable, Hashable {
    /// A field of the Pod, such as `metadata.name`.
    case field(String)
    /// One label or annotation: `metadata.labels['app']`.
    case entry(map: String, key: String)

    /// Takes a path apart. A path with brackets that do not fit is a field that does not exist.
    public init(path: String) {
        guard path.hasSuffix("']"), let open = path.firstIndex(of: "["), path[open...].hasPrefix("['") else {
            self = .field(path)
            return
        }
        let start = path.index(open, offsetBy: 2)
        let end = path.index(path.endIndex, offsetBy: -2)
        self =
            start <= end ? .entry(map: String(path[..<open]), key: String(path[start..<end])) : .field(path)
    }

    /// Paths that exist in the API, whether or not a Pod may use them.
    static let known: Set<String> = [
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
        "spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "spec.schedulerName",
        "status.phase",
        "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    ]

    /// Paths without a key that an environment variable may use.
    static let inEnvironment: Set<String> = [
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
        "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    ]

    /// Paths without a key that a file of a downwardAPI volume may show.
    static let inVolume: Set<String> = [
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
    ]
}

extension PodValidator {
    mutating func validate(_ selector: ObjectFieldSelector, supported: Set<String>, at path: FieldPath) {
        let fieldPath = path.field("fieldPath")
        if selector.fieldPath.isEmpty {
            report(.required(fieldPath))
            return
        }
        if selector.apiVersion != "v1" {
            let detail = "error converting fieldPath: unsupported pod version: \(selector.apiVersion)"
            report(.invalid(fieldPath, selector.fieldPath, detail))
            return
        }
        switch DownwardField(path: selector.fieldPath) {
        case .entry("metadata.annotations", let key):
            reportInvalid(path, key, NameRules.qualifiedName(key.lowercased()))
        case .entry("metadata.labels", let key):
            reportInvalid(path, key, NameRules.qualifiedName(key))
        case .field(let name) where DownwardField.known.contains(name):
            if !supported.contains(name) {
                report(.unsupported(fieldPath, name, supported: supported.sorted()))
            }
        case .field, .entry:
            let detail = "error converting fieldPath: field label not supported: \(selector.fieldPath)"
            report(.invalid(fieldPath, selector.fieldPath, detail))
        }
    }

    mutating func validate(_ selector: ResourceFieldSelector, needsContainer: Bool, at path: FieldPath) {
        if needsContainer, selector.containerName.isEmpty {
            report(.required(path.field("containerName")))
            return
        }
        if selector.resource.isEmpty {
            report(.required(path.field("resource")))
            return
        }
        let name = selector.resource.split(separator: ".", maxSplits: 1).last.map(String.init) ?? ""
        let isHugePages = ["limits.hugepages-", "requests.hugepages-"].contains {
            selector.resource.hasPrefix($0)
        }
        guard isHugePages || Self.downwardResources.contains(selector.resource) else {
            report(.unsupported(path.field("resource"), selector.resource, supported: Self.downwardResources))
            return
        }
        validateDivisor(selector.divisor, of: isHugePages ? "hugepages" : name, at: path.field("divisor"))
    }

    private static let downwardResources = [
        "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
        "requests.ephemeral-storage",
        "requests.memory",
    ]

    private mutating func validateDivisor(_ divisor: Quantity, of resource: String, at path: FieldPath) {
        if divisor == Quantity() { return }
        let allowed =
            resource == "cpu"
            ? ["1m", "1"]
            : ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"]
        if allowed.contains(divisor.description) { return }
        let list = resource == "cpu" ? "1m and 1" : allowed.joined(separator: ", ")
        let what = resource == "ephemeral-storage" ? "local ephemeral storage" : resource
        report(
            .invalid(path, resource, "only divisor's values \(list) are supported with the \(what) resource")
        )
    }
}

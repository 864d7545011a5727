/// The rules that the API server and the kubelet check on a Pod before they accept it, after ``Defaulting``, with
/// their words. What decoding has already refused (wrong types, values that do not exist) is not checked again.
///
/// Source: `pkg/apis/core/validation` of Kubernetes 1.36.
public enum Validation {
    /// Everything that is wrong with the Pod.
    ///
    /// - Parameters:
    ///   - pod: The Pod with defaults filled in.
    ///   - path: Where the Pod stands in its document; the root unless it is an item of a list.
    public static func errors(in pod: Pod, at path: FieldPath = .root) -> [FieldError] {
        var validator = PodValidator(pod: pod, path: path)
        validator.validateMetadata()
        validator.validateOwnAnnotations()
        validator.validateVolumes()
        validator.validateContainers()
        validator.validateInitContainers()
        validator.validateSpec()
        validator.validatePodSecurityContext()
        validator.validatePodResources()
        return validator.errors
    }
}

/// Collects the errors of one Pod. The rules stand in extensions, by subject.
struct PodValidator {
    let pod: Pod
    let metadata: FieldPath
    let spec: FieldPath
    var errors: [FieldError] = []

    init(pod: Pod, path: FieldPath) {
        self.pod = pod
        self.metadata = path.field("metadata")
        self.spec = path.field("spec")
    }

    mutating func report(_ error: FieldError) { errors.append(error) }

    /// Reports each rule that `value` breaks as an invalid value.
    mutating func reportInvalid(_ path: FieldPath, _ value: some FieldErrorValue, _ broken: [String]) {
        for rule in broken { report(.invalid(path, value, rule)) }
    }

    /// A text that must be given and keep to a rule.
    mutating func requireName(
        _ text: String,
        at path: FieldPath,
        rule: (String) -> [String] = NameRules.label
    ) {
        if text.isEmpty { report(.required(path)) } else { reportInvalid(path, text, rule(text)) }
    }
}

extension PodValidator {
    mutating func validateMetadata() {
        let meta = pod.metadata
        if meta.name.isEmpty {
            // As the kubelet words it; it does not make up a name from generateName either.
            report(.required(metadata.field("name"), "name is needed for the pod"))
        } else {
            reportInvalid(metadata.field("name"), meta.name, NameRules.subdomain(meta.name))
        }
        requireName(meta.namespace, at: metadata.field("namespace"))
        validateLabels(meta.labels, at: metadata.field("labels"))
        let annotations = metadata.field("annotations")
        for key in meta.annotations.keys.sorted() {
            reportInvalid(annotations, key, NameRules.qualifiedName(key.lowercased()))
        }
        let size = meta.annotations.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        if size > 256 * 1024 { report(.tooLong(annotations, maximum: 256 * 1024)) }
        validateStartAfter(at: annotations)
    }

    mutating func validateLabels(_ labels: [String: String], at path: FieldPath) {
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
            reportInvalid(path, key, NameRules.qualifiedName(key))
            reportInvalid(path, value, NameRules.labelValue(value))
        }
    }
}

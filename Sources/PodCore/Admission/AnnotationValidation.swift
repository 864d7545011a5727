/// The annotations of a Pod that mean something to podagent.
public enum OwnAnnotation: String, CaseIterable, Sendable {
    /// The delay before a container's second restart; see ``BackoffLimits``.
    case backoffInitial = "podagent.io/backoff-initial"
    /// The longest delay before a restart.
    case backoffMaximum = "podagent.io/backoff-max"
    /// The Pods that must be ready, or have succeeded, before this one begins.
    case after = "podagent.io/after"

    /// What all of them begin with. No others may: a name with a slip in it would be passed over without a word.
    static let prefix = "podagent.io/"
}

extension PodValidator {
    /// The annotations that begin with `podagent.io/`.
    mutating func validateOwnAnnotations() {
        let path = metadata.field("annotations")
        let known = OwnAnnotation.allCases.map(\.rawValue)
        for name in pod.metadata.annotations.keys.sorted()
        where name.lowercased().hasPrefix(OwnAnnotation.prefix) {
            guard !known.contains(name) else { continue }
            let meant = nearest(to: name, among: known).map { "did you mean \($0)?" }
            let hint = meant ?? "known are \(known.joined(separator: ", "))"
            report(.forbidden(path[name], "podagent knows no annotation of this name; \(hint)"))
        }
        do throws(BackoffLimits.AnnotationFailure) {
            _ = try BackoffLimits(annotations: pod.metadata.annotations, defaults: .kubelet)
        } catch {
            report(.invalid(path[error.annotation.rawValue], error.value, error.rule))
        }
    }
}

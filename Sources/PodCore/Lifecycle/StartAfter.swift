extension PodAnnotation {
    /// The Pods that have to be Ready or Succeeded before this one begins: `db, cache/redis`.
    public static let after = "podagent.io/after"
}

/// The text of ``PodAnnotation/after``: names of Pods between commas, each `name`, in the Pod's own namespace, or
/// `namespace/name`. A Pod from a file is named as in its file, or with the node's suffix.
public enum StartAfter {
    /// Why a text cannot be read. Each names the part that is wrong.
    public enum Problem: Error, Hashable, Sendable {
        /// No name at all, or nothing between two commas.
        case nameMissing
        /// More than one slash.
        case notAName(String)
        /// A namespace or a name that no Pod can have, with the rule that it breaks.
        case broken(String, rule: String)

        /// What is wrong, for the detail of a field error.
        var detail: String {
            switch self {
            case .nameMissing:
                "must be names of Pods with commas between them, each `name` or `namespace/name`"
            case .notAName(let text): "\(text.quoted) is neither `name` nor `namespace/name`"
            case .broken(let text, let rule): "\(text.quoted): \(rule)"
            }
        }
    }

    /// The names in their order, each once. Throws what is wrong with the first that cannot be read.
    ///
    /// - Parameter namespace: the Pod's own, of names that stand without one.
    public static func names(in text: String, namespace: String) throws(Problem) -> [PodKey] {
        var names: [PodKey] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = try name(String(part.trimmed), namespace)
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    private static func name(_ text: String, _ own: String) throws(Problem) -> PodKey {
        if text.isEmpty { throw .nameMissing }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.last, parts.count <= 2 else { throw .notAName(text) }
        let namespace = parts.count == 2 ? parts[0] : own
        let broken = NameRules.label(namespace) + NameRules.subdomain(name)
        if let rule = broken.first { throw .broken(text, rule: rule) }
        return PodKey(namespace: namespace, name: name)
    }
}

extension Pod {
    /// The Pods that this one names in ``PodAnnotation/after``, as it names them. None in a text that cannot be read: such
    /// a Pod is not admitted.
    var startsAfter: [PodKey] {
        guard let text = metadata.annotations[PodAnnotation.after] else { return [] }
        return (try? StartAfter.names(in: text, namespace: metadata.namespace)) ?? []
    }
}

extension PodValidator {
    /// Whether ``PodAnnotation/after`` can be read. That a Pod names itself is refused here; longer cycles are made of
    /// several Pods, and found by ``StartOrder``.
    mutating func validateStartAfter(at annotations: FieldPath) {
        let meta = pod.metadata
        guard let text = meta.annotations[PodAnnotation.after] else { return }
        let path = annotations[PodAnnotation.after]
        do throws(StartAfter.Problem) {
            for name in try StartAfter.names(in: text, namespace: meta.namespace) where isOwn(name) {
                report(.invalid(path, text, "a Pod cannot wait for itself"))
            }
        } catch {
            report(.invalid(path, text, error.detail))
        }
    }

    private func isOwn(_ name: PodKey) -> Bool {
        guard name.namespace == pod.metadata.namespace else { return false }
        if name.name == pod.metadata.name { return true }
        return pod.isStatic
            && PodIdentity.staticName(name.name, on: pod.spec.nodeName) == pod.metadata.name
    }
}

extension Substring {
    /// Without blanks and line breaks around it: a long list is written on several lines.
    fileprivate var trimmed: Substring {
        let isBlank: (Character) -> Bool = {
            $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r\n" || $0 == "\r"
        }
        var rest = drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}

/// What another version of a Pod's manifest means for the Pod that runs.
///
/// What Kubernetes lets people change in a Pod that exists changes in the Pod that runs: labels, annotations, images,
/// `activeDeadlineSeconds` and further tolerations. Anything else is another Pod, as every change is to a kubelet: the old
/// one is stopped, then the new one is started.
public enum PodChange: Equatable, Sendable {
    /// There is nothing to do.
    case none
    /// The Pod goes on as this one, and the containers named are started anew.
    case inPlace(Pod, superseding: Set<String>, summary: String)
    /// It has to make way for the new one; what differs.
    case replacement(differences: [String])

    /// Compares the Pod that runs with what its manifest says now.
    public init(from old: Pod, to new: Pod) {
        var merged = new
        // It stays who it is, whatever its manifest's content would make of a Pod that is new.
        merged.metadata.uid = old.metadata.uid
        merged.metadata.creationTimestamp = old.metadata.creationTimestamp
        merged.metadata.annotations[PodAnnotation.configSeen] =
            old.metadata.annotations[PodAnnotation.configSeen]
        merged.metadata.generation = old.metadata.generation
        merged.status = old.status
        var differences = Self.differences(merged.withMutableFields(of: old), old)
        if merged.isStatic != old.isStatic { differences.append("its source") }
        if !differences.isEmpty {
            self = .replacement(differences: differences)
        } else if merged == old {
            self = .none
        } else {
            let superseded = Self.otherImages(old, merged)
            self = .inPlace(
                merged,
                superseding: Set(superseded.map(\.name)),
                summary: Self.summary(old, merged, superseded)
            )
        }
    }

    private typealias OtherImage = (name: String, from: String, to: String)

    private static func otherImages(_ old: Pod, _ new: Pod) -> [OtherImage] {
        let pairs = zip(
            old.spec.initContainers + old.spec.containers,
            new.spec.initContainers + new.spec.containers
        )
        return pairs.filter { $0.image != $1.image }.map { ($0.name, $0.image, $1.image) }
    }

    private static func summary(_ old: Pod, _ new: Pod, _ images: [OtherImage]) -> String {
        var changes = images.map { "the image of \($0.name) from \($0.from) to \($0.to)" }
        if old.metadata.labels != new.metadata.labels { changes.append("labels") }
        if old.metadata.ownAnnotations != new.metadata.ownAnnotations { changes.append("annotations") }
        if old.spec.activeDeadlineSeconds != new.spec.activeDeadlineSeconds {
            changes.append("activeDeadlineSeconds")
        }
        if old.spec.tolerations != new.spec.tolerations { changes.append("tolerations") }
        let names = images.map(\.name).joined(separator: ", ")
        let restarts = images.isEmpty ? "nothing restarts" : "restarts if it runs: \(names)"
        return changes.isEmpty ? "" : "Changed in place: \(changes.joined(separator: ", ")); \(restarts)"
    }

    /// The paths of fields that differ, the outermost of each; what a whole list or object has gained or lost is one.
    private static func differences(_ new: Pod, _ old: Pod) -> [String] {
        if new.spec == old.spec, new.metadata == old.metadata { return [] }
        var found: [String] = []
        compare(new.document, old.document, "", &found)
        return found
    }

    private static func compare(_ a: Document?, _ b: Document?, _ path: String, _ found: inout [String]) {
        switch (a?.value, b?.value) {
        case (.map(let left), .map(let right)):
            var names = left.map(\.key)
            names += right.map(\.key).filter { !names.contains($0) }
            for name in names { compare(a?[name], b?[name], path.isEmpty ? name : "\(path).\(name)", &found) }
        case (.list(let left), .list(let right)) where left.count == right.count:
            for index in left.indices { compare(left[index], right[index], "\(path)[\(index)]", &found) }
        default:
            if a?.json() != b?.json() { found.append(path) }
        }
    }
}

extension Pod {
    /// The same with the other's values in all fields that may change in a Pod that runs.
    fileprivate func withMutableFields(of other: Pod) -> Pod {
        var pod = self
        pod.metadata.labels = other.metadata.labels
        pod.metadata.annotations = other.metadata.annotations
        pod.spec.activeDeadlineSeconds = other.spec.activeDeadlineSeconds
        if other.spec.tolerations.allSatisfy(pod.spec.tolerations.contains) {
            pod.spec.tolerations = other.spec.tolerations
        }
        Self.takeImages(&pod.spec.initContainers, other.spec.initContainers)
        Self.takeImages(&pod.spec.containers, other.spec.containers)
        return pod
    }

    /// Of the containers that have the same name and place.
    private static func takeImages(_ containers: inout [Container], _ others: [Container]) {
        for (index, other) in others.enumerated() where index < containers.count {
            guard containers[index].name == other.name else { continue }
            containers[index].image = other.image
        }
    }
}

extension ObjectMeta {
    /// Without those that say where the Pod came from.
    fileprivate var ownAnnotations: [String: String] {
        annotations.filter { !$0.key.hasPrefix("kubernetes.io/config.") }
    }
}

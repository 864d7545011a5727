import PodCore

/// The Secrets that are in force, as the files of the manifest directory define them.
///
/// They live in memory alone: nothing is written to the state directory, and a new agent reads them from their files
/// before it starts a Pod.
@NodeActor
final class PullSecrets {
    private var set = ManifestSet<PullSecret>()
    /// Called when a Secret has come or is another: a Pod that could not pull its images may now.
    var onChange: () -> Void = {}

    nonisolated init() {}

    /// Takes changes of files that came together. Returns what people ought to hear.
    func take(_ changes: [ManifestSet<PullSecret>.Change]) -> [ManifestSet<PullSecret>.Report] {
        let outcome = set.apply(changes)
        let isNews = outcome.actions.contains { action in
            switch action {
            case .start, .replace: true
            case .move, .remove: false
            }
        }
        if isNews { onChange() }
        return outcome.reports
    }

    /// What the Secrets say that a Pod names for its pulls, in the Pod's order.
    ///
    /// - Returns: The configurations, and the names of those Secrets that are not in the Pod's namespace or hold no
    ///   credentials. An empty name is passed over, as in the kubelet; admission has warned of it.
    func configurations(for pod: Pod) -> (found: [DockerConfiguration], missing: [String]) {
        var found: [DockerConfiguration] = []
        var missing: [String] = []
        let secrets = set.pods
        for name in pod.spec.imagePullSecrets.map(\.name) where !name.isEmpty {
            let key = PodKey(namespace: pod.metadata.namespace, name: name)
            if let configuration = secrets[key]?.pod.configuration, !configuration.isEmpty {
                found.append(configuration)
            } else {
                missing.append(name)
            }
        }
        return (found, missing)
    }
}

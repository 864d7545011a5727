import PodCore

/// What `podagent plan` prints for one Pod.
enum LaunchPlanPreview {
    static func text(for pod: Pod) throws(CommandError) -> String {
        throw .failed("this build cannot plan pod \(pod.metadata.name)")
    }
}

/// What a Pod asks for and may use as a whole, added up from its containers.
public enum PodResources {
    /// Requests or limits.
    public enum Side: Sendable {
        /// What is sure to be there.
        case requests
        /// What may be used at most.
        case limits
    }

    /// The need of the containers, without the Pod's own `resources` and `overhead`.
    ///
    /// Regular containers and sidecars run together; init containers run one after another beside the sidecars
    /// declared before them. The need is the largest of these moments, for each resource by itself.
    public static func ofContainers(_ side: Side, in spec: PodSpec) -> ResourceList {
        var sidecars: ResourceList = [:]
        var peak: ResourceList = [:]
        for container in spec.initContainers {
            let own = container.resources[side]
            if container.restartPolicy == .always {
                sidecars.merge(own, uniquingKeysWith: +)
            } else {
                peak.merge(own.merging(sidecars, uniquingKeysWith: +), uniquingKeysWith: max)
            }
        }
        let together = spec.containers.reduce(into: sidecars) { sum, container in
            sum.merge(container.resources[side], uniquingKeysWith: +)
        }
        return peak.merging(together, uniquingKeysWith: max)
    }

    /// What the Pod needs: the containers' need, replaced by the Pod's own figure where it gives one, and the
    /// overhead on top.
    public static func ofPod(_ side: Side, in spec: PodSpec) -> ResourceList {
        let own = spec.resources?[side] ?? [:]
        return ofContainers(side, in: spec).merging(own) { _, pod in pod }.merging(
            spec.overhead,
            uniquingKeysWith: +
        )
    }
}

extension ResourceRequirements {
    /// The requests or the limits.
    subscript(side: PodResources.Side) -> ResourceList {
        switch side {
        case .requests: requests
        case .limits: limits
        }
    }
}

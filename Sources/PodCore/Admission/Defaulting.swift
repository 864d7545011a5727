/// Fills in what Kubernetes fills in when it reads a Pod and what depends on other fields; the defaults that depend
/// on nothing are the initial values of the types. Doing it twice changes nothing.
///
/// Source: `pkg/apis/core/v1/defaults.go` and `conversion.go` of Kubernetes 1.36.
public enum Defaulting {
    /// Fills in the defaults of a Pod.
    public static func apply(to pod: inout Pod) {
        apply(to: &pod.spec)
    }

    private static func apply(to spec: inout PodSpec) {
        if spec.terminationGracePeriodSeconds < 0 { spec.terminationGracePeriodSeconds = 1 }
        if spec.schedulerName.isEmpty { spec.schedulerName = PodSpec().schedulerName }
        let hostNetwork = spec.hostNetwork
        for index in spec.containers.indices { apply(to: &spec.containers[index], hostNetwork: hostNetwork) }
        for index in spec.initContainers.indices {
            apply(to: &spec.initContainers[index], hostNetwork: hostNetwork)
        }
        for index in spec.volumes.indices { apply(to: &spec.volumes[index]) }
        spec.overhead = spec.overhead.mapValues(\.roundedToMilli)
        applyToPodResources(of: &spec)
    }

    private static func apply(to container: inout Container, hostNetwork: Bool) {
        if container.imagePullPolicy == nil {
            container.imagePullPolicy = PullPolicy(defaultFor: container.image)
        }
        if container.terminationMessagePath.isEmpty {
            container.terminationMessagePath = Container().terminationMessagePath
        }
        if hostNetwork {
            for index in container.ports.indices where container.ports[index].hostPort == 0 {
                container.ports[index].hostPort = container.ports[index].containerPort
            }
        }
        for index in container.env.indices {
            guard let version = container.env[index].valueFrom?.fieldRef?.apiVersion, version.isEmpty else {
                continue
            }
            container.env[index].valueFrom?.fieldRef?.apiVersion = "v1"
        }
        for index in container.env.indices where container.env[index].valueFrom?.fileKeyRef != nil {
            if container.env[index].valueFrom?.fileKeyRef?.optional == nil {
                container.env[index].valueFrom?.fileKeyRef?.optional = false
            }
        }
        container.resources.limits = container.resources.limits.mapValues(\.roundedToMilli)
        container.resources.requests = container.resources.requests.mapValues(\.roundedToMilli)
            .merging(container.resources.limits) { request, _ in request }
        apply(to: &container.livenessProbe)
        apply(to: &container.readinessProbe)
        apply(to: &container.startupProbe)
        apply(to: &container.lifecycle)
    }
}

extension Defaulting {
    /// In a probe, zero counts as not given.
    private static func apply(to probe: inout Probe?) {
        guard var filled = probe else { return }
        let defaults = Probe()
        if filled.timeoutSeconds == 0 { filled.timeoutSeconds = defaults.timeoutSeconds }
        if filled.periodSeconds == 0 { filled.periodSeconds = defaults.periodSeconds }
        if filled.successThreshold == 0 { filled.successThreshold = defaults.successThreshold }
        if filled.failureThreshold == 0 { filled.failureThreshold = defaults.failureThreshold }
        if filled.httpGet?.path == "" { filled.httpGet?.path = "/" }
        probe = filled
    }

    private static func apply(to lifecycle: inout Lifecycle?) {
        if lifecycle?.postStart?.httpGet?.path == "" { lifecycle?.postStart?.httpGet?.path = "/" }
        if lifecycle?.preStop?.httpGet?.path == "" { lifecycle?.preStop?.httpGet?.path = "/" }
    }

    private static func apply(to volume: inout Volume) {
        if volume.sources.isEmpty { volume.emptyDir = EmptyDirVolumeSource() }
        if let image = volume.image, image.pullPolicy == nil {
            volume.image?.pullPolicy = PullPolicy(defaultFor: image.reference)
        }
        for index in volume.downwardAPI?.items.indices ?? 0..<0 {
            if volume.downwardAPI?.items[index].fieldRef?.apiVersion == "" {
                volume.downwardAPI?.items[index].fieldRef?.apiVersion = "v1"
            }
        }
    }

    /// When the Pod has resources of its own, the requests it leaves out are those of its containers together, or
    /// else its limits.
    private static func applyToPodResources(of spec: inout PodSpec) {
        guard var resources = spec.resources else { return }
        resources.limits = resources.limits.mapValues(\.roundedToMilli)
        resources.requests = resources.requests.mapValues(\.roundedToMilli)
        let needed = PodResources.ofContainers(.requests, in: spec).filter { ResourceName.isPodLevel($0.key) }
        let allowed = PodResources.ofContainers(.limits, in: spec).filter { ResourceName.isHugePages($0.key) }
        resources.limits.merge(allowed) { own, _ in own }
        resources.requests.merge(needed) { own, _ in own }
        resources.requests.merge(resources.limits) { own, _ in own }
        spec.resources = resources
    }
}

extension PullPolicy {
    /// The policy of an image for which none is given: `Always` when its tag is `latest` or it has neither tag nor
    /// digest, because then what it means can change. What is no reference is left to fail where it is used.
    init(defaultFor image: String) {
        let tag = try? ImageReference(parsing: image).tag
        self = tag == ImageReference.defaultTag ? .always : .ifNotPresent
    }
}

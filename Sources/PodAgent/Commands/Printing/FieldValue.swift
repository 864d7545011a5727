import PodCore

/// What a container's environment gets from fields of its Pod, as far as it can be told from the Pod alone.
enum FieldValue {
    /// The value of a field of the downward API; empty when there is none.
    static func text(_ path: String, of pod: Pod) -> String {
        if let key = key(of: path, in: "metadata.labels") { return pod.metadata.labels[key] ?? "" }
        if let key = key(of: path, in: "metadata.annotations") { return pod.metadata.annotations[key] ?? "" }
        return switch path {
        case "metadata.name": pod.metadata.name
        case "metadata.namespace": pod.metadata.namespace
        case "metadata.uid": pod.metadata.uid
        case "spec.nodeName": pod.spec.nodeName
        case "spec.serviceAccountName": pod.spec.serviceAccountName
        case "status.hostIP": pod.status.hostIP
        case "status.hostIPs": pod.status.hostIPs.map(\.ip).joined(separator: ",")
        case "status.podIP": pod.status.podIP
        case "status.podIPs": pod.status.podIPs.map(\.ip).joined(separator: ",")
        default: ""
        }
    }

    /// `key` of `metadata.labels['key']`.
    private static func key(of path: String, in map: String) -> String? {
        guard path.hasPrefix("\(map)['"), path.hasSuffix("']") else { return nil }
        return String(path.dropFirst(map.count + 2).dropLast(2))
    }

    /// A container's own request or limit, in units of the divisor. Without a limit, all that the node has is what
    /// counts, and the Pod does not say how much that is.
    static func text(_ selector: ResourceFieldSelector, of container: Container) -> String {
        let parts = selector.resource.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return "" }
        let list = parts[0] == "limits" ? container.resources.limits : container.resources.requests
        guard let quantity = list[parts[1]] else { return parts[0] == "limits" ? "node allocatable" : "0" }
        let divisor = selector.divisor == Quantity() ? Quantity(1) : selector.divisor
        return String(quantity.divided(by: divisor))
    }
}

/// What podagent honours only for some values or in some places, where the place or another field decides; the
/// fields that these rules are about are marked ``Support/partly(_:)`` in their tables.
enum ConditionalSupport {
    /// Everything in the Pod, as it was written and before defaulting, that is refused for such a reason.
    static func errors(in pod: Pod, hasNetwork: Bool, at path: FieldPath) -> [FieldError] {
        var errors = bandwidth(pod.metadata.annotations, at: path.field("metadata").field("annotations"))
        let spec = path.field("spec")
        for (name, containers) in [
            ("initContainers", pod.spec.initContainers), ("containers", pod.spec.containers),
        ] {
            for (index, container) in containers.enumerated() {
                let containerPath = spec.field(name)[index]
                if !hasNetwork, !pod.spec.hostNetwork {
                    errors += hostPorts(of: container, at: containerPath)
                }
                errors += fieldReferences(of: container, at: containerPath)
                errors += resources(container.resources, at: containerPath.field("resources"))
            }
        }
        if let own = pod.spec.resources { errors += resources(own, at: spec.field("resources")) }
        for (index, volume) in pod.spec.volumes.enumerated() {
            guard let emptyDir = volume.emptyDir else { continue }
            errors += media(of: emptyDir, at: spec.field("volumes")[index].field("emptyDir"))
        }
        if pod.spec.os?.name == "windows" {
            let detail = "Failed to admit pod as the OS field doesn't match node OS"
            errors.append(.forbidden(spec.field("os").field("name"), detail))
        }
        return errors
    }

    /// Asked for by annotations, which are nobody's business otherwise: to pass over these would be to drop a limit.
    private static func bandwidth(_ annotations: [String: String], at path: FieldPath) -> [FieldError] {
        ["kubernetes.io/egress-bandwidth", "kubernetes.io/ingress-bandwidth"]
            .filter { annotations[$0] != nil }
            .map { .forbidden(path[$0], notSupportedYet("networking")) }
    }

    /// There is nothing that a port of the node could be forwarded to.
    private static func hostPorts(of container: Container, at path: FieldPath) -> [FieldError] {
        container.ports.enumerated().filter { $0.element.hostPort != 0 }.map { index, _ in
            let detail =
                "needs a network of Pods, and this node has none: start podagent with --pod-cidr or --cni-conf-dir"
            return .forbidden(path.field("ports")[index].field("hostPort"), detail)
        }
    }

    private static func fieldReferences(of container: Container, at path: FieldPath) -> [FieldError] {
        container.env.enumerated().compactMap { index, variable in
            guard let field = variable.valueFrom?.fieldRef?.fieldPath else { return nil }
            let fieldPath = path.field("env")[index].field("valueFrom").field("fieldRef").field("fieldPath")
            switch field {
            case "spec.serviceAccountName":
                return .forbidden(fieldPath, "static pods may not reference serviceaccounts")
            default: return nil
            }
        }
    }

    /// Names that mean nothing at all are for ``Validation`` to refuse.
    private static func resources(_ resources: ResourceRequirements, at path: FieldPath) -> [FieldError] {
        [("limits", resources.limits), ("requests", resources.requests)].flatMap { field, list in
            list.keys.filter(ResourceName.isUnsupported).sorted().map { name in
                .forbidden(path.field(field)[name], notSupportedYet("confinement"))
            }
        }
    }

    private static func media(of emptyDir: EmptyDirVolumeSource, at path: FieldPath) -> [FieldError] {
        switch emptyDir.medium {
        case "Memory": return []
        case "":
            if emptyDir.sizeLimit == nil { return [] }
            return [.forbidden(path.field("sizeLimit"), notSupportedYet("configuration"))]
        case let medium where medium == "HugePages" || medium.hasPrefix("HugePages-"):
            return [.forbidden(path.field("medium"), notSupportedYet("configuration"))]
        case let medium:
            return [.invalid(path.field("medium"), medium, "unknown storage medium \(medium.quoted)")]
        }
    }
}
